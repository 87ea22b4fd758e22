"""How much memory the worker may take: what somebody sends must not take that of the machine.

The engine has a file in its memory whole, whatever size its sender names, and some copies of it. A
worker that wants too much ends, and the next one goes on; Ponte gives such a file up.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

#: For all that is no file: a chunk of history of 40 MiB takes half of it.
_LEAST: Final = 1536 * 2**20
#: Threads' stacks and the engine.
_BASE: Final = 512 * 2**20
#: So many times its length a file is in memory (measured: 6.3), and so many files at a time.
_COPIES: Final = 8
FILES: Final = 3
#: Where the machine runs out of memory, the system ends a worker before it ends Ponte.
_FIRST: Final = "500"


def bound() -> None:
    """To be called once, at the start."""
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_FIRST)
        _allow(_LEAST)


def make_room(size: int) -> None:
    """For files as long as this."""
    if sys.platform == "linux":
        soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = _BASE + FILES * _COPIES * size
        if soft != resource.RLIM_INFINITY and wanted > soft:
            _allow(wanted)


def _allow(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or size < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))
