"""WhatsApp's markup, read and written (chatwoot-api.md 4.4, evolution-chatwoot.md 3.9).

WhatsApp knows ``*bold*``, ``_italic_``, ``~strike~``, ```` ```monospace``` ````, `` `code` ``,
``> quote``, ``- item`` and ``1. item``. A mark counts only at the border of a word, next to
its text and within its line (`marks`). There is no way of escaping.
"""

from __future__ import annotations

from bridge.text.whatsapp_reader import read
from bridge.text.whatsapp_writer import write

__all__ = ["read", "write"]
