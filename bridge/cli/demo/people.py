"""What people do in the demo, and how it is seen on the other side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.cli.demo.stage import PATIENCE, Stage
from bridge.cli.demo.telling import CHATWOOT, WHATSAPP
from bridge.core.message import MADE_UP
from bridge.sim.chatwoot import Conversation, Message
from bridge.sim.graph import SentMessage

CUSTOMER = "Marina"
WITH_NINTH, WITHOUT_NINTH = "5511987650001", "551187650001"


@dataclass(slots=True, kw_only=True)
class Told:
    """What people did, written down as they did it: the summary is reckoned from this."""

    #: WhatsApp ids of what the customer wrote, in order.
    from_customer: list[str] = field(default_factory=list)
    #: Chatwoot ids of what the agent wrote, in the order in which it went out.
    from_agent: list[int] = field(default_factory=list)
    #: Ids of the messages of theirs that customers reacted to or edited, once for each time.
    changed: list[str] = field(default_factory=list)
    #: WhatsApp ids of what the bot said, in order, as they were seen.
    from_bot: list[str] = field(default_factory=list)
    repeats_by_meta: int = 0
    failed_sends: int = 0
    #: What the agent wrote to the bot.
    commands: int = 0
    pictures_in: int = 0
    pictures_out: int = 0
    #: Conversations that the bot gave to people, and what it said while they had the word.
    handed_over: int = 0
    talked_over: int = 0

    @property
    def went_out(self) -> int:
        """How many messages went onto WhatsApp as far as was told."""
        return len(self.from_agent) + len(self.from_bot) + self.talked_over


async def customer(
    stage: Stage, told: Told, number: str, text: str, *, story: bool = True
) -> Message:
    """The customer writes, and it is seen in Chatwoot; `story`: with what its job did."""
    await stage.transcript.line(WHATSAPP, f"{CUSTOMER}: {text}", aside=f"+{number}")
    written = await stage.whatsapp.customer_writes(number, text, name=CUSTOMER, bsuid=None)
    return await arrived(stage, told, written, story=story)


async def customer_sends(stage: Stage, **writing: Any) -> str:
    """The customer sends anything but a text."""
    return await stage.whatsapp.customer_writes(WITH_NINTH, name=CUSTOMER, bsuid=None, **writing)


async def arrived(stage: Stage, told: Told, written: str, *, story: bool = True) -> Message:
    told.from_customer.append(written)
    await stage.see("a customer's message stands in Chatwoot", posted(stage, [written]))
    await stage.until("its job ended", lambda found: not found.waiting["inbound"])
    if story:
        await stage.transcript.story(await stage.why(written))
    message = in_chatwoot(stage, written)[0]
    await stage.transcript.line(CHATWOOT, f"{CUSTOMER}: {shown(message)}", aside=where(message))
    return message


async def customer_changes(
    stage: Stage, told: Told, about: Message, change: dict[str, Any]
) -> None:
    """A change of a customer's message is seen in Chatwoot, in answer to it."""
    target = told.from_customer[-1]
    before = len(_changes_of(stage, target))
    await customer_sends(stage, message=change)
    told.changed.append(target)
    fits = lambda: len(_changes_of(stage, target)) > before  # noqa: E731
    await stage.see("a change stands in Chatwoot", stage.chatwoot.wait_for(fits, PATIENCE))
    message = _changes_of(stage, target)[-1]
    await stage.transcript.line(
        CHATWOOT,
        f"{CUSTOMER}: {shown(message)}",
        aside=f"{where(message)}, in answer to {about.id}",
    )


def _changes_of(stage: Stage, written: str) -> list[Message]:
    start = f"WAID:{written}{MADE_UP}"
    return [one for one in stage.chatwoot.messages() if (one.source_id or "").startswith(start)]


async def agent(
    stage: Stage, told: Told, text: str, *, picture: bytes | None = None, **fields: Any
) -> tuple[Message, SentMessage]:
    """The agent writes, and it is seen on WhatsApp."""
    before = len(stage.whatsapp.sent)
    message = await typed(stage, text, picture=picture, **fields)
    told.from_agent.append(message.id)
    await stage.see("an agent's message went onto WhatsApp", went_out(stage, before + 1))
    await stage.until("its job ended", lambda found: not found.waiting["outbound"])
    await stage.transcript.story(await stage.why(message.id))
    sent = stage.whatsapp.sent[before]
    await show_sent(stage, sent)
    return message, sent


async def seen_on_whatsapp(stage: Stage, told: Told, count: int) -> list[SentMessage]:
    """What went onto WhatsApp beside what was told of already: so many messages, not shown yet."""
    known = told.went_out
    await stage.see("a bot's message went onto WhatsApp", went_out(stage, known + count))
    return stage.whatsapp.sent[known:]


async def show_sent(stage: Stage, sent: SentMessage) -> None:
    await stage.transcript.line(
        WHATSAPP,
        f"to {CUSTOMER}: {_picture(sent.type)}{sent.text}{_buttons(sent)}",
        aside=f"+{sent.to}",
    )


async def typed(stage: Stage, text: str, *, picture: bytes | None = None, **fields: Any) -> Message:
    files = [] if picture is None else [("cardapio.png", picture, "image/png")]
    message = stage.chatwoot.agent_writes(conversation(stage).id, text, attachments=files, **fields)
    name = stage.chatwoot.agent.display_name
    await stage.transcript.line(CHATWOOT, f"{name}: {shown(message)}", aside=where(message))
    return message


def conversation(stage: Stage) -> Conversation:
    """The customer's conversation: the newest, since Ponte's own is made first."""
    return stage.chatwoot.conversations[max(stage.chatwoot.conversations)]


async def noted(stage: Stage, conversation_id: int) -> None:
    messages = stage.chatwoot.conversations[conversation_id].messages
    await stage.chatwoot.wait_for(lambda: any(one.private for one in messages), PATIENCE)


async def ordered(stage: Stage, told: Told, word: str) -> None:
    """The agent writes a command in the bot's conversation, and all that it answers is seen."""
    room = stage.chatwoot.conversations[min(stage.chatwoot.conversations)]
    before = len(room.messages)
    name = stage.chatwoot.agent.display_name
    message = stage.chatwoot.agent_writes(room.id, word)
    told.commands += 1
    await stage.transcript.line(CHATWOOT, f"{name}: {word}", aside=f"{where(message)}, to the bot")
    fits: Callable[[], bool] = lambda: len(room.messages) > before + 1  # noqa: E731
    await stage.see("a command is answered", stage.chatwoot.wait_for(fits, PATIENCE))
    await stage.until("its jobs ended", lambda found: not sum(found.waiting.values()))
    for answer in room.messages[before + 1 :]:
        await stage.transcript.line(CHATWOOT, f"Ponte: {answer.content}", aside=where(answer))


def in_chatwoot(stage: Stage, written: str) -> list[Message]:
    return [one for one in stage.chatwoot.messages() if one.source_id == f"WAID:{written}"]


async def posted(stage: Stage, written: Sequence[str]) -> None:
    fits: Callable[[], bool] = lambda: all(in_chatwoot(stage, id_) for id_ in written)  # noqa: E731
    await stage.chatwoot.wait_for(fits, PATIENCE)


async def went_out(stage: Stage, count: int) -> None:
    await stage.whatsapp.wait_for(lambda: len(stage.whatsapp.sent) >= count, PATIENCE)


async def has_status(stage: Stage, message: Message, status: str) -> None:
    await stage.chatwoot.wait_for(lambda: message.status == status, PATIENCE)


def shown(message: Message) -> str:
    kinds = {"audio": "[voice note] "}
    files = "".join(kinds.get(one.file_type, "[picture] ") for one in message.attachments)
    items = message.content_attributes.get("items") or []
    options = f"  [{' | '.join(one['title'] for one in items)}]" if items else ""
    return f"{files}{message.content or ''}{options}"


def _buttons(sent: SentMessage) -> str:
    action = sent.body.get("interactive", {}).get("action", {})
    titles = [one["reply"]["title"] for one in action.get("buttons", [])]
    return "".join(f"\n[ {title} ]" for title in titles)


def _picture(kind: str) -> str:
    return "[picture] " if kind == "image" else ""


def where(message: Message) -> str:
    return f"conversation {message.conversation.id}, message {message.id}"
