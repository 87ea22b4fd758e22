"""Nothing in `bridge` may block the event loop: every test finds out.

A blocking call (a file, a socket, a lock, SQLite, `time.sleep`) that is made while an event loop
runs in this thread, with code of `bridge` anywhere on the stack, raises
``blockbuster.BlockingError`` at the place of the call. Threads are free to block.

What may block all the same, with the reason:

* a place in `ALLOWED`, for all tests: where blocking is decided, such as while the service starts
  and nothing is served yet;
* a single test, by ``@pytest.mark.may_block("why")``: for what is not our program, such as a
  stand-in that reads its pictures from disk.

Log lines to standard output and error are allowed by the detector itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import BlockBuster

#: (call, end of the file's path, functions): each a decision to block, not an oversight.
ALLOWED: tuple[tuple[str, str, frozenset[str]], ...] = (
    # The packaged pages are read once, while the routes are made.
    ("io.BufferedReader.read", "bridge/http/docs/__init__.py", frozenset({"docs_routes"})),
    ("io.TextIOWrapper.read", "bridge/http/docs/__init__.py", frozenset({"docs_routes"})),
    # Log lines are written where they arise. The detector knows standard error as it is at its own
    # start, and a test of the command line puts another one in its place for a while.
    ("io.TextIOWrapper.write", "structlog/_output.py", frozenset({"msg"})),
    # Coverage notes a file that runs for the first time; another thread may be at it.
    ("threading.Lock.acquire", "coverage/collector.py", frozenset({"lock_data"})),
)


def detector() -> BlockBuster:
    """The detector, not yet active; make one for all tests."""
    found = BlockBuster("bridge")
    for call, path, functions in ALLOWED:
        found.functions[call].can_block_in(path, functions)
    return found


@contextmanager
def active(watch: BlockBuster) -> Iterator[None]:
    """Blocking calls are errors inside."""
    watch.activate()
    try:
        yield
    finally:
        watch.deactivate()
