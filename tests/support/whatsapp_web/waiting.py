"""Waiting for what the client does, with a deadline and a useful complaint."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from bridge.sim.watch import Watch
from support.whatsapp_web.nodes import Node

SECONDS: Final = 30.0
_TOLD = 15


class Late(AssertionError):
    """What a test waits for has not come in time."""


class Journal:
    """All that went over the wire, and who waits for what."""

    def __init__(self) -> None:
        #: (">" to the client or "<" from it, the node), the newest last.
        self.trace: deque[tuple[str, Node]] = deque(maxlen=5000)
        #: What the client did wrong; a test ends with an error when there is any.
        self.problems: list[str] = []
        self._watch = Watch()

    def add(self, way: str, node: Node) -> None:
        self.trace.append((way, node))

    def changed(self) -> None:
        self._watch.changed()

    async def until(
        self, predicate: Callable[[], bool], what: str, *, seconds: float = SECONDS
    ) -> None:
        """Return as soon as this is true. Raises `Late` with the last that was on the wire."""
        try:
            await self._watch.wait_for(predicate, timeout=seconds)
        except TimeoutError:
            last = [f"{way} {str(node)[:300]}" for way, node in list(self.trace)[-_TOLD:]]
            told = "\n  ".join([*self.problems, *last])
            raise Late(f"{what}: not within {seconds:g} s; the last of it:\n  {told}") from None
