"""Small things of many stanzas."""

from __future__ import annotations

import os
import time


def now() -> str:
    """The time of a stanza."""
    return str(int(time.time()))


def message_id() -> str:
    """As a phone makes them."""
    return os.urandom(10).hex().upper()
