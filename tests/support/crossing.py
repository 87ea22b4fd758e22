"""A whole world: Meta and Chatwoot (stand-ins, in this process) with the real service between.

The stand-ins live here, so that they survive the death of the service as the real ones do.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bridge.sim.chatwoot import ChatwootSim, Conversation, Message
from bridge.sim.graph import GraphSim, sign
from bridge.sim.graph.payloads import Payload, encode
from support.ponte_process import API_KEY, Crash, Ponte, Zygote
from support.ports import Port

HTTP_OK = 200
HTTP_CREATED = 201
#: What a create fails with when nobody answered in time.
STALLS = ("peer.timeout", "chatwoot.unreachable")
#: A webhook is repeated so often, as Meta does for days.
MOST_POSTS = 400
ROADS = ("inbound", "outbound", "status", "signal", "internal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """All that must not leave, invented; `canary` is in each of them."""

    canary: str = ""

    @property
    def api_key(self) -> str:
        return f"{API_KEY}{self.canary}"

    @property
    def app_secret(self) -> str:
        return f"app-secret-of-the-promises{self.canary}"

    @property
    def access_token(self) -> str:
        return f"EAAaccesstokenofthepromises{self.canary}"

    @property
    def verify_token(self) -> str:
        return f"verify-token-of-the-promises{self.canary}"

    @property
    def chatwoot_token(self) -> str:
        return f"chatwoottokenofthepromises{self.canary}"


class Peer:
    """A stand-in on a port of its own that can go away and come back, with its state."""

    def __init__(self, sim: ChatwootSim | GraphSim) -> None:
        self._sim = sim
        self._port = Port()
        self._serving: AbstractAsyncContextManager[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.number}"

    async def up(self) -> None:
        self._serving = self._sim.serving(port=self._port.number)
        await self._serving.__aenter__()

    async def down(self) -> None:
        """Nobody listens any more: connecting is refused."""
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.__aexit__(None, None, None)

    async def close(self) -> None:
        await self.down()
        self._port.close()


@dataclass(kw_only=True)
class World:
    """The real service `ponte`, and the stand-in Chatwoot on one side of it."""

    chat: ChatwootSim
    chat_peer: Peer
    ponte: Ponte
    http: aiohttp.ClientSession
    secrets: Secrets

    async def api(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """Call the service with the global key; the answer's body is read already."""
        headers = {"apikey": self.secrets.api_key} | options.pop("headers", {})
        async with self.http.request(
            method, f"{self.ponte.url}{path}", headers=headers, **options
        ) as answer:
            await answer.read()
            return answer

    async def create_instance(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        """Ask for an instance, again where a machine that stood still looked like a Chatwoot that
        does: the limits here are short, and what was begun has been undone.
        """
        answer = await self.api("POST", "/instance/create", json=body)
        for _ in range(3):
            told = await answer.text()
            if answer.status == HTTP_CREATED or not any(code in told for code in STALLS):
                break
            await self.quiet()
            answer = await self.api("POST", "/instance/create", json=body)
        return answer

    async def answers(self) -> bool:
        """Whether the service lives; what it had begun before is over when it has answered."""
        try:
            return (await self.api("GET", "/healthz")).status == HTTP_OK
        except (aiohttp.ClientError, OSError):
            return False

    # ------------------------------------------------------------------ what there is to see

    async def quiet(self, seconds: float = 45) -> None:
        """Wait until nothing is under way any more, here, there or in between."""
        try:
            async with asyncio.timeout(seconds):
                while not self._is_quiet():
                    await self._settled(seconds)
                    await asyncio.sleep(0.01)  # the database of another process has no event
        except TimeoutError:
            waits = self.ponte.query(
                "SELECT kind, lane, attempts, due_at, cause, reason, trace FROM job"
                " WHERE state='waiting' LIMIT 5"
            )
            raise AssertionError(
                f"not quiet: {waits}, {self._outstanding()}\n{self.ponte.log_tail()}"
            ) from None

    async def _settled(self, seconds: float) -> None:
        """Wait until what the stand-ins began has ended."""
        await self.chat.settled(seconds)

    def _outstanding(self) -> dict[str, int]:
        """What is under way outside the service, by name."""
        return {"webhooks": self.chat.webhooks.pending}

    def _is_quiet(self) -> bool:
        return not any(self._outstanding().values()) and self.ponte.waiting() == 0

    def incoming(self) -> list[Message]:
        """What came from customers, without the greeting of our own bot contact."""
        return [
            one
            for one in self.chat.messages()
            if one.message_type == "incoming" and not (one.source_id or "").startswith("PONTE:")
        ]

    def customers_conversations(self) -> list[Conversation]:
        own = {
            one.conversation.id
            for one in self.chat.messages()
            if (one.source_id or "").startswith("PONTE:created:")
        }
        return [one for one in self.chat.conversations.values() if one.id not in own]

    async def metrics(self) -> dict[str, Counter[str]]:
        """Road -> outcome -> how many, as `/metrics` tells it; `waiting` is one of them."""
        from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

        text = await (await self.api("GET", "/metrics")).text()
        found: dict[str, Counter[str]] = {road: Counter() for road in ROADS}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "ponte_events_total":
                    found[sample.labels["road"]][sample.labels["outcome"]] += int(sample.value)
                elif sample.name == "ponte_waiting":
                    found[sample.labels["road"]]["waiting"] += int(sample.value)
        return found

    def why(self, message: str) -> str:
        """The end of the story of a message, for the text of a failed assertion."""
        rows = self.ponte.query(
            "SELECT state, attempts, cause, reason, trace FROM job WHERE ref LIKE ?",
            f"%{message}%",
        )
        return f"{rows}\n{self.ponte.log_tail(8)}"


@dataclass(kw_only=True)
class Crossing(World):
    """`ponte` between `graph` and `chat`. `inbox` is known after `provision`."""

    graph: GraphSim
    graph_peer: Peer
    inbox: int = 0
    instance_key: str = ""
    #: Every webhook of Meta is posted so often, at the same time.
    copies: int = 1

    # ------------------------------------------------------------------ setting up

    async def provision(self, name: str = "loja", **options: Any) -> None:
        """Create the instance over the API, as a user does."""
        body = {
            "instanceName": name,
            "integration": "WHATSAPP-BUSINESS",
            "token": self.secrets.access_token,
            "number": next(iter(self.graph.numbers)),
            "businessId": "398877665544332",
            "chatwootAccountId": str(self.chat.account_id),
            "chatwootToken": self.secrets.chatwoot_token,
            "chatwootUrl": self.chat_peer.url,
            "chatwootReopenConversation": True,
            "chatwootNameInbox": "WhatsApp Loja",
            "chatwootMergeBrazilContacts": True,
        } | options
        answer = await self.create_instance(body)
        assert answer.status == HTTP_CREATED, await answer.text()
        self.instance_key = (await answer.json())["hash"]
        self.graph.webhook_url = f"{self.ponte.url}/webhook/meta"
        self.inbox = max(self.chat.inboxes)
        await self.quiet()

    # ------------------------------------------------------------------ customers

    async def post(self, payload: Payload) -> int | None:
        """Post a webhook of Meta once; its status, None when no answer came."""
        raw = encode(payload)
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": sign(raw, self.secrets.app_secret),
        }
        try:
            async with self.http.post(
                f"{self.ponte.url}/webhook/meta", data=raw, headers=headers
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def deliver(self, payload: Payload) -> None:
        """Post a webhook until it is answered 200, `copies` times each time, as Meta might."""
        for _ in range(MOST_POSTS):
            answers = await asyncio.gather(*(self.post(payload) for _ in range(self.copies)))
            if HTTP_OK in answers:
                return
            await self.ponte.up.wait()
            await asyncio.sleep(0.01)  # Meta's pause before it repeats, not a wait for anything
        raise AssertionError("the webhook was never answered 200")

    async def customer(self, number: str, text: str | None = None, **writing: Any) -> str:
        """A customer writes; returns when the service has acknowledged it."""
        id_, payload = self.graph.draft(number, text, **writing)
        await self.deliver(payload)
        return id_

    # ------------------------------------------------------------------ what there is to see

    async def _settled(self, seconds: float) -> None:
        await super()._settled(seconds)
        await self.graph.settled(seconds)

    def _outstanding(self) -> dict[str, int]:
        return super()._outstanding() | {"outbox": self.graph.outbox.outstanding}


def times(road: Mapping[str, int]) -> tuple[int, int]:
    """(accepted, what became of it): the two are equal when nothing disappears."""
    ends = ("delivered", "ignored", "dead", "waiting")
    return road.get("accepted", 0), sum(road.get(end, 0) for end in ends)


def settings(folder: Path, secrets: Secrets, **sections: Mapping[str, Any]) -> dict[str, Any]:
    """Production's settings, with every time scaled down."""
    base: dict[str, dict[str, Any]] = {
        "server": {"drain_seconds": 5},
        "auth": {"api_key": secrets.api_key},
        "storage": {"data_dir": str(folder)},
        "network": {"allowed_private_hosts": ["127.0.0.1"]},
        "cloud": {
            "app_secrets": [secrets.app_secret],
            "verify_token": secrets.verify_token,
            "media_host": "127.0.0.1",
            "timeout_seconds": 2,
        },
        "chatwoot": {"timeout_seconds": 2, "hold_ms": 20, "proof_delay_seconds": 0.2},
        "relay": {"uncertain_after_seconds": 0.5, "sent_wait_seconds": 0.2, "language": "en"},
        "engine": {
            "retry_delays_seconds": [0.0, 0.05, *[0.1] * 40],
            "breaker_probe_seconds": [0.05, 0.1, 0.2],
        },
    }
    for name, section in sections.items():
        base[name] = base.get(name, {}) | dict(section)
    return base


@asynccontextmanager
async def crossing(
    zygote: Zygote,
    database: Path,
    folder: Path,
    *,
    secrets: Secrets | None = None,
    log_level: str = "info",
    crash: Crash | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    chatwoot: Mapping[str, Any] | None = None,
) -> AsyncIterator[Crossing]:
    """A provisioned world; `database` is an empty, migrated one to copy. `crash` is not armed."""
    secrets = secrets or Secrets()
    graph = GraphSim(
        app_secret=secrets.app_secret,
        verify_token=secrets.verify_token,
        access_token=secrets.access_token,
        redelivery=(0.02, 0.05, 0.1, *[0.2] * 100),
    )
    chat = ChatwootSim(admin_token=secrets.chatwoot_token, **(chatwoot or {}))
    data = await asyncio.to_thread(data_folder, folder, database)
    ours = settings(data, secrets, **(sections or {}))
    graph_peer, chat_peer = Peer(graph), Peer(chat)
    ours["cloud"] = {"base_url": graph_peer.url} | ours["cloud"]
    ponte = Ponte(zygote=zygote, settings=ours, log_file=folder / "ponte.log", log_level=log_level)
    async with AsyncExitStack() as stack:
        for peer in (graph_peer, chat_peer):
            stack.push_async_callback(peer.close)
            await peer.up()
        http = await stack.enter_async_context(client())
        stack.push_async_callback(ponte.close)
        await ponte.start(crash)
        world = Crossing(
            graph=graph,
            chat=chat,
            graph_peer=graph_peer,
            chat_peer=chat_peer,
            ponte=ponte,
            http=http,
            secrets=secrets,
        )
        await world.provision()
        yield world


def client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # hundreds of customers write at once
        cookie_jar=aiohttp.DummyCookieJar(),
        json_serialize=lambda value: orjson.dumps(value).decode(),
    )


def data_folder(folder: Path, database: Path) -> Path:
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    shutil.copyfile(database, data / "ponte.db")
    return data


def duplicates(values: Iterable[str | None]) -> list[str | None]:
    return [value for value, n in Counter(values).items() if n > 1]
