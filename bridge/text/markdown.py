"""Chatwoot's Markdown, read and written (chatwoot-api.md 4.3, 4.4)."""

from __future__ import annotations

from bridge.text.markdown_reader import read
from bridge.text.markdown_writer import write

__all__ = ["read", "write"]
