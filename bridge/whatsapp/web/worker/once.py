"""Messages to be looked at once, which no linked device gets.

The engine's event says only that such a message is not to be had; why, stands in its log alone,
in a line that it writes before it tells the event.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import Final

_LINE: Final = re.compile(r'Unavailable message (\S{1,256}) from .*\(type: "view_once"\)')
#: Events follow their lines at once.
_KEPT: Final = 200


class Once:
    def __init__(self) -> None:
        self._ids: deque[str] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()  # the engine logs in whatever thread

    def hear(self, line: str) -> None:
        """Take note of a line of the engine's log."""
        if (found := _LINE.match(line)) is not None:
            with self._lock:
                self._ids.append(found[1])

    def holds(self, message: str) -> bool:
        with self._lock:
            return message in self._ids
