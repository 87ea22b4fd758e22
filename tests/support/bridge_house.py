"""The whole house over real HTTP: both stand-ins, the service, and an instance that is set up.

Nothing sleeps here: tests wait for what the stand-ins see, or for `House.quiet`.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import shutil
import sys
import tempfile
import traceback
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import structlog
from structlog.typing import EventDict

from bridge.app import DATABASE, Service, running
from bridge.clock import SystemClock
from bridge.engine.queue import LOCAL, Job, Outcome, Retry
from bridge.http.server import serving
from bridge.settings import Settings
from bridge.sim.chatwoot import ChatwootSim, Conversation, Inbox, Message
from bridge.sim.graph import GraphSim, SentMessage
from bridge.store import schema
from bridge.store.engine import Unit
from bridge.whatsapp.registry import ChannelKind
from support.absent_web import NOT_INSTALLED
from support.declared import declared
from support.ports import Port

KEY = "the-global-key-of-the-tests"
META_TOKEN = "EAA-token-of-the-shop"
APP_SECRET = "secret-of-the-meta-app"
VERIFY_TOKEN = "verify-token-of-the-tests"
NAME = "loja"
#: Invented customers in São Paulo.
MARINA = "5511987650001"
RUI = "5511987650002"

_COUNTED = re.compile(r'ponte_events_total\{cause="(.*)",outcome="(\w+)",road="(\w+)"\} ([\d.e+]+)')
_WAITING = re.compile(r'ponte_waiting\{road="(\w+)"\} ([\d.e+]+)')


class ShiftedClock(SystemClock):
    """The machine's clock, set ahead: hours pass between a stop and the next start."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def ms(self) -> int:
        return super().ms() + round(self.ahead_seconds * 1000)


@cache
def _template() -> Path:
    """A migrated empty database, made once in this process."""
    folder = Path(tempfile.mkdtemp(prefix="ponte-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / DATABASE
    schema.prepare(path)
    return path


def _lay_out(data: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_template(), data / DATABASE)


@dataclass(kw_only=True)
class House:
    """`service` and its address change with each restart, `url` and the data do not."""

    chat: ChatwootSim
    graph: GraphSim
    chat_url: str
    settings: Settings
    url: str
    http: aiohttp.ClientSession
    clock: ShiftedClock
    service: Service = field(init=False)
    key: str = ""
    #: Kinds of channels beside our own (`support.qr_channel`).
    channels: Mapping[str, ChannelKind] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    # -- running -----------------------------------------------------------------------------

    async def start(self) -> None:
        port = self.settings.server.port
        service = await self._stack.enter_async_context(
            running(
                self.settings,
                clock=self.clock,
                chance=lambda: 1.0,
                channels={**NOT_INSTALLED, **self.channels},
            )
        )
        await self._stack.enter_async_context(
            serving(service.app, host="127.0.0.1", port=port, shutdown_seconds=1)
        )
        self.service = service
        self._watch(service)

    async def stop(self) -> None:
        await _everybody_is_in(self.settings.server.port)
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """The service is down inside the block; webhooks are refused."""
        await self.quiet()
        await self.stop()
        yield
        await self.start()

    def _watch(self, service: Service) -> None:
        """Hear of each job that ends, so that `quiet` need not poll."""
        queue = service.queue
        settle, cancel = queue.settle, queue.cancel

        async def settled(job: Job, outcome: Outcome | Retry) -> None:
            await settle(job, outcome)
            self._moved.set()

        def cancelled(unit: Unit, job_id: int, *, rule: str, now: int) -> bool:
            unit.after_commit.append(self._moved.set)
            return cancel(unit, job_id, rule=rule, now=now)

        queue.settle = settled  # type: ignore[method-assign]
        queue.cancel = cancelled  # type: ignore[method-assign]

    async def quiet(self, timeout: float = 30) -> None:  # noqa: ASYNC109  handed to asyncio.timeout
        """Wait until no webhook is under way and no job waits or runs."""
        async with asyncio.timeout(timeout):
            while True:
                self._moved.clear()
                await self.chat.settled(timeout)
                await self.graph.settled(timeout)
                if await self.waiting():
                    await self._moved.wait()
                elif not self.chat.webhooks.pending and not self.graph.outbox.outstanding:
                    return

    async def pass_time(self, hours: float) -> None:
        """Set the clock ahead, and wait until nothing is due any more."""
        self.clock.ahead_seconds += hours * 3600
        self.service.queue.resume(LOCAL)  # the worker looks at the clock again
        async with asyncio.timeout(30):
            while True:
                self._moved.clear()
                due = "SELECT COUNT(*) AS n FROM job WHERE state='waiting' AND due_at<=?"
                if (await self.rows(due, self.clock.ms()))[0]["n"] == 0:
                    return
                await self._moved.wait()

    async def waiting(self) -> int:
        found = await self.service.store.read(
            lambda db: db.execute("SELECT COUNT(*) FROM job WHERE state='waiting'").fetchone()[0]
        )
        return int(found)

    # -- the API -----------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, *, key: str | None = KEY, **more: Any
    ) -> tuple[int, Any]:
        """Call the API; gives status and decoded body. What is answered must be declared."""
        headers = ({} if key is None else {"apikey": key}) | more.pop("headers", {})
        async with self.http.request(method, self.url + path, headers=headers, **more) as answer:
            body = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            told = orjson.loads(body) if is_json and body else body.decode()
        declared(self.service.app).check(method, path, answer.status, told)
        return answer.status, told

    async def ok(self, method: str, path: str, **more: Any) -> Any:
        status, body = await self.call(method, path, **more)
        assert status in (200, 201), (status, body)
        return body

    def order(self, **changes: Any) -> dict[str, Any]:
        """A complete body of POST /instance/create; a change to None leaves the field out."""
        body = {
            "instanceName": NAME,
            "integration": "WHATSAPP-BUSINESS",
            "token": META_TOKEN,
            "number": next(iter(self.graph.numbers)),
            "businessId": "398877665544332",
            "chatwootAccountId": str(self.chat.account_id),
            "chatwootToken": self.chat.admin_token,
            "chatwootUrl": self.chat_url,
            "chatwootSignMsg": False,
            "chatwootReopenConversation": False,
            "chatwootConversationPending": False,
            "chatwootMergeBrazilContacts": False,
            "chatwootNameInbox": "WhatsApp Loja",
        } | changes
        return {name: value for name, value in body.items() if value is not None}

    async def create(self, **changes: Any) -> Any:
        """Create an instance, and have the agents see its inbox."""
        made = await self.ok("POST", "/instance/create", json=self.order(**changes))
        for inbox in self.chat.inboxes.values():
            inbox.members.setdefault(self.chat.agent.id, self.chat.agent)
            inbox.fields["enable_auto_assignment"] = False
        self.key = made["hash"] if isinstance(made["hash"], str) else made["hash"]["apikey"]
        await self.quiet()
        return made

    # -- what people do and see --------------------------------------------------------------

    @property
    def inbox(self) -> Inbox:
        return next(iter(self.chat.inboxes.values()))

    @property
    def hook(self) -> str:
        """The secret address that the inbox delivers to."""
        assert self.inbox.webhook_url is not None
        return self.inbox.webhook_url

    async def talk(self, number: str = MARINA, text: str = "Oi", **writing: Any) -> Conversation:
        """Let a customer write; gives their conversation once all is done."""
        id_ = await self.graph.customer_writes(number, text, **writing)
        await self.quiet()
        return self.of(f"WAID:{id_}").conversation

    def of(self, source_id: str) -> Message:
        """The one Chatwoot message with this source_id."""
        found = [one for one in self.chat.messages() if one.source_id == source_id]
        assert len(found) == 1, (source_id, found)
        return found[0]

    def shown(self, conversation: int | None = None) -> list[str]:
        """What customers wrote, as agents see it, oldest first; without the bot's conversation."""
        return [
            one.content or ""
            for one in self.chat.messages(conversation)
            if one.message_type == "incoming" and not (one.source_id or "").startswith("PONTE:")
        ]

    def chats(self) -> list[Conversation]:
        """The conversations of customers."""
        bot = [
            one.conversation.id
            for one in self.chat.messages()
            if (one.source_id or "").startswith("PONTE:created")
        ]
        return [one for one in self.chat.conversations.values() if one.id not in bot]

    @property
    def texts(self) -> list[str | None]:
        """What went onto WhatsApp, in order."""
        return [one.text for one in self.graph.sent]

    async def sent(self, count: int = 1) -> list[SentMessage]:
        """Wait until so many messages went onto WhatsApp in all."""
        await self.graph.wait_for(lambda: len(self.graph.sent) >= count)
        return self.graph.sent

    async def status(self, message: Message, status: str) -> None:
        """Wait until an agent's message shows this status."""
        await self.chat.wait_for(lambda: message.status == status)

    # -- looking inside ----------------------------------------------------------------------

    async def events(self) -> dict[tuple[str, str, str], int]:
        """(road, outcome, cause) -> count, from /metrics."""
        text = await self._metrics()
        return {
            (road, outcome, cause): int(float(count))
            for cause, outcome, road, count in _COUNTED.findall(text)
        }

    async def balance(self) -> dict[str, int]:
        """Road -> accepted minus all that became of it: 0 everywhere, or something vanished."""
        text = await self._metrics()
        rest: dict[str, int] = {}
        for _, outcome, road, count in _COUNTED.findall(text):
            n = int(float(count))
            rest[road] = rest.get(road, 0) + (n if outcome == "accepted" else -n)
        for road, count in _WAITING.findall(text):
            rest[road] = rest.get(road, 0) - int(float(count))
        return rest

    async def _metrics(self) -> str:
        """What was counted without a commit is written with the next one."""
        await self.service.store.write(lambda _unit: None)
        text: str = await self.ok("GET", "/metrics")
        return text

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return await self.service.store.read(
            lambda db: [dict(row) for row in db.execute(sql, values).fetchall()]
        )


#: The versions whose differences matter to us (chatwoot-api.md 6), and the newest.
CHATWOOTS = ("4.2.0", "4.9.0", "4.11.0", "4.13.0", "4.18.0")


@asynccontextmanager
async def _short_tracebacks() -> AsyncIterator[None]:
    """Log errors without their source lines: reading these is a blocking call in the loop."""

    def short(_logger: object, _name: str, event: EventDict) -> EventDict:
        if event.pop("exc_info", None):
            event["exception"] = "".join(traceback.format_exception_only(sys.exception()))
        return event

    before = structlog.get_config()
    structlog.configure(processors=[short, *before["processors"]])
    try:
        yield
    finally:
        structlog.configure(**before)


def house_settings(
    data: Path, graph_url: str, port: int, more: Mapping[str, Mapping[str, Any]]
) -> Settings:
    """Short times; `more` maps sections to options that differ."""
    sections: dict[str, dict[str, Any]] = {
        "server": {
            "host": "127.0.0.1",
            "port": port,
            "public_url": f"http://127.0.0.1:{port}",
            "drain_seconds": 2,
        },
        "auth": {"api_key": KEY},
        "storage": {"data_dir": data},
        "network": {"allowed_private_hosts": ["127.0.0.1"]},
        "cloud": {
            "base_url": graph_url,
            "app_secrets": [APP_SECRET],
            "verify_token": VERIFY_TOKEN,
            "timeout_seconds": 10,
        },
        "chatwoot": {"hold_ms": 10, "proof_delay_seconds": 0.1, "timeout_seconds": 10},
        "relay": {
            "uncertain_after_seconds": 0.2,
            "sent_wait_seconds": 0.2,
            "file_wait_seconds": 0.2,
            "language": "en",
        },
        "engine": {
            "retry_delays_seconds": [0.0, 0.02, 0.05, 0.1, 0.2],
            "breaker_probe_seconds": [0.05],
        },
    }
    for section, changes in more.items():
        sections.setdefault(section, {}).update(changes)
    return Settings(**sections)  # type: ignore[arg-type]  # pydantic reads the tables


def _version() -> str:
    """Of the Chatwoot that a test meets, unless it names one.

    The relay's tests share out all profiles: each of them always meets the same one here, and
    `make test-chatwoots` has all of them meet each.
    """
    chosen = os.environ.get("PONTE_TEST_CHATWOOT")
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    if chosen is None and test.startswith("tests/relay/"):
        chosen = CHATWOOTS[zlib.crc32(test.encode()) % len(CHATWOOTS)]
    chosen = chosen or "4.13.0"
    print(f"Chatwoot {chosen}")  # noqa: T201  (shown when the test fails)
    return chosen


@asynccontextmanager
async def bridge_house(
    data: Path,
    *,
    order: Mapping[str, Any] | None = None,
    provisioned: bool = True,
    chatwoot: Mapping[str, Any] | None = None,
    graph: Mapping[str, Any] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    channels: Mapping[str, ChannelKind] | None = None,
    clock: ShiftedClock | None = None,
) -> AsyncIterator[House]:
    """Run everything. `order` changes the create body, `options` (by section) the settings.

    `chatwoot` and `graph` are arguments of the stand-ins, `channels` and `clock` of `running`.
    """
    given: dict[str, Any] = {"webhook_timeout": 5, "version": _version()}
    given["account_locale"] = (options or {}).get("relay", {}).get("language")
    chat = ChatwootSim(**given | dict(chatwoot or {}))
    meta = GraphSim(
        app_secret=APP_SECRET,
        verify_token=VERIFY_TOKEN,
        access_token=META_TOKEN,
        **({"redelivery": (0.05, 0.1, 0.2)} | dict(graph or {})),
    )
    await asyncio.to_thread(_lay_out, data)
    async with (
        _short_tracebacks(),
        chat.serving() as chat_url,
        meta.serving() as graph_url,
        aiohttp.ClientSession() as http,
        AsyncExitStack() as stack,
    ):
        port = Port()
        stack.callback(port.close)
        house = House(
            chat=chat,
            graph=meta,
            chat_url=chat_url,
            settings=house_settings(data, graph_url, port.number, options or {}),
            url=f"http://127.0.0.1:{port.number}",
            http=http,
            clock=clock or ShiftedClock(),
            channels=channels or {},
        )
        meta.webhook_url = f"{house.url}/webhook/meta"
        try:
            await house.start()
            if provisioned:
                await house.create(**(order or {}))
            yield house
        finally:
            await chat.webhooks.stop()
            await house.stop()


async def _everybody_is_in(port: int) -> None:
    """Return when the server has taken in who came before.

    A connection that comes while a server closes is never closed itself (CPython 3.11), which a
    test hears of as a warning.
    """
    with suppress(OSError):  # the server has stopped already
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
