"""Typebot: its chat API, and what a flow says, asks and wants done, in words of ours."""
