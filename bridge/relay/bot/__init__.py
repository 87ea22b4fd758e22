"""Flows on WhatsApp: who has the word in a chat, a flow's turns and bubbles, and the hand-off.

The way of a turn: `hearing` (a message is for a flow), `pending` (a burst is gathered), `turn`
(asks Typebot), `plans` (one commit), `bubbles` (one by one), `endings`. `talks` keeps the state,
and is told every signal of a human in the unit that keeps its event (`takeover`, `phone_words`).
"""
