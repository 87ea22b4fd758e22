"""A stand-in at work, with a receiver for its webhooks, and the comparison of JSON shapes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from bridge.sim.chatwoot import ChatwootSim, Contact, Conversation, Inbox

SAMPLES = Path(__file__).parents[1] / "contract" / "chatwoot"
#: Hashes that anybody may fill; their keys are no part of the shape.
FREE = {
    "additional_attributes",
    "custom_attributes",
    "content_attributes",
    "ui_settings",
    "features",
    "settings",
    "cache_keys",
}


def sample(name: str) -> Any:
    return orjson.loads((SAMPLES / f"{name}.json").read_bytes())


def differences(given: Any, wanted: Any, at: str = "$") -> list[str]:
    """Where the keys or the types of two JSON values differ. Null fits everything."""
    if given is None or wanted is None:
        return []
    if type(given) is not type(wanted):
        return [f"{at}: {type(given).__name__} instead of {type(wanted).__name__}"]
    if isinstance(wanted, dict):
        if at.rpartition(".")[2] in FREE:
            return []
        found = [f"{at}.{key} is missing" for key in wanted.keys() - given.keys()]
        found += [f"{at}.{key} is too much" for key in given.keys() - wanted.keys()]
        for key in wanted.keys() & given.keys():
            found += differences(given[key], wanted[key], f"{at}.{key}")
        return found
    if isinstance(wanted, list) and wanted and given:
        return differences(given[0], wanted[0], f"{at}[0]")
    return []


@dataclass(kw_only=True)
class Hook:
    """What a bridge would see. `status` is what it answers, after `gate` when there is one."""

    url: str = ""
    status: int = 200
    gate: asyncio.Event | None = None
    bodies: list[Any] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)

    def of(self, event: str) -> list[Any]:
        return [body for body in self.bodies if body["event"] == event]

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.bodies]


@dataclass(kw_only=True)
class Office:
    sim: ChatwootSim
    url: str
    http: aiohttp.ClientSession
    hook: Hook
    inbox: Inbox

    async def call(
        self, method: str, path: str, *, token: str | None = None, expect: int = 200, **kwargs: Any
    ) -> Any:
        """Call the application API and return the decoded answer."""
        response = await self.raw(method, path, token=token, **kwargs)
        body = await response.read()
        assert response.status == expect, (response.status, body)
        return orjson.loads(body) if body else None

    async def raw(
        self, method: str, path: str, *, token: str | None = None, **kwargs: Any
    ) -> aiohttp.ClientResponse:
        url = path if path.startswith("http") else f"{self.url}/api/v1/accounts/1{path}"
        headers = {"api-access-token": token or self.sim.admin_token} | kwargs.pop("headers", {})
        return await self.http.request(method, url, headers=headers, **kwargs)

    def contact(self, name: str = "João Batista", **fields: Any) -> Contact:
        return self.sim.agent_creates_contact(name, **fields)

    async def chat(
        self, source: str = "k-1", phone: str | None = "+5511999990001", **fields: Any
    ) -> Conversation:
        """A contact that is bound to the inbox, with a conversation."""
        person = {"name": "João Batista", "inbox_id": self.inbox.id, "source_id": source}
        if phone is not None:
            person["phone_number"] = phone
        made = await self.call("POST", "/contacts", json=person)
        key = made["payload"]["contact"]["id"]
        return await self.converse(key, source, **fields)

    async def converse(self, contact_id: int, source: str, **fields: Any) -> Conversation:
        body = {"inbox_id": self.inbox.id, "contact_id": contact_id, "source_id": source, **fields}
        shown = await self.call("POST", "/conversations", json=body)
        return self.sim.conversations[shown["id"]]

    async def incoming(self, chat: Conversation, text: str = "Bom dia!", **fields: Any) -> Any:
        body = {"content": text, "message_type": "incoming", **fields}
        return await self.call("POST", f"/conversations/{chat.id}/messages", json=body)


@asynccontextmanager
async def hooked() -> AsyncIterator[Hook]:
    hook = Hook()

    async def receive(request: web.Request) -> web.Response:
        raw = await request.read()
        hook.raw.append(raw)
        hook.bodies.append(orjson.loads(raw))
        hook.headers.append(request.headers.copy())
        if hook.gate is not None:
            await hook.gate.wait()
        headers = {"Location": "/elsewhere"} if hook.status == 302 else {}
        return web.Response(status=hook.status, headers=headers)

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield hook
    finally:
        await runner.cleanup()


@asynccontextmanager
async def office(
    prepare: Callable[[ChatwootSim], None] | None = None, **settings: Any
) -> AsyncIterator[Office]:
    sim = ChatwootSim(**settings)
    if prepare is not None:
        prepare(sim)
    async with hooked() as hook, sim.serving() as url, aiohttp.ClientSession() as http:
        inbox = sim.add_inbox("WhatsApp Vendas", webhook_url=hook.url, members=[sim.agent])
        inbox.fields["enable_auto_assignment"] = False
        yield Office(sim=sim, url=url, http=http, hook=hook, inbox=inbox)
