"""What happens in the demo, chapter by chapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridge.cli.demo.stage import PATIENCE, Stage
from bridge.cli.demo.telling import AROUND, CHATWOOT, PONTE, WHATSAPP
from bridge.sim.chatwoot import Message
from bridge.sim.faultproxy import LOSE_ANSWER, PASS, REFUSE
from bridge.sim.graph import Route, SentMessage, faults
from bridge.sim.pictures import jpeg, png

INSTANCE, INBOX = "loja", "WhatsApp Loja"
CUSTOMER = "Marina"
WITH_NINTH, WITHOUT_NINTH = "5511987650001", "551187650001"
CAKE, MENU = jpeg(64, 48, grey=180), png(48, 48, colour=(210, 120, 40))
#: Meta's code for a number that cannot be reached at the moment.
UNDELIVERABLE = 131026


@dataclass(slots=True, kw_only=True)
class Told:
    """What people did, written down as they did it: the summary is reckoned from this."""

    #: WhatsApp ids of what the customer wrote, in order.
    from_customer: list[str] = field(default_factory=list)
    #: Chatwoot ids of what the agent wrote, in the order in which it went out.
    from_agent: list[int] = field(default_factory=list)
    repeats_by_meta: int = 0
    failed_sends: int = 0
    pictures_in: int = 0
    pictures_out: int = 0


async def play(stage: Stage) -> Told:
    """Play it all. Raises `DemoFailed` as soon as something does not happen."""
    told = Told()
    await _set_up(stage)
    await _customer_writes(stage, told)
    await _agent_answers(stage, told)
    await _pictures(stage, told)
    await _twice(stage, told)
    await _outage(stage, told)
    await _failed_send(stage, told)
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
    await _customer(stage, told, WITH_NINTH, "Oi! Vocês abrem no *domingo*?")
    await _customer(stage, told, WITHOUT_NINTH, "E aceitam Pix?")
    await show.line(
        AROUND, f"+{WITH_NINTH} and +{WITHOUT_NINTH} are one person: one contact, one conversation"
    )


async def _customer(stage: Stage, told: Told, number: str, text: str) -> Message:
    """The customer writes, and it is seen in Chatwoot."""
    await stage.transcript.line(WHATSAPP, f"{CUSTOMER}: {text}", aside=f"+{number}")
    written = await stage.whatsapp.customer_writes(number, text, name=CUSTOMER, bsuid=None)
    return await _arrived(stage, told, written)


async def _arrived(stage: Stage, told: Told, written: str) -> Message:
    told.from_customer.append(written)
    await stage.see("a customer's message stands in Chatwoot", _posted(stage, [written]))
    await stage.until("its job ended", lambda found: not found.waiting["inbound"])
    await stage.transcript.story(await stage.why(written))
    message = _in_chatwoot(stage, written)[0]
    await stage.transcript.line(CHATWOOT, f"{CUSTOMER}: {_shown(message)}", aside=_where(message))
    return message


async def _agent_answers(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("An agent answers, signed; the ticks come back")
    message, sent = await _agent(
        stage, told, "Bom dia! Sim, **das 7 às 13 h**.\n\nE Pix, claro. 🙂"
    )
    await stage.see("the message was delivered", stage.whatsapp.settled(PATIENCE))
    await show.line(WHATSAPP, f"{CUSTOMER} reads it")
    await stage.whatsapp.customer_reads(sent.wamid)
    await stage.see("Chatwoot shows it as read", _status(stage, message, "read"))
    await show.line(CHATWOOT, f"message {message.id} is shown as read")


async def _agent(
    stage: Stage, told: Told, text: str, *, picture: bytes | None = None
) -> tuple[Message, SentMessage]:
    """The agent writes, and it is seen on WhatsApp."""
    before = len(stage.whatsapp.sent)
    message = await _typed(stage, text, picture=picture)
    told.from_agent.append(message.id)
    await stage.see("an agent's message went onto WhatsApp", _sent(stage, before + 1))
    await stage.until("its job ended", lambda found: not found.waiting["outbound"])
    await stage.transcript.story(await stage.why(message.id))
    sent = stage.whatsapp.sent[before]
    await stage.transcript.line(
        WHATSAPP, f"to {CUSTOMER}: {_picture(sent.type)}{sent.text}", aside=f"+{sent.to}"
    )
    return message, sent


async def _typed(stage: Stage, text: str, *, picture: bytes | None = None) -> Message:
    files = [] if picture is None else [("cardapio.png", picture, "image/png")]
    message = stage.chatwoot.agent_writes(_conversation(stage), text, attachments=files)
    name = stage.chatwoot.agent.display_name
    await stage.transcript.line(CHATWOOT, f"{name}: {_shown(message)}", aside=_where(message))
    return message


async def _pictures(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("A picture each way, byte for byte")
    caption = "Quero um bolo como este"
    await show.line(WHATSAPP, f"{CUSTOMER}: [picture] {caption}", aside=f"{len(CAKE)} bytes")
    written = await stage.whatsapp.customer_writes(
        WITH_NINTH, image=CAKE, caption=caption, name=CUSTOMER, bsuid=None
    )
    message = await _arrived(stage, told, written)
    told.pictures_in += [file.data for file in message.attachments] == [CAKE]
    _, sent = await _agent(stage, told, "Nosso cardápio:", picture=MENU)
    told.pictures_out += stage.whatsapp.media[sent.media_id or ""].data == MENU


async def _twice(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("Meta delivers the same webhook twice")
    text = "Para sábado, pode ser?"
    await show.line(WHATSAPP, f"{CUSTOMER}: {text}", aside="delivered twice")
    written, payload = stage.whatsapp.draft(WITH_NINTH, text, name=CUSTOMER, bsuid=None)
    await stage.whatsapp.deliver(payload)
    await stage.whatsapp.deliver(payload)
    told.repeats_by_meta += 1
    await _arrived(stage, told, written)
    await stage.until(
        "the second delivery was counted as a duplicate",
        lambda found: found.causes["inbound", "ignored", "duplicate"] == told.repeats_by_meta,
    )
    await show.line(PONTE, "the second delivery is ignored: duplicate")


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
    await stage.see("what waited stands in Chatwoot", _posted(stage, written))
    await stage.until("nothing waits any more", lambda found: not found.waiting["inbound"])
    for id_ in written:
        message = _in_chatwoot(stage, id_)[0]
        await show.story(await stage.why(id_))
        await show.line(CHATWOOT, f"{CUSTOMER}: {_shown(message)}", aside=_where(message))


async def _failed_send(stage: Stage, told: Told) -> None:
    show = stage.transcript
    await show.chapter("WhatsApp refuses a message; the agent sees why and presses Retry")
    stage.whatsapp.faults.next(Route.MESSAGES, faults.error(UNDELIVERABLE))
    message = await _typed(stage, "Combinado, **sábado às 10 h**!")
    told.failed_sends += 1
    await stage.see("Chatwoot shows it as failed", _status(stage, message, "failed"))
    await stage.until("the failure was noted", lambda found: not found.waiting["internal"])
    await show.story(await stage.why(message.id))
    await show.line(CHATWOOT, f"not delivered: {message.external_error}", aside=_where(message))
    name = stage.chatwoot.agent.display_name
    await show.line(CHATWOOT, f"{name} presses Retry")
    before = len(stage.whatsapp.sent)
    stage.chatwoot.agent_retries(message.id)
    told.from_agent.append(message.id)
    await stage.see("the retried message went onto WhatsApp", _sent(stage, before + 1))
    await stage.until("its job ended", lambda found: not found.waiting["outbound"])
    sent = stage.whatsapp.sent[before]
    await show.line(PONTE, "accepted again, and sent")
    await show.line(WHATSAPP, f"to {CUSTOMER}: {sent.text}", aside=f"+{sent.to}")


def _conversation(stage: Stage) -> int:
    """The customer's conversation: the newest that is not Ponte's own."""
    return max(stage.chatwoot.conversations)


def _in_chatwoot(stage: Stage, written: str) -> list[Message]:
    return [one for one in stage.chatwoot.messages() if one.source_id == f"WAID:{written}"]


async def _posted(stage: Stage, written: Sequence[str]) -> None:
    fits: Callable[[], bool] = lambda: all(_in_chatwoot(stage, id_) for id_ in written)  # noqa: E731
    await stage.chatwoot.wait_for(fits, PATIENCE)


async def _sent(stage: Stage, count: int) -> None:
    await stage.whatsapp.wait_for(lambda: len(stage.whatsapp.sent) >= count, PATIENCE)


async def _status(stage: Stage, message: Message, status: str) -> None:
    await stage.chatwoot.wait_for(lambda: message.status == status, PATIENCE)


def _shown(message: Message) -> str:
    pictures = "".join("[picture] " for _ in message.attachments)
    return f"{pictures}{message.content or ''}"


def _picture(kind: str) -> str:
    return "[picture] " if kind == "image" else ""


def _where(message: Message) -> str:
    return f"conversation {message.conversation.id}, message {message.id}"
