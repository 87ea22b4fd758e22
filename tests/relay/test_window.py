"""A day after a person last wrote only templates reach them, and agents learn so at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.engine.queue import NewJob, Road
from bridge.locale import LANGUAGES, say, texts
from bridge.relay import lanes
from bridge.relay.outgoing import own_text
from bridge.relay.retrying import AUTOMATIC
from bridge.sim.chatwoot import Message
from bridge.sim.graph import Number, Route, Template
from bridge.store.engine import Unit
from support.bridge_house import MARINA, RUI, House, bridge_house

WABA = Number().waba_id
OPEN_AGAIN = Template(name="retomar", components=({"type": "BODY", "text": "Oi {{1}}!"},))
PARAMS = {"name": "retomar", "language": "pt_BR", "processed_params": {"1": "Marina"}}


@dataclass
class Later:
    """Time for everybody: Meta's stand-in and Ponte read the same clock."""

    house: House | None = None
    hours: float = 0

    def __call__(self) -> float:
        return time.time() + self.hours * 3600

    def pass_hours(self, hours: float) -> None:
        assert self.house is not None
        self.hours += hours
        self.house.clock.ahead_seconds = self.hours * 3600


@pytest.fixture
def language() -> str:
    return "en"


@pytest.fixture
async def later(tmp_path: Path, language: str) -> AsyncIterator[Later]:
    later = Later()
    async with bridge_house(
        tmp_path,
        graph={"clock": later},
        options={"relay": {"language": language}},
        provisioned=False,
    ) as house:
        house.graph.templates.put(WABA, OPEN_AGAIN)
        await house.create()
        later.house = house
        yield later


@pytest.fixture
def house(later: Later) -> House:
    assert later.house is not None
    return later.house


async def failed(house: House, message: Message) -> str:
    await house.status(message, "failed")
    await house.quiet()
    return message.external_error or ""


def notes(house: House) -> list[Message]:
    return [one for one in house.chat.messages() if one.private]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_outside_the_window_the_agent_reads_what_may_be_sent_and_meta_is_not_called(
    house: House, later: Later, language: str
) -> None:
    chat = await house.talk()
    later.pass_hours(25)
    message = house.chat.agent_writes(chat.id, "Bom dia!")
    error = await failed(house, message)
    assert error.startswith(texts(language)["failure.whatsapp.window"])
    assert "retomar (pt_BR)" in error
    assert house.graph.requests[Route.MESSAGES] == 0
    assert notes(house) == []
    assert (await house.events())["outbound", "dead", "whatsapp.window"] == 1
    # The customer writes again: Retry sends.
    await house.talk()
    house.chat.agent_retries(message.id)
    await house.sent()
    await house.quiet()
    assert house.texts == ["Bom dia!"]
    assert message.status == "sent"
    assert set((await house.balance()).values()) == {0}


async def test_retry_while_the_window_is_still_closed_fails_again(
    house: House, later: Later
) -> None:
    chat = await house.talk()
    later.pass_hours(25)
    message = house.chat.agent_writes(chat.id, "Bom dia!")
    await failed(house, message)
    house.chat.agent_retries(message.id)
    assert message.status != "failed"
    await failed(house, message)
    assert house.graph.requests[Route.MESSAGES] == 0
    assert (await house.events())["outbound", "dead", "whatsapp.window"] == 2


async def test_more_templates_than_a_red_mark_shows_stand_in_a_note(
    house: House, later: Later
) -> None:
    for number in range(20):
        house.graph.templates.put(WABA, Template(name=f"aviso_{number:02}"))
    await house.graph.template_changes(Template(name="aviso_20"), "APPROVED")
    chat = await house.talk()
    later.pass_hours(25)
    message = house.chat.agent_writes(chat.id, "Bom dia!")
    error = await failed(house, message)
    why = texts("en")["failure.whatsapp.window"]
    assert error == say("en", "failure.whatsapp.window_note", failure=why)
    (note,) = notes(house)
    assert note.content is not None
    assert note.content.count("aviso_") == 10
    assert note.content.endswith("aviso_09 (pt_BR) and 12 more")
    assert note.content_attributes["in_reply_to"] == message.id
    assert house.graph.sent == []


async def test_a_template_goes_out_at_any_time(house: House, later: Later) -> None:
    house.graph.windows.enforced = True
    chat = await house.talk()
    later.pass_hours(25)
    message = house.chat.agent_writes(chat.id, "Oi Marina!", template_params=PARAMS)
    await house.sent()
    await house.quiet()
    assert message.status == "sent"
    assert house.graph.sent[0].body["template"] == {
        "name": "retomar",
        "language": {"code": "pt_BR"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Marina"}]}],
    }


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        (23.9, True),
        # WhatsApp's clock and ours may differ: within two minutes WhatsApp decides.
        (24 + 30 / 3600, True),
        (24 + 10 / 60, False),
    ],
)
async def test_the_window_is_a_day_and_a_little(
    house: House, later: Later, hours: float, is_open: bool
) -> None:
    chat = await house.talk()
    later.pass_hours(hours)
    message = house.chat.agent_writes(chat.id, "Bom dia!")
    if is_open:
        await house.sent()
    else:
        await failed(house, message)
    await house.quiet()
    assert len(house.graph.sent) == is_open


@pytest.mark.parametrize(("hours", "is_open"), [(23, True), (25, False)])
async def test_of_somebody_who_never_wrote_a_new_number_knows_nothing(
    house: House, later: Later, hours: float, is_open: bool
) -> None:
    later.pass_hours(hours)
    contact = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
    house.chat.agent_starts_conversation(contact.id, house.inbox.id, "Bom dia!")
    await house.quiet()
    assert len(house.graph.sent) == is_open
    if not is_open:
        assert (await house.events())["outbound", "dead", "whatsapp.window"] == 1


@pytest.mark.parametrize(
    ("raw", "opens"),
    [
        ({"type": "image", "image": {"id": "1", "mime_type": "image/jpeg"}}, True),
        ({"type": "button", "button": {"payload": "p", "text": "Sim"}}, True),
        ({"type": "location", "location": {"latitude": 1, "longitude": 2}}, True),
        ({"type": "unsupported", "errors": [{"code": 131051}]}, True),
        ({"type": "reaction", "reaction": {"message_id": "wamid.FIRST", "emoji": "👍"}}, False),
    ],
)
async def test_whatever_the_person_writes_opens_it(
    house: House, later: Later, raw: dict[str, Any], opens: bool
) -> None:
    first = {"id": "wamid.FIRST", "type": "text", "text": {"body": "Oi"}}
    await house.graph.customer_writes(MARINA, message=first)
    await house.quiet()
    chat = house.of("WAID:wamid.FIRST").conversation
    later.pass_hours(25)
    await house.graph.customer_writes(MARINA, message=raw)
    await house.quiet()
    house.chat.agent_writes(chat.id, "Bom dia!")
    await house.quiet()
    assert len(house.graph.sent) == opens


async def test_what_whatsapp_itself_finds_outside_is_told_in_the_same_words(
    house: House,
) -> None:
    house.graph.windows.enforced = True
    contact = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
    chat = house.chat.agent_starts_conversation(contact.id, house.inbox.id, "Bom dia!")
    (message,) = (one for one in house.chat.messages(chat.id) if one.message_type == "outgoing")
    error = await failed(house, message)
    assert house.texts == ["Bom dia!"]
    assert error.startswith(texts("en")["failure.whatsapp.window"])
    assert "retomar (pt_BR)" in error


async def test_what_ponte_would_have_said_ends_in_a_note(house: House, later: Later) -> None:
    await house.talk()
    later.pass_hours(25)
    (row,) = await house.rows("SELECT id, instance_id FROM chat")
    entry = house.service.directory.by_id(row["instance_id"])
    assert entry is not None

    def say_so(unit: Unit) -> None:
        house.service.queue.add(
            unit,
            NewJob(
                kind=AUTOMATIC,
                lane=lanes.to_whatsapp(row["id"]),
                road=Road.OUTBOUND,
                peer=entry.channel_peer,
                account=entry.channel_account,
                payload=orjson.dumps(own_text("Não atendemos ligações.")),
                now=house.clock.ms(),
                instance_id=entry.id,
                chat_id=row["id"],
            ),
        )

    await house.service.store.write(say_so)
    await house.quiet()
    (note,) = notes(house)
    assert note.content is not None
    assert "Não atendemos ligações." in note.content
    assert "retomar (pt_BR)" in note.content
    assert house.graph.requests[Route.MESSAGES] == 0
    assert set((await house.balance()).values()) == {0}


async def test_chatwoots_own_composer_knows_the_window(house: House) -> None:
    assert house.inbox.additional_attributes == {"agent_reply_time_window": "24"}
