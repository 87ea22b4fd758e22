"""Where it plays: the real service and the real worker, between stand-ins for all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from bridge import settings
from bridge.app import serve
from bridge.cli.demo.stage import LOCAL, DemoFailed
from bridge.cli.demo.telling import CHATWOOT, Transcript
from bridge.cli.figures import Figures, read
from bridge.cli.remote import Remote
from bridge.clock import SystemClock
from bridge.core.instance import BAILEYS
from bridge.sim.chatwoot import ChatwootSim, Message
from bridge.store.secrets import new_key
from bridge.whatsapp.web.kind import web_kind
from support.ports import Port
from support.whatsapp_web import Group, Person, Phone, WhatsAppWeb

INSTANCE: Final = "loja"
SHOP, MARINA, RUI = "5511987650009", "5511987650001", "5511987650002"
PATIENCE: Final = 20.0


@dataclass(kw_only=True)
class Stage:
    service: Remote
    chatwoot: ChatwootSim
    chatwoot_url: str
    double: WhatsAppWeb
    phone: Phone
    marina: Person
    rui: Person
    family: Group
    show: Transcript
    #: What came from customers, how often they changed it, and how much agents sent.
    written: list[str] = field(default_factory=list)
    changed: int = 0
    answered: int = 0

    async def call(self, method: str, *path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(lambda: self.service.call(method, *path, json_body=body))

    async def figures(self) -> Figures:
        return read(await asyncio.to_thread(self.service.text, "metrics"))

    async def sees(self, what: str, fits: Callable[[], bool]) -> None:
        """Wait for a fact at Chatwoot. Raises `DemoFailed`."""
        try:
            await self.chatwoot.wait_for(fits, PATIENCE)
        except TimeoutError as error:
            raise DemoFailed(f"This did not happen in {PATIENCE:.0f} s: {what}.") from error

    async def state(self, wanted: str) -> dict[str, Any]:
        """Ask until the number is in this state. Raises `DemoFailed`."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    told = await self.call("GET", "instance", "connectionState", INSTANCE)
                    state: dict[str, Any] = told["instance"]
                    if state["state"] == wanted:
                        return state
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise DemoFailed(f"The number is not {wanted} after {PATIENCE:.0f} s.") from error

    def posted(self, written: str) -> Message | None:
        """What a customer wrote, as it stands in Chatwoot."""
        found = [one for one in self.chatwoot.messages() if one.source_id == f"WAID:{written}"]
        return found[0] if found else None

    async def arrives(self, who: str, written: str) -> Message:
        self.written.append(written)
        await self.sees("the message stands in Chatwoot", lambda: self.posted(written) is not None)
        message = self.posted(written)
        assert message is not None
        await self.show.line(CHATWOOT, f"{who}: {shown(message)}", aside=where(message))
        return message


def shown(message: Message) -> str:
    return "".join("[picture] " for _ in message.attachments) + (message.content or "")


def where(message: Message) -> str:
    return f"conversation {message.conversation.id}, message {message.id}"


@asynccontextmanager
async def staged(folder: Path, show: Transcript) -> AsyncIterator[Stage]:
    key, port = new_key(), Port()
    chatwoot = ChatwootSim(locale="pt_BR")
    wanted = settings.Settings.model_construct(
        server=settings.Server(
            host=LOCAL,
            port=port.number,
            public_url=f"http://{LOCAL}:{port.number}",
            drain_seconds=5,
        ),
        auth=settings.Auth(api_key=SecretStr(key)),
        storage=settings.Storage(data_dir=folder),
        network=settings.Network(allowed_private_hosts=[LOCAL]),
        relay=settings.Relay(language="pt_BR"),
    )
    async with (
        AsyncExitStack() as stack,
        WhatsAppWeb() as double,
        chatwoot.serving() as chatwoot_url,
    ):
        stack.callback(port.close)
        kind = web_kind(
            wanted.whatsapp_web, folder, clock=SystemClock(), chance=lambda: 0.1,
            environ=double.environ,
        )  # fmt: skip
        async with serve(wanted, channels={BAILEYS: kind}) as (_service, url):
            phone = double.phone(SHOP, name="Padaria Aurora")
            marina, rui = double.person(MARINA, name="Marina"), double.person(RUI, name="Rui")
            yield Stage(
                service=Remote(url=url, key=key),
                chatwoot=chatwoot,
                chatwoot_url=chatwoot_url,
                double=double,
                phone=phone,
                marina=marina,
                rui=rui,
                family=double.group("Família", [phone, marina, rui]),
                show=show,
            )
