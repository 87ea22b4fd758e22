"""The service dies at each await of what is done for all that is no plain message: changes of
messages, choices and their answers, templates, places and cards, files that are asked for again,
history, merges of contacts, and what is said in the control room."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sim.chatwoot import Contact, Message
from bridge.sim.graph import Number, Route, SentMessage, Template, faults
from bridge.sim.graph.payloads import Payload, envelope, template_news
from bridge.sim.pictures import jpeg, png
from support.crashing import Road, crash_everywhere
from support.crossing import Crossing, duplicates

MARINA, NEW = "5511987650001", "5511987650007"
ITEMS = [{"title": "Sim", "value": "s"}, {"title": "Não", "value": "n"}]
PLACE = {
    "file_type": "location",
    "coordinates_lat": -23.5505,
    "coordinates_long": -46.6333,
    "fallback_title": "Padaria",
    "data_url": "https://maps.example/x",
}
CARD = {
    "file_type": "contact",
    "fallback_title": "+5511900000001",
    "meta": {"firstName": "Ana", "lastName": "Silva"},
}
HELLO = Template(name="boas_vindas", components=({"type": "BODY", "text": "Oi {{1}}!"},))
PARAMS = {"name": "boas_vindas", "language": "pt_BR", "processed_params": {"body": {"1": "Ana"}}}


def shown(its: Crossing) -> list[tuple[str, str]]:
    """What agents see, without what our own bot contact says and what is deleted."""
    its_own = {chat.id for chat in its.customers_conversations()}
    return [
        ("note" if one.private else one.message_type, one.content or "")
        for one in its.chat.messages()
        if one.conversation.id in its_own and not one.content_attributes.get("deleted")
    ]


def nothing_twice(its: Crossing) -> None:
    assert duplicates(one.source_id for one in its.chat.messages() if one.source_id) == []
    assert its.ponte.query("SELECT kind, cause FROM job WHERE state='dead'") == []


# what happens to messages that stand there -----------------------------------------------------


async def three_and_an_answer(its: Crossing) -> list[str]:
    ids = [await its.customer(MARINA, text, name="Marina") for text in ("um", "dois", "três")]
    await its.quiet()
    its.chat.agent_writes(its.customers_conversations()[0].id, "resposta")
    return ids


async def change_them(its: Crossing, ids: list[str]) -> None:
    answer = next(one for one in its.chat.messages() if one.content == "resposta")
    its.chat.agent_edits(answer.id, "outra resposta")
    said = {"type": "text", "text": {"body": "doze"}}
    changed: list[Payload] = [
        {"type": "reaction", "reaction": {"message_id": ids[0], "emoji": "👍"}},
        {"type": "edit", "edit": {"original_message_id": ids[1], "message": said}},
        {"type": "revoke", "revoke": {"original_message_id": ids[2]}},
        {"type": "system", "system": {"type": "user_changed_number", "wa_id": NEW}},
    ]
    for message in changed:
        await its.customer(MARINA, message=message)


async def changed_once(its: Crossing, _: list[str]) -> None:
    nothing_twice(its)
    texts = sorted(shown(its))
    assert texts[:4] == [
        ("incoming", "dois"),
        ("incoming", "um"),
        ("incoming", "✏️ doze"),
        ("incoming", "👍"),
    ]
    notes = [text for kind, text in texts[4:] if kind == "note"]
    assert len(notes) == 2, notes  # of the number, and of what we could not edit
    assert len(texts) == 7
    assert [one.contact.phone_number for one in its.customers_conversations()] == [f"+{NEW}"]


# what is asked for: a file once more, an answer ------------------------------------------------


async def asked(its: Crossing) -> Message:
    for route in (Route.DOWNLOAD, Route.LOOKUP):
        its.graph.faults.always(route, faults.error(100, status=404))
    await its.customer(MARINA, image=jpeg(), caption="olha")
    await its.quiet()
    its.graph.faults.off()
    (placeholder,) = its.incoming()
    fields: dict[str, Any] = {"content_type": "input_select"}
    fields["content_attributes"] = {"items": ITEMS}
    its.chat.agent_writes(placeholder.conversation.id, "Continuar?", **fields)
    return placeholder


async def ask_and_answer(its: Crossing, about: Message) -> None:
    its.chat.agent_writes(about.conversation.id, "/retry", private=True, in_reply_to=about.id)
    await its.customer(MARINA, "2")


async def had_once(its: Crossing, about: Message) -> None:
    nothing_twice(its)
    assert its.ponte.query("SELECT options FROM menu") == [("[]",)]
    answered = [one.content for one in its.incoming() if not one.attachments and one is not about]
    (answer,) = answered
    assert (answer or "").startswith("Não")  # with what was typed
    files = [one.attachments for one in its.incoming() if one.attachments]
    assert [[one.data for one in held] for held in files] == [[jpeg()]]


# what agents and bots send ---------------------------------------------------------------------


async def in_a_chat(its: Crossing) -> int:
    its.graph.templates.put(Number().waba_id, HELLO)
    await its.customer(MARINA, "Oi", name="Marina")
    await its.quiet()
    return its.customers_conversations()[0].id


async def write_everything(its: Crossing, chat: int) -> None:
    select = {"content_type": "input_select", "content_attributes": {"items": ITEMS}}
    its.chat.agent_writes(chat, "Continuar?", **select)
    its.chat.agent_writes(chat, "Oi Ana!", template_params=PARAMS)
    files = [(f"{number}.png", png(number, 9), "image/png") for number in (1, 2, 3)]
    its.chat.agent_writes(chat, "tudo", attachments=files, shared=[PLACE, CARD])


async def sent_or_why(its: Crossing, _: int) -> None:
    """Each part at most once and in order; a red mark with the reason where one is missing."""
    jobs = its.ponte.query("SELECT id FROM job WHERE kind='outbound' ORDER BY id")
    messages = [one for one in its.chat.messages() if one.message_type == "outgoing"]
    parts = ["interactive"], ["template"], [*["image"] * 3, "location", "contacts"]
    for (job,), message, whole in zip(jobs, messages, parts, strict=True):
        sent = [one for one in its.graph.sent if job_of(one) == job]
        assert [one.type for one in sent] == whole[: len(sent)]
        assert (message.status == "failed") is (len(sent) < len(whole)), message.external_error
        assert bool(message.external_error) is (message.status == "failed")
    order = [job_of(one) for one in its.graph.sent]
    assert order == sorted(order)


def job_of(sent: SentMessage) -> int:
    """Our keys are `<installation>.<job>.<part>.<try>`."""
    return int((sent.callback_data or "").split(".")[-3])


# what needs no person -------------------------------------------------------------------------


async def nothing(its: Crossing) -> None:
    its.graph.templates.put(Number().waba_id, HELLO)


async def tell(its: Crossing, _: None) -> None:
    number = Number()
    await its.deliver(envelope(number, field="history", history=[{"threads": [{"id": MARINA}]}]))
    await its.deliver(template_news(number.waba_id, HELLO.name, HELLO.language, "APPROVED"))


async def known(its: Crossing, _: None) -> None:
    nothing_twice(its)
    assert its.ponte.query("SELECT COUNT(*) FROM history") == [(1,)]
    assert its.ponte.query("SELECT name FROM template") == [(HELLO.name,)]


# contacts of one person ------------------------------------------------------------------------


def twins(its: Crossing, number: str) -> tuple[Contact, Contact]:
    """Somebody has two contacts, without the ninth digit and with it, each with a label."""
    make = its.chat.agent_creates_contact
    without = make(f"+{number[:4]}{number[5:]}", phone_number=f"+{number[:4]}{number[5:]}")
    with_nine = make(f"+{number}", phone_number=f"+{number}")
    without.labels, with_nine.labels = ["vip"], ["atacado"]
    return without, with_nine


async def two_contacts(its: Crossing) -> tuple[Contact, Contact]:
    return twins(its, MARINA)


async def write_twice(its: Crossing, _: tuple[Contact, Contact]) -> None:
    await its.customer(MARINA, "um")
    await its.customer(MARINA, "dois")


async def merged_once(its: Crossing, pair: tuple[Contact, Contact]) -> None:
    nothing_twice(its)
    (left,) = (its.chat.contacts[one.id] for one in pair if one.id in its.chat.contacts)
    assert (left.labels, left.phone_number) == (["vip", "atacado"], f"+{MARINA}")
    assert [one.contact for one in its.customers_conversations()] == [left]
    assert sorted(text for kind, text in shown(its) if kind == "incoming") == ["dois", "um"]
    assert [kind for kind, _ in shown(its)].count("note") == 1
    assert its.ponte.query("SELECT state FROM contact_merge") == [("done",)]


# the control room ------------------------------------------------------------------------------


async def twins_whom_nobody_met(its: Crossing) -> tuple[Contact, Contact]:
    return twins(its, NEW)


async def command(its: Crossing, _: tuple[Contact, Contact]) -> None:
    ((room,),) = its.ponte.query("SELECT bot_conversation_id FROM chatwoot_inbox")
    for text in ("clearcache", "pause bot 1h", "merge plan"):
        its.chat.agent_writes(room, text)
    await its.quiet()
    its.chat.agent_writes(room, "merge apply")


async def done_and_told_once(its: Crossing, pair: tuple[Contact, Contact]) -> None:
    await its.quiet()  # what was written while the service was dead is found at its start
    nothing_twice(its)
    ((room,),) = its.ponte.query("SELECT bot_conversation_id FROM chatwoot_inbox")
    said = [
        one.content or ""
        for one in its.chat.conversations[room].messages
        if (one.source_id or "").startswith("PONTE:state:")
    ]
    assert len(said) == 4 + 2, said  # each is answered, and the plan tells twice how far it is
    assert sum(one.id in its.chat.contacts for one in pair) == 1
    assert its.ponte.query("SELECT state FROM contact_merge") == [("done",)]
    assert its.ponte.query("SELECT state FROM merge_plan") == [("applied",)]
    assert its.ponte.query("SELECT COUNT(*) FROM audit WHERE action LIKE 'room.%'") == [(4,)]


def settled(*kinds: str) -> tuple[str, ...]:
    return (*kinds, *(f"settle {kind}" for kind in kinds))


ROADS = {
    "changes": Road(
        places=settled("reacted", "edited", "revoked", "renamed", "edit", "note"),
        prepare=three_and_an_answer,
        walk=change_them,
        check=changed_once,
        stride=7,
    ),
    "a file once more, and an answer": Road(
        places=("accept chatwoot", *settled("inbound")),
        prepare=asked,
        walk=ask_and_answer,
        check=had_once,
        stride=7,
    ),
    "a choice, a template, files, a place and a card": Road(
        places=settled("outbound"),
        prepare=in_a_chat,
        walk=write_everything,
        check=sent_or_why,
        stride=13,
    ),
    "a merge": Road(
        places=("inbound", *settled("merge")),
        prepare=two_contacts,
        walk=write_twice,
        check=merged_once,
        stride=5,
    ),
    "the control room": Road(
        places=settled("command", "announce", "drift", "merge_plan", "merge_apply"),
        prepare=twins_whom_nobody_met,
        walk=command,
        check=done_and_told_once,
        stride=15,
    ),
    "history and templates": Road(
        places=("accept meta", *settled("templates")),
        prepare=nothing,
        walk=tell,
        check=known,
        stride=3,
    ),
}
#: What a customer deletes is deleted in Chatwoot too.
SECTIONS = {"relay": {"deletions": "delete", "uncertain_after_seconds": 0.3, "language": "en"}}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(120)
async def test_every_kind_is_there_once_wherever_the_service_dies(world, road):
    assert await crash_everywhere(world, road, sections=SECTIONS) > 3
