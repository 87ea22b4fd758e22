"""What happens in the demo, chapter by chapter."""

from __future__ import annotations

from typing import Any

from bridge.cli.demo.bot import bot
from bridge.cli.demo.people import (
    CUSTOMER,
    WITH_NINTH,
    WITHOUT_NINTH,
    Told,
    agent,
    arrived,
    conversation,
    customer,
    customer_changes,
    customer_sends,
    has_status,
    in_chatwoot,
    noted,
    ordered,
    posted,
    shown,
    typed,
    went_out,
    where,
)
from bridge.cli.demo.stage import PATIENCE, Stage
from bridge.cli.demo.telling import AROUND, CHATWOOT, PONTE, WHATSAPP
from bridge.sim.faultproxy import LOSE_ANSWER, PASS, REFUSE
from bridge.sim.graph import Route, faults
from bridge.sim.graph.records import File
from bridge.sim.pictures import jpeg, png

INSTANCE, INBOX = "loja", "WhatsApp Loja"
CAKE, MENU = jpeg(64, 48, grey=180), png(48, 48, colour=(210, 120, 40))
#: The head of an Ogg file with Opus, as phones record it.
VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(30)
PLACE = {"latitude": -23.55052, "longitude": -46.633308, "name": "Salão de festas"}
#: Whoever comes back within a month goes on where they were.
RULE = {"name": "de volta", "when": {"resolvedFor": {"lessThan": "30d"}}, "do": "reopen"}
#: Meta's code for a number that cannot be reached at the moment.
UNDELIVERABLE = 131026


async def play(stage: Stage) -> Told:
    """Play it all. Raises `DemoFailed` as soon as something does not happen."""
    told = Told()
    await _set_up(stage)
    await _customer_writes(stage, told)
    await _agent_answers(stage, told)
    await _pictures(stage, told)
    await _kinds(stage, told)
    await _choices(stage, told)
    await _changes(stage, told)
    await _resolved(stage, told)
    await _outage(stage, told)
    await _failed_send(stage, told)
    await bot(stage, told, INSTANCE)
    await _control_room(stage, told)
    return told


async def _set_up(stage: Stage) -> None:
    show = stage.transcript
    await show.chapter("An instance is made through the public API")
    number = next(iter(stage.whatsapp.numbers.values()))
    made = await stage.call(
        "POST",
        "instance",
        "create",
        body={
            "instanceName": INSTANCE,
            "integration": "WHATSAPP-BUSINESS",
            "token": stage.whatsapp.access_token,
            "number": number.phone_number_id,
            "businessId": number.waba_id,
            "chatwootAccountId": str(stage.chatwoot.account_id),
            "chatwootToken": stage.chatwoot.admin_token,
            "chatwootUrl": stage.road_to_chatwoot.url,
            "chatwootSignMsg": True,
            "chatwootReopenConversation": True,
            "chatwootMergeBrazilContacts": True,
            "chatwootNameInbox": INBOX,
            "chatwootConversationRules": [RULE],
            "chatwootOrganization": "Ponte",
        },
    )
    status = made["instance"]["status"]
    await show.line(AROUND, f"POST /instance/create: {INSTANCE!r} is made, its number is {status}")
    for inbox in stage.chatwoot.inboxes.values():
        await show.line(
            CHATWOOT, f"inbox {inbox.id} {inbox.name!r} was created; it delivers to Ponte"
        )
    await stage.see("Meta verifies the webhook address", _verified(stage))
    await show.line(WHATSAPP, "Meta has verified the webhook address")


async def _verified(stage: Stage) -> None:
    if not await stage.whatsapp.verify(token=stage.verify_token):
        raise TimeoutError


async def _customer_writes(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("A customer writes: with and without the ninth digit, one conversation")
    stage.chatwoot.agent_creates_contact(CUSTOMER, phone_number=f"+{WITHOUT_NINTH}")
    stage.chatwoot.agent_creates_contact(f"+{WITH_NINTH}", phone_number=f"+{WITH_NINTH}")
    await show.line(
        CHATWOOT, f"an old import left two contacts: {CUSTOMER} +{WITHOUT_NINTH}, and +{WITH_NINTH}"
    )
    first = await customer(stage, told, WITH_NINTH, "Oi! Vocês abrem no *domingo*?")
    await stage.see("the two contacts were merged", noted(stage, first.conversation.id))
    note = next(one for one in first.conversation.messages if one.private)
    await show.line(CHATWOOT, f"[private note] {note.content}", aside=where(note))
    await customer(stage, told, WITHOUT_NINTH, "E aceitam Pix?")
    await show.line(
        AROUND, f"+{WITH_NINTH} and +{WITHOUT_NINTH} are one person: one contact, one conversation"
    )


async def _agent_answers(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("An agent answers, signed; the ticks come back")
    message, sent = await agent(stage, told, "Bom dia! Sim, **das 7 às 13 h**.\n\nE Pix, claro. 🙂")
    await stage.see("the message was delivered", stage.whatsapp.settled(PATIENCE))
    await show.line(WHATSAPP, f"{CUSTOMER} reads it")
    await stage.whatsapp.customer_reads(sent.wamid)
    await stage.see("Chatwoot shows it as read", has_status(stage, message, "read"))
    await show.line(CHATWOOT, f"message {message.id} is shown as read")


async def _pictures(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("A picture each way, byte for byte")
    caption = "Quero um bolo como este"
    await show.line(WHATSAPP, f"{CUSTOMER}: [picture] {caption}", aside=f"{len(CAKE)} bytes")
    written = await stage.whatsapp.customer_writes(
        WITH_NINTH, image=CAKE, caption=caption, name=CUSTOMER, bsuid=None
    )
    message = await arrived(stage, told, written)
    told.pictures_in += [file.data for file in message.attachments] == [CAKE]
    _, sent = await agent(stage, told, "Nosso cardápio:", picture=MENU)
    told.pictures_out += stage.whatsapp.media[sent.media_id or ""].data == MENU


async def _kinds(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("Other kinds: a place, a voice note")
    await show.line(WHATSAPP, f"{CUSTOMER}: [place] {PLACE['name']}")
    place = {"type": "location", "location": PLACE}
    await arrived(stage, told, await customer_sends(stage, message=place))
    await show.line(WHATSAPP, f"{CUSTOMER}: [voice note]", aside=f"{len(VOICE)} bytes")
    note = File(kind="audio", data=VOICE, mime="audio/ogg; codecs=opus", extra={"voice": True})
    await arrived(stage, told, await customer_sends(stage, file=note))


async def _choices(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("Choices become buttons; tapped or typed, the answer is understood")
    _, sent = await agent(stage, told, "Qual recheio?", **_select("Chocolate", "Morango"))
    await show.line(WHATSAPP, f"{CUSTOMER} taps Morango")
    tapped = {"type": "button_reply", "button_reply": {"id": "2", "title": "Morango"}}
    reply = {"type": "interactive", "interactive": tapped}
    await arrived(stage, told, await customer_sends(stage, message=reply, reply_to=sent.wamid))
    await agent(stage, told, "Que horas?", **_select("Às 9 h", "Às 10 h", "Às 11 h"))
    await customer(stage, told, WITH_NINTH, "2")


def _select(*titles: str) -> dict[str, Any]:
    """What Chatwoot's API takes for a message with options; their values are numbers."""
    items = [{"title": title, "value": f"{n}"} for n, title in enumerate(titles, start=1)]
    return {"content_type": "input_select", "content_attributes": {"items": items}}


async def _changes(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("A reaction and an edit stand below the message that they are about")
    message = await customer(stage, told, WITH_NINTH, "Pode ser ás 10")
    target = told.from_customer[-1]
    await show.line(WHATSAPP, f"{CUSTOMER} corrects it: Pode ser às 10 h")
    text = {"type": "text", "text": {"body": "Pode ser às 10 h"}}
    edit = {"type": "edit", "edit": {"original_message_id": target, "message": text}}
    await customer_changes(stage, told, message, edit)
    await show.line(WHATSAPP, f"{CUSTOMER} reacts to it: 🎂")
    reaction = {"type": "reaction", "reaction": {"message_id": target, "emoji": "🎂"}}
    await customer_changes(stage, told, message, reaction)


async def _resolved(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("A rule reopens what was resolved; Meta delivers the same webhook twice")
    chat = conversation(stage)
    stage.chatwoot.resolve(chat.id)
    await stage.see("Ponte hears of it", stage.chatwoot.settled(PATIENCE))
    name = stage.chatwoot.agent.display_name
    await show.line(CHATWOOT, f"{name} resolves the conversation", aside=f"conversation {chat.id}")
    text = "Para sábado, pode ser?"
    await show.line(WHATSAPP, f"{CUSTOMER}: {text}", aside="delivered twice")
    written, payload = stage.whatsapp.draft(WITH_NINTH, text, name=CUSTOMER, bsuid=None)
    await stage.whatsapp.deliver(payload)
    await stage.whatsapp.deliver(payload)
    told.repeats_by_meta += 1
    await arrived(stage, told, written)
    await stage.until(
        "the second delivery was counted as a duplicate",
        lambda found: found.causes["inbound", "ignored", "duplicate"] == told.repeats_by_meta,
    )
    await show.line(PONTE, "the second delivery is ignored: duplicate")
    await show.line(CHATWOOT, f"conversation {chat.id} is {chat.status} again")


async def _outage(stage: Stage, told: Told) -> None:
    show, road = stage.transcript, stage.road_to_chatwoot
    await show.chapter("Chatwoot fails in the middle of an answer, and is away for a while")
    road.next(LOSE_ANSWER, on="/messages")
    road.set(REFUSE)
    await show.line(AROUND, "Chatwoot takes the next message, dies before it answers, stays away")
    texts = ["De chocolate, por favor", "Para 12 pessoas", "E com velas 🕯️"]
    written = []
    for text, number in zip(texts, (WITH_NINTH, WITHOUT_NINTH, WITH_NINTH), strict=True):
        await show.line(WHATSAPP, f"{CUSTOMER}: {text}", aside=f"+{number}")
        written.append(
            await stage.whatsapp.customer_writes(number, text, name=CUSTOMER, bsuid=None)
        )
    told.from_customer += written
    found = await stage.until(
        "calls to Chatwoot are paused",
        lambda found: found.waiting["inbound"] == len(texts) and not all(found.peers.values()),
    )
    await show.line(
        PONTE,
        f"Meta has its 200; {found.waiting['inbound']} messages wait on disk, "
        "calls to Chatwoot are paused",
    )
    road.set(PASS)
    await show.line(AROUND, "Chatwoot is back")
    await stage.see("what waited stands in Chatwoot", posted(stage, written))
    await stage.until("nothing waits any more", lambda found: not found.waiting["inbound"])
    for id_ in written:
        message = in_chatwoot(stage, id_)[0]
        await show.story(await stage.why(id_))
        await show.line(CHATWOOT, f"{CUSTOMER}: {shown(message)}", aside=where(message))


async def _failed_send(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("WhatsApp refuses a message; the agent sees why and presses Retry")
    stage.whatsapp.faults.next(Route.MESSAGES, faults.error(UNDELIVERABLE))
    message = await typed(stage, "Combinado, **sábado às 10 h**!")
    told.failed_sends += 1
    await stage.see("Chatwoot shows it as failed", has_status(stage, message, "failed"))
    await stage.until("the failure was noted", lambda found: not found.waiting["internal"])
    await show.story(await stage.why(message.id))
    await show.line(CHATWOOT, f"not delivered: {message.external_error}", aside=where(message))
    name = stage.chatwoot.agent.display_name
    await show.line(CHATWOOT, f"{name} presses Retry")
    before = len(stage.whatsapp.sent)
    stage.chatwoot.agent_retries(message.id)
    told.from_agent.append(message.id)
    await stage.see("the retried message went onto WhatsApp", went_out(stage, before + 1))
    await stage.until("its job ended", lambda found: not found.waiting["outbound"])
    sent = stage.whatsapp.sent[before]
    await show.line(PONTE, "accepted again, and sent")
    await show.line(WHATSAPP, f"to {CUSTOMER}: {sent.text}", aside=f"+{sent.to}")


async def _control_room(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("The number is run from its own conversation in Chatwoot")
    for word in ("status", "mesclar"):
        await ordered(stage, told, word)
