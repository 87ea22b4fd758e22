"""A coroutine that dies at a chosen await: every suspension of a road can be a crash point."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class CrashPoints:
    """Counts the steps of the awaited places and ends this process at step `at` with SIGKILL.

    Each suspension gives two steps: what was begun is on its way (the coroutine yields), and what
    was waited for has come but nothing was made of it yet (it is resumed). The return of the
    coroutine is one more: all is done, but the caller does not know. Nothing counts before `armed`.
    """

    at: int
    places: frozenset[str]
    tell: Callable[[dict[str, Any]], None]
    armed: bool = False
    #: Count only these ("suspended", "resumed", "returned"); None: all.
    moment: str | None = None
    count: int = field(default=0, init=False)

    def watch(self, place: str, work: Awaitable[T]) -> Awaitable[T]:
        """`work`, with its steps counted if the place is among those asked for."""
        if place not in self.places:
            return work
        return _Stepping(self, place, work)

    def step(self, place: str, moment: str, coroutine: object) -> None:
        if not self.armed or self.moment not in (None, moment):
            return
        self.count += 1
        if self.count == self.at:
            where = " > ".join(_chain(coroutine))
            self.tell({"crashed": self.at, "place": place, "moment": moment, "where": where})
            os.kill(os.getpid(), signal.SIGKILL)


class _Stepping(Generic[T]):
    def __init__(self, points: CrashPoints, place: str, work: Awaitable[T]) -> None:
        self._points = points
        self._place = place
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        work = _run(self._work)
        step = self._points.step
        send: Callable[[], Any] = lambda: work.send(None)  # noqa: E731  (replaced each round)
        while True:
            try:
                waited_for = send()
            except StopIteration as done:
                step(self._place, "returned", work)
                result: T = done.value
                return result
            step(self._place, "suspended", work)
            try:
                value = yield waited_for
            except BaseException as error:  # noqa: BLE001  (handed on to whom it is for)
                step(self._place, "resumed", work)
                send = _thrower(work, error)
            else:
                step(self._place, "resumed", work)
                send = _sender(work, value)


async def _run(work: Awaitable[T]) -> T:
    return await work


def _thrower(work: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)


def _sender(work: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: work.send(value)


def _chain(coroutine: object) -> list[str]:
    """The names of the coroutines that wait for each other, outermost first."""
    names: list[str] = []
    while coroutine is not None and len(names) < 16:
        name = getattr(coroutine, "__qualname__", None)
        if name not in (None, "_run"):
            names.append(str(name))
        coroutine = getattr(coroutine, "cr_await", None)
    return names
