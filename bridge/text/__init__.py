"""Text: one formatting tree, the markups that read and write it, and splitting.

A pure package: no I/O, no clock, no chance. Every function takes any string at all, never
raises, and takes time that grows with the length of its input.
"""

from __future__ import annotations

from bridge.text.convert import neutralise_liquid, sign, to_chatwoot, to_whatsapp
from bridge.text.splitting import split

__all__ = ["neutralise_liquid", "sign", "split", "to_chatwoot", "to_whatsapp"]
