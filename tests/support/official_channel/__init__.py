"""Ponte beside Typebot's own WhatsApp channel: the same flow, the same messages, a verdict.

A scenario is a recording of the official channel (`recordings.Scenario`). `playing` has Ponte live
through the same, `verdicts` compares both step by step by rules that know no scenario, `telling`
writes the table.
"""
