"""A coroutine in which the service dies at a chosen await, and the process of the test does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Death:
    """Counts the awaits of one place, as `support.steps` does, and calls `die` at the step `at`.

    What was awaited is cancelled there: of what it waited for, it learns nothing any more.
    """

    place: str
    at: int
    die: Callable[[str], None]
    count: int = 0

    def watch(self, place: str, work: Awaitable[T]) -> Awaitable[T]:
        return _Mortal(self, work) if place == self.place else work

    def comes(self, moment: str) -> bool:
        self.count += 1
        if self.count != self.at:
            return False
        self.die(f"{self.place}, {moment}")
        return True


class _Mortal(Generic[T]):
    def __init__(self, death: Death, work: Awaitable[T]) -> None:
        self._death = death
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        work, comes = _run(self._work), self._death.comes
        send: Callable[[], Any] = partial(work.send, None)
        while True:
            try:
                waited_for = send()
            except StopIteration as done:
                if comes("when it was done"):
                    raise asyncio.CancelledError from None
                result: T = done.value
                return result
            send = partial(work.throw, asyncio.CancelledError())
            if comes("when it began to wait"):
                continue
            try:
                value = yield waited_for
            except BaseException as error:  # noqa: BLE001  (handed on to whom it is for)
                if not comes("when it was told of a failure"):
                    send = partial(work.throw, error)
            else:
                if not comes("when it went on"):
                    send = partial(work.send, value)


async def _run(work: Awaitable[T]) -> T:
    return await work
