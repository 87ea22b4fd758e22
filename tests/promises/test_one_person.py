"""One person is one contact: a burst from every address to two numbers, at a faulty Chatwoot."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  (seeded: what it chose can be had again)
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from bridge.core.party import Party
from bridge.sim.chatwoot import ChatwootSim, Contact
from bridge.sim.chatwoot.faults import Fault
from support.clientele import NUMBERS, Client, Line, Shop, client, lines, shop
from support.sessions import balanced

#: Texts of everybody to each number.
EACH = 4
#: What hangs is given up soon.
IMPATIENT = {"chatwoot": {"timeout_seconds": 2, "hold_ms": 10, "proof_delay_seconds": 0.1}}

#: The first text to each number tells all their addresses; or they have a number or hidden id only.
KNOWN = [client(n) for n in range(4)]
NUMBER_ONLY = [client(n, lid=False) for n in (4, 5)]
HIDDEN = [client(n, phone=False) for n in (6, 7)]
NEW = [*KNOWN, *NUMBER_ONLY, *HIDDEN]
#: Agents, imports and Evolution have contacts of them, with the ninth digit and without.
FOUND = [client(n) for n in range(8, 12)]
#: They are two people to everybody until a text tells all their addresses.
APART = [client(n) for n in (12, 13)]
EVERYBODY = [*NEW, *FOUND, *APART]


def made_before(chat: ChatwootSim) -> list[Contact]:
    """The contacts of `FOUND`; gives the one of each that is to be used where none are merged."""
    make = chat.agent_creates_contact
    one, two, three, four = FOUND
    make("Da agenda", phone_number=f"+{one.short}")
    used = [make("Do CRM", phone_number=f"+{one.long}", identifier="crm-77")]
    jid = f"{two.short}@s.whatsapp.net"
    make("Evolution", phone_number=f"+{two.short}", identifier=jid)
    used.append(make("Do CRM", phone_number=f"+{two.long}"))
    make("Evolution", identifier=f"{three.lid}@lid")
    used.append(make("Da agenda", phone_number=f"+{three.long}"))
    used.append(make("Evolution", identifier=f"{four.short}@s.whatsapp.net"))
    return used


def fail(chat: ChatwootSim) -> list[Fault]:
    """Everything that goes wrong at a Chatwoot which is overloaded, a few times each."""
    faults = chat.faults
    faults.contact_race = 0.02
    return [
        faults.fail(429, route="POST contacts/filter", retry_after=0, times=1),
        faults.stored_but(500, route="POST contacts", times=3),
        faults.reset(route="POST contacts", times=1),
        faults.stored_but(502, route="POST contact/contact_inboxes", times=1),
        faults.stored_but(500, route="POST conversations", times=2),
        faults.hang(60, route="POST conversations", acts=True, times=1),
        faults.stored_but(500, route="POST messages", times=3),
        faults.fail(429, route="POST messages", retry_after=0, times=2),
        faults.reset(route="POST messages", acts=True, times=3),
        faults.reset(route="POST messages", times=2),
        faults.hang(60, route="POST messages", acts=True, times=1),
    ]


async def burst(its: Shop, told: Sequence[Line], chance: random.Random) -> None:
    """Both numbers hear at once."""
    async with asyncio.TaskGroup() as group:
        for number in NUMBERS:
            mine = [one for one in told if one.number == number]
            group.create_task(its.bring(mine, chance))


def stands_once(its: Shop, told: Sequence[Line]) -> None:
    """No text is lost, doubled, or with somebody else; each conversation is in order."""
    shown = its.shown
    assert Counter(one.content for one in shown) == Counter(one.text for one in told)
    place = {one.text: (one.number, one.client) for one in told}
    for message in shown:
        number, who = place[message.content or ""]
        assert its.number_of(message.conversation.inbox) == number
        assert who.owns(message.conversation.contact)
    for chat in {one.conversation for one in shown}:
        order = [
            int((one.content or "").partition(":")[0])
            for one in chat.messages
            if one.message_type == "incoming"
        ]
        assert order == sorted(order)


def bound(its: Shop, who: Client) -> Counter[str]:
    """Contact inboxes of somebody's one contact, by number."""
    (contact,) = [one for one in its.people if who.owns(one)]
    return Counter(its.number_of(row.inbox) for row in contact.contact_inboxes)


async def apart(its: Shop) -> list[Line]:
    """Each of `APART` writes to one number by their hidden id and to the other by their own.

    Whichever comes first is who stays.
    """
    texts = [
        (number, who, party)
        for who in APART
        for number, party in zip(NUMBERS, who.alone[:: 2 if who.n % 2 else -2], strict=True)
    ]
    told = spoken(texts, "sou eu?")
    for one in told:
        await its.phones[one.number].bring(one.event)
    await its.house.quiet()
    return told


@pytest.mark.timeout(120)
@pytest.mark.parametrize("merges", [True, False], ids=["merging", "not merging"])
async def test_a_burst_from_every_address_at_a_faulty_chatwoot(tmp_path, merges):
    chance = random.Random(6)  # noqa: S311
    async with shop(tmp_path, merges=merges, options=IMPATIENT) as its:
        house = its.house
        used = made_before(house.chat)
        early = await apart(its)
        assert len(its.people) == len(used) + 3 + 2 * len(APART)

        faults = fail(house.chat)
        told = lines(chance, EVERYBODY, each=EACH, known_first=[*KNOWN, *FOUND], since=len(early))
        await burst(its, told, chance)
        await house.quiet(60)
        assert [one for one in faults if not one.hits] == []
        house.chat.faults.clear()
        later = last_words(told[-1].nth + 1)
        await burst(its, later, chance)
        await house.quiet()

        told = [*early, *told, *later]
        stands_once(its, told)
        for who in EVERYBODY:
            for number in NUMBERS:
                last = {one.text for one in later if (one.number, one.client) == (number, who)}
                chats = [texts for texts in its.where(number, who).values() if last & {*texts}]
                assert len(chats) == 1
                if who not in APART:
                    mine = [one.text for one in told if (one.number, one.client) == (number, who)]
                    assert chats == [mine]
        strays = 0 if merges else len(APART) + 3
        assert len(its.people) == len(EVERYBODY) + strays
        if merges:
            for who in [*NEW, *FOUND]:
                assert bound(its, who) == Counter(dict.fromkeys(NUMBERS, 1))
            for who in APART:  # Chatwoot's merge keeps those that each of two contacts had
                assert all(count in {1, 2} for count in bound(its, who).values())
        else:
            assert [one.contact_inboxes != [] for one in used] == [True] * len(used)
            assert await house.rows("SELECT * FROM contact_merge") == []
        assert await balanced(house)


def last_words(since: int) -> list[Line]:
    """Everybody writes to each number once more under each address."""
    texts = [(number, who, party) for who in EVERYBODY for number in NUMBERS for party in who.alone]
    return spoken(texts, "de novo", since)


def spoken(texts: Iterable[tuple[str, Client, Party]], what: str, since: int = 0) -> list[Line]:
    return [
        Line(number=number, client=who, party=party, text=f"{nth}: {who.name} {what}", nth=nth)
        for nth, (number, who, party) in enumerate(texts, start=since)
    ]
