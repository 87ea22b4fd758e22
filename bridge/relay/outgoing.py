"""An agent's message as the queue keeps it, and the parts that go onto WhatsApp.

Planning is pure and gives the same parts each time, since the ledger knows them by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import TypeAdapter

from bridge.chatwoot.attachments import filename
from bridge.chatwoot.models import MessageType
from bridge.chatwoot.webhook import MessageEvent
from bridge.text.convert import sign, to_whatsapp
from bridge.text.splitting import split
from bridge.whatsapp.channel import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """A file that lies in Chatwoot."""

    url: str
    kind: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessage:
    """What somebody wrote in Chatwoot. `template`: a greeting and the like, never signed.

    Without a `message_id` nobody wrote it there: it is Ponte's own.
    """

    inbox_id: int | None
    conversation_id: int | None
    message_id: int | None
    content: str
    is_template: bool
    by_person: bool
    #: A bot wrote it through the API: its text is literal, not the editor's Markdown.
    by_bot: bool
    sender_name: str | None
    files: tuple[AgentFile, ...]
    in_reply_to: int | None
    #: Chatwoot itself marked it failed (we were down): clear the mark once it is sent.
    was_failed: bool


AGENT_MESSAGE: TypeAdapter[AgentMessage] = TypeAdapter(AgentMessage)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    file: AgentFile
    caption: str | None


Part: TypeAlias = TextPart | FilePart


def read_event(event: MessageEvent, *, was_failed: bool = False) -> AgentMessage:
    """Take from a webhook (or a listed message) what sending needs.

    Attachments come from the event's own message, never from its conversation's last one.
    """
    message = event.message
    sender = message.sender
    return AgentMessage(
        inbox_id=event.inbox_id,
        conversation_id=event.conversation_id,
        message_id=message.id,
        content=message.content or "",
        is_template=message.message_type is MessageType.TEMPLATE,
        by_person=sender is not None and sender.type == "user",
        by_bot=sender is not None and sender.type == "agent_bot",
        sender_name=event.sender_name,
        files=tuple(
            AgentFile(url=one.data_url, kind=one.file_type, name=filename(one.data_url))
            for one in message.attachments
            if one.data_url
        ),
        in_reply_to=event.in_reply_to,
        was_failed=was_failed,
    )


def own_text(body: str) -> AgentMessage:
    """What Ponte itself says to a customer: literal, and not in Chatwoot yet."""
    return AgentMessage(
        inbox_id=None,
        conversation_id=None,
        message_id=None,
        content=body,
        is_template=False,
        by_person=False,
        by_bot=True,
        sender_name=None,
        files=(),
        in_reply_to=None,
        was_failed=False,
    )


def plan(
    message: AgentMessage, *, sign_messages: bool, delimiter: str | None, able: Capabilities
) -> Sequence[Part]:
    """The parts in order: the text is the caption of the first file when it fits.

    Only people's messages are signed: a bot or an automation has no name to show.
    """
    text = message.content if message.by_bot else to_whatsapp(message.content)
    text = text.strip()
    if text and sign_messages and message.by_person and message.sender_name:
        text = sign(text, name=message.sender_name, delimiter=delimiter)
    first_shows_text = bool(message.files) and message.files[0].kind != "audio"
    if message.files and text and first_shows_text and len(text) <= able.caption_limit:
        return [
            FilePart(file=file, caption=text if number == 0 else None)
            for number, file in enumerate(message.files)
        ]
    texts: list[Part] = (
        [TextPart(body=body) for body in split(text, able.text_limit)] if text else []
    )
    return [*texts, *(FilePart(file=file, caption=None) for file in message.files)]
