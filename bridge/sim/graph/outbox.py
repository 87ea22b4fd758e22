"""Posting webhooks as Meta does: signed, repeated until a 200, perhaps twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bridge.sim.graph.payloads import Payload, encode, sign
from bridge.sim.watch import Watch

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST to the webhook. `status` is None when no answer came."""

    raw: bytes
    number: int
    status: int | None


class Outbox:
    """What is on its way to the webhook. Owns the tasks that carry it; `close` ends them."""

    def __init__(
        self, *, app_secret: str, redelivery: Sequence[float], patience: float, watch: Watch
    ) -> None:
        self.app_secret = app_secret
        #: Pauses in seconds before the second, third ... attempt; their number is the bound.
        self.redelivery = tuple(redelivery)
        #: Seconds that an answer may take.
        self.patience = patience
        self.url: str | None = None
        #: Deliver everything twice, at the same time.
        self.duplicate = False
        self.attempts: deque[Attempt] = deque(maxlen=_REMEMBERED)
        #: Webhooks that were given up after the last pause.
        self.given_up = 0
        self._watch = watch
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._posting = 0
        self._broken: list[BaseException] = []

    @property
    def outstanding(self) -> int:
        return len(self._tasks) + self._posting

    async def deliver(self, payload: Payload) -> int | None:
        """Post once and give the status; repeats, if due, go on behind the caller's back.

        None when no answer came, or when there is no webhook to post to.
        """
        if self.url is None:
            return None
        raw = encode(payload)
        with self._counted():
            if not self.duplicate:
                return await self._first(raw)
            first, _ = await asyncio.gather(self._first(raw), self._first(raw))
            return first

    async def get(self, url: str, query: dict[str, str]) -> tuple[int, str] | None:
        """Ask the webhook for its verification. None when it cannot be reached."""
        try:
            async with self._client().get(url, params=query, allow_redirects=False) as answer:
                return answer.status, await answer.text(errors="replace")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    def start(self, errand: Coroutine[Any, Any, None]) -> None:
        """Carry out something in the background, counted as outstanding until it is done."""
        task = asyncio.create_task(errand)  # noqa: TID251  owned: `close` ends it
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def settled(self, timeout: float) -> None:  # noqa: ASYNC109  an argument of the public API
        """Wait until nothing is outstanding; raises what went wrong in an errand."""
        await self._watch.wait_for(lambda: not self.outstanding, timeout)
        if self._broken:
            raise self._broken[0]

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _first(self, raw: bytes) -> int | None:
        status = await self._post(raw, 1)
        if status != 200:  # noqa: PLR2004  Meta takes nothing but 200
            self.start(self._repeat(raw))
        return status

    async def _repeat(self, raw: bytes) -> None:
        for number, pause in enumerate(self.redelivery, start=2):
            await asyncio.sleep(pause)
            if await self._post(raw, number) == 200:  # noqa: PLR2004  see _first
                return
        self.given_up += 1

    async def _post(self, raw: bytes, number: int) -> int | None:
        url = self.url
        if url is None:
            return None
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": sign(raw, self.app_secret),
        }
        status = None
        try:
            async with self._client().post(
                url, data=raw, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        self.attempts.append(Attempt(raw=raw, number=number, status=status))
        self._watch.changed()
        return status

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.patience),
                connector=aiohttp.TCPConnector(limit=100),
            )
        return self._session

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._posting += 1
        try:
            yield
        finally:
            self._posting -= 1
            self._watch.changed()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._broken.append(error)
        self._watch.changed()
