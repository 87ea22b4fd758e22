"""Delivering webhooks as Sidekiq does: ten at a time, once, five seconds (chatwoot-api.md 3)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
import orjson
from yarl import URL

from bridge.sim.chatwoot.payloads import payload
from bridge.sim.chatwoot.records import API, AgentBot, Inbox, Message, Webhook
from bridge.sim.chatwoot.wire import encode, is_public, signature, told
from bridge.sim.chatwoot.world import Event, World

_WORKERS = 10
_KEPT = 5_000
_MESSAGES = frozenset({"message_created", "message_updated"})
_BOT_ONLY = frozenset({"conversation_opened", "conversation_resolved"})
_ACCOUNT_ONLY = frozenset({"contact_created", "contact_updated", "inbox_created", "inbox_updated"})


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One POST to one URL. `status` is None until an answer came; `error` tells a failure."""

    id: str
    event: str
    to: Literal["inbox", "account", "bot"]
    url: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    status: int | None = None
    error: str | None = None
    done: bool = False
    #: The record had gone before the job ran, so nothing was sent (3.6).
    dropped: bool = False
    started: float | None = None
    finished: float | None = None

    @property
    def payload(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    event: Event
    target: Inbox | Webhook | AgentBot
    delivery: Delivery


class Webhooks:
    """The queue, its workers and what they delivered (the last 5,000, oldest first).

    Iterate over it for the deliveries. Jobs outlive a stop, as those in Redis do.
    """

    def __init__(
        self,
        world: World,
        *,
        timeout: float,
        hold: float = 0,
        shuffle: bool = False,
        seed: int = 0,
        refuse_private: bool = False,
        failed: Callable[[Message, str], None],
    ) -> None:
        self.timeout = timeout
        #: Seconds that each delivery waits before it is built; `shuffle` takes a share of it.
        self.wait = hold
        self.shuffle = shuffle
        #: How often each event is delivered (duplicates have been reported, #11901).
        self.copies = 1
        self.refuse_private = refuse_private
        self.deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self._world = world
        self._failed = failed
        self._seed = seed
        self._drawn = 0
        self._held: list[_Job] | None = None
        self._waiting: dict[asyncio.TimerHandle, _Job] = {}
        self._ready: deque[_Job] = deque()
        self._signal = asyncio.Semaphore(0)
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.pending = 0

    def __iter__(self) -> Iterator[Delivery]:
        return iter(tuple(self.deliveries))

    def __len__(self) -> int:
        return len(self.deliveries)

    def of(self, event: str) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.event == event]

    # running

    async def start(self) -> None:
        """Begin to deliver; the workers belong to this object until `stop`."""
        if self._workers:
            raise RuntimeError("this stand-in is being served already")
        self._session = aiohttp.ClientSession(
            # a Ruby worker opens a new connection for every delivery
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self.timeout, sock_read=self.timeout
            ),
        )
        loop = asyncio.get_running_loop()
        self._signal = asyncio.Semaphore(len(self._ready))
        self._workers = [loop.create_task(self._work()) for _ in range(_WORKERS)]

    async def stop(self) -> None:
        for handle, job in self._waiting.items():
            handle.cancel()
            self._ready.append(job)
        self._waiting.clear()
        for worker in self._workers:
            worker.cancel()
        ended = await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers = []
        if self._session is not None:
            await self._session.close()
            self._session = None
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def hold(self) -> None:
        """Keep every delivery back until `release`."""
        self._held = []

    def release(self, *, backwards: bool = False) -> None:
        """Let the held deliveries go, in their order or the other way round."""
        held, self._held = self._held or [], None
        for job in reversed(held) if backwards else held:
            self._queue(job)

    # queueing

    def emit(self, event: Event) -> None:
        for target, to, url in self._targets(event):
            for _ in range(self.copies):
                delivery = Delivery(id=str(uuid.uuid4()), event=event.name, to=to, url=url)
                if isinstance(target, AgentBot):
                    # these payloads alone are built at commit
                    body = payload(self._world, event)
                    delivery.body = b"" if body is None else encode(body)
                self.pending += 1
                self.deliveries.append(delivery)
                job = _Job(event=event, target=target, delivery=delivery)
                if self._held is None:
                    self._queue(job)
                else:
                    self._held.append(job)

    def _targets(
        self, event: Event
    ) -> Iterator[tuple[Inbox | Webhook | AgentBot, Literal["inbox", "account", "bot"], str]]:
        inbox = _inbox_of(event)
        bot = None if inbox is None else inbox.bot
        if (
            bot is not None
            and bot.outgoing_url
            and (event.name in _MESSAGES or event.name in _BOT_ONLY)
        ):
            yield bot, "bot", bot.outgoing_url
        if event.name in _BOT_ONLY:
            return
        if (
            inbox is not None
            and inbox.webhook_url
            and inbox.channel_type == API
            and event.name not in _ACCOUNT_ONLY
        ):
            yield inbox, "inbox", inbox.webhook_url
        if event.name.startswith("inbox_") and not self._world.inbox_events:
            return
        for webhook in self._world.webhooks.values():
            if event.name in webhook.subscriptions:
                yield webhook, "account", webhook.url

    def _queue(self, job: _Job) -> None:
        wait = self.wait * self._chance() if self.shuffle else self.wait
        if wait <= 0 or not self._workers:
            self._make_ready(job)
            return
        loop = asyncio.get_running_loop()

        def due() -> None:
            self._waiting.pop(handle, None)
            self._make_ready(job)

        handle = loop.call_later(wait, due)
        self._waiting[handle] = job

    def _make_ready(self, job: _Job) -> None:
        self._ready.append(job)
        self._signal.release()

    def _chance(self) -> float:
        """The next of a fixed series of numbers below 1, so that a shuffle can be repeated."""
        self._drawn += 1
        digest = blake2b(f"{self._seed}/{self._drawn}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) / 2**32

    # delivering

    async def _work(self) -> None:
        while True:
            await self._signal.acquire()
            job = self._ready.popleft()
            try:
                await self._deliver(job)
            except asyncio.CancelledError:
                self._ready.appendleft(job)
                raise
            self.pending -= 1
            self._world.changed()

    async def _deliver(self, job: _Job) -> None:
        delivery, message = job.delivery, job.event.message
        if job.delivery.to != "bot":
            body = payload(self._world, job.event)
            delivery.body = b"" if body is None else encode(body)
        if not delivery.body:
            delivery.done = delivery.dropped = True
            return
        delivery.headers = self._headers(job)
        delivery.started = time.monotonic()
        await self._post(delivery)
        delivery.finished = time.monotonic()
        delivery.done = True
        if (
            delivery.error is not None
            and delivery.to == "inbox"
            and message is not None
            and self._world.messages.get(message.id) is message
        ):
            self._failed(message, delivery.error)

    async def _post(self, delivery: Delivery) -> None:
        session = self._session
        assert session is not None, "deliveries run between start and stop"  # noqa: S101 -- workers live only then
        host = URL(delivery.url).host or ""
        if self.refuse_private and not is_public(host):
            delivery.error = f"Hostname '{host}' has no public ip addresses"
            return
        try:
            async with session.post(
                delivery.url,
                data=delivery.body,
                headers=delivery.headers,
                allow_redirects=False,
            ) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            delivery.error = told(error, host)
            return
        delivery.status = response.status
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            delivery.error = f"{response.status} {response.reason or ''}".strip()

    def _headers(self, job: _Job) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "rest-client/2.1.0 (linux x86_64) ruby/3.4.4p34",
        }
        profile = self._world.profile
        if profile.signs_account if job.delivery.to == "account" else profile.signs_inboxes:
            stamp = str(int(self._world.now()))
            headers["X-Chatwoot-Delivery"] = job.delivery.id
            headers["X-Chatwoot-Timestamp"] = stamp
            headers["X-Chatwoot-Signature"] = signature(job.target.secret, stamp, job.delivery.body)
        return headers


def _inbox_of(event: Event) -> Inbox | None:
    if event.message is not None:
        return event.message.conversation.inbox
    return event.inbox if event.conversation is None else event.conversation.inbox
