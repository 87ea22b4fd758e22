"""Invented people who write to two numbers of one account, under every address that they have."""

from __future__ import annotations

import random  # noqa: TID251  (seeded: what it chose can be had again)
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bridge.core.message import Received
from bridge.core.party import Party
from bridge.sim.chatwoot import Contact, Inbox, Message
from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhones
from support.qr_events import MOMENT, wrote
from support.sessions import QR_ORDER

#: Two numbers of one Chatwoot account, each with an inbox of its own.
NUMBERS = ("loja", "filial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """`long` has the ninth digit, `short` has not."""

    n: int
    name: str
    long: str | None
    lid: str | None

    @property
    def short(self) -> str | None:
        return self.long and self.long[:4] + self.long[5:]

    @property
    def together(self) -> list[Party]:
        """Events that tell all of their addresses, and so who they are."""
        if self.long is None or self.lid is None:
            return self.alone
        return [self._as(wa_id=one, lid=self.lid) for one in (self.long, self.short)]

    @property
    def alone(self) -> list[Party]:
        """Events that tell one address."""
        lids = [self._as(lid=self.lid)] if self.lid else []
        return [*(self._as(wa_id=one) for one in (self.long, self.short) if one), *lids]

    @property
    def spellings(self) -> list[Party]:
        return list(dict.fromkeys((*self.together, *self.alone)))

    def owns(self, contact: Contact) -> bool:
        numbers = {one for one in (self.long, self.short) if one}
        ids = {f"{one}@s.whatsapp.net" for one in numbers} | {f"{self.lid}@lid"}
        return contact.phone_number in {f"+{one}" for one in numbers} or contact.identifier in ids

    def _as(self, **ids: Any) -> Party:
        return Party(name=self.name, **ids)


def client(n: int, *, phone: bool = True, lid: bool = True) -> Client:
    """Half of them live where WhatsApp leaves out the ninth digit."""
    area = ("11", "47")[n % 2]
    return Client(
        n=n,
        name=f"Cliente {n}",
        long=f"55{area}98765{n:04}" if phone else None,
        lid=f"1038997{n:08}" if lid else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One text: who writes it to which number, under which address."""

    number: str
    client: Client
    party: Party
    text: str
    nth: int

    @property
    def event(self) -> Received:
        return replace(wrote(self.text, sender=self.party), at=MOMENT + timedelta(seconds=self.nth))


def lines(
    chance: random.Random,
    clients: Sequence[Client],
    *,
    each: int,
    known_first: Iterable[Client],
    since: int = 0,
) -> list[Line]:
    """`each` texts of everybody to each number, shuffled, from all their addresses in turn.

    The first text of `known_first` to a number tells all their addresses. Of everybody some do.
    """
    order = [(number, one) for number in NUMBERS for one in clients for _ in range(each)]
    chance.shuffle(order)
    first = set(known_first)
    bags: dict[tuple[str, Client], Iterator[Party]] = {}
    for pair in dict.fromkeys(order):
        bag = (pair[1].spellings * each)[:each]
        chance.shuffle(bag)
        if pair[1] in first:
            bag[0] = chance.choice(pair[1].together)
        elif not set(bag) & set(pair[1].together):
            bag[chance.randrange(each)] = chance.choice(pair[1].together)
        bags[pair] = iter(bag)
    return [
        Line(
            number=number,
            client=one,
            party=next(bags[number, one]),
            text=f"{nth}: {one.name} para {number}",
            nth=nth,
        )
        for nth, (number, one) in enumerate(order, start=since)
    ]


@asynccontextmanager
async def shop(data: Path, *, merges: bool, **more: Any) -> AsyncIterator[Shop]:
    """A house with both numbers connected, and quiet."""
    phones = QrPhones()
    order = QR_ORDER | {"chatwootMergeBrazilContacts": merges, "chatwootReopenConversation": True}
    async with bridge_house(data, order=order, channels=phones.kinds, **more) as house:
        await house.create(**order, instanceName="filial", chatwootNameInbox="WhatsApp Filial")
        for number in NUMBERS:
            await house.service.connections.connect(house.service.instances.entry(number), wait=5)
            phones[number].scan()
        await house.quiet()
        yield Shop(house=house, phones=phones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    house: House
    phones: QrPhones

    async def bring(self, told: Sequence[Line], chance: random.Random) -> None:
        """Have a number's worker hand over what it has, in handfuls; returns when all is kept."""
        events = [one.event for one in told]
        while events:
            handful = chance.randint(1, 6)
            await self.phones[told[0].number].bring(*events[:handful])
            del events[:handful]

    @property
    def people(self) -> list[Contact]:
        """The contacts that are no bots of inboxes."""
        return [
            one
            for one in self.house.chat.contacts.values()
            if not (one.identifier or "").startswith("ponte")
        ]

    @property
    def shown(self) -> list[Message]:
        """What customers wrote, as it stands in Chatwoot."""
        return [
            one
            for one in self.house.chat.messages()
            if one.message_type == "incoming" and (one.source_id or "").startswith("WAID:")
        ]

    def number_of(self, inbox: Inbox) -> str:
        return {"WhatsApp Loja": "loja", "WhatsApp Filial": "filial"}[inbox.name]

    def where(self, number: str, one: Client) -> dict[int, list[str]]:
        """The conversations of somebody with a number, and what they wrote there."""
        found: dict[int, list[str]] = {}
        for message in self.shown:
            chat = message.conversation
            if self.number_of(chat.inbox) == number and one.owns(chat.contact):
                found.setdefault(chat.id, []).append(message.content or "")
        return found
