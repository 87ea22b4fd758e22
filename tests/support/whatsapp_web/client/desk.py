"""What most tests of the double begin with: an account, its client, and a customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.whatsapp_web import Companion, Person, Phone, WhatsAppWeb
from support.whatsapp_web.client import Client


@dataclass(kw_only=True)
class Desk:
    double: WhatsAppWeb
    phone: Phone
    bob: Person
    client: Client
    companion: Companion
    database: Path


@asynccontextmanager
async def open_desk(where: Path) -> AsyncIterator[Desk]:
    """The client is linked and connected."""
    async with WhatsAppWeb() as double:
        phone = double.phone("5511900000001", name="Loja")
        bob = double.person("5511900000002", name="Bob")
        database = where / "session.db"
        async with Client(double.environ, database) as client:
            companion = await phone.scan(await client.code())
            await companion.connected()
            await client.next("Connected")
            yield Desk(
                double=double,
                phone=phone,
                bob=bob,
                client=client,
                companion=companion,
                database=database,
            )
