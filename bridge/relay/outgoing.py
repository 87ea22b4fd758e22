"""What somebody wrote in Chatwoot as the queue keeps it, and the parts that go onto WhatsApp.

`relay.planning` makes the parts of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from bridge.chatwoot.attachments import filename
from bridge.chatwoot.models import Attachment, MessageType
from bridge.chatwoot.webhook import MessageEvent
from bridge.core.content import Card
from bridge.core.outgoing import Option, Outgoing, OutgoingText
from bridge.text.convert import to_whatsapp
from bridge.text.rendered import is_rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """A file that lies in Chatwoot; `elsewhere`: anywhere, since a flow names it."""

    url: str
    kind: str | None
    name: str
    elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlace:
    """A place that was attached."""

    latitude: float
    longitude: float
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCard:
    """A person's number that was attached; a person with two numbers is attached twice."""

    full_name: str
    phone: str


Attached: TypeAlias = AgentFile | AgentPlace | AgentCard


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """`offers` are what it asks to choose from, as numbers in the text."""

    body: str
    offers: tuple[Option, ...] = ()
    part: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """`fallback` is sent instead when the file cannot be sent; None: then nothing can be sent."""

    file: AgentFile
    caption: str | None
    offers: tuple[Option, ...] = ()
    fallback: str | None = None
    #: So often it is fetched again before the fallback is sent, where that may help.
    tries: int = 0
    part: Literal["file"] = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPart:
    """A text with buttons or a list; only planned where the channel has them."""

    body: str
    offers: tuple[Option, ...]
    label: str | None = None
    part: Literal["menu"] = "menu"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePart:
    """An approved template; `relay.templates` reads `params`."""

    params: Mapping[str, Any]
    part: Literal["template"] = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationPart:
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    part: Literal["location"] = "location"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsPart:
    cards: tuple[Card, ...]
    part: Literal["cards"] = "cards"


Part: TypeAlias = Annotated[
    TextPart | FilePart | MenuPart | TemplatePart | LocationPart | CardsPart,
    Field(discriminator="part"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BubbleMark:
    """What a bubble of a flow knows of itself. Times in ms.

    `epoch`: that of the hand-off when it was planned. `wait`: so long it waits after the bubble
    before it has gone, while the person sees somebody writing (`voice`: recording).
    """

    epoch: int
    wait: int = 0
    #: When it was to be said, as planned.
    due: int = 0
    voice: bool = False
    #: What the bubbles before it asked to choose from, of the same question.
    offered: tuple[Option, ...] = ()
    #: The session has nothing more to say: it is sent whoever has the word, until that changes.
    farewell: bool = False
    #: Its end was told to the hand-off: a second end counts no more.
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessage:
    """What somebody wrote in Chatwoot. `is_template`: a greeting and the like, never signed.

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
    files: tuple[Attached, ...]
    in_reply_to: int | None
    #: Chatwoot itself marked it failed (we were down): clear the mark once it is sent.
    was_failed: bool
    sender_id: int | None = None
    #: Chatwoot's word for what it is (``input_select`` ...), and the rows that come with it.
    content_type: str | None = None
    items: tuple[dict[str, Any], ...] = ()
    #: Of an approved template, as Chatwoot has them (chatwoot-api.md 5.1); empty: it is none.
    template_params: dict[str, Any] = field(default_factory=dict)
    #: Whether it was signed when it was first sent; None: not sent yet, or it always is.
    is_signed: bool | None = None
    #: What goes onto WhatsApp, where that was decided when it was kept; None: it is planned.
    parts: tuple[Part, ...] | None = None
    #: A flow says it.
    bubble: BubbleMark | None = None


AGENT_MESSAGE: TypeAdapter[AgentMessage] = TypeAdapter(AgentMessage)


def text_of(message: AgentMessage) -> str:
    """Its text as WhatsApp writes it.

    A bot's is literal, except that Chatwoot 4.10 to 4.12.0 makes HTML of every text on its way
    here (chatwoot-api.md 4.4).
    """
    is_literal = message.by_bot and (message.message_id is None or not is_rendered(message.content))
    return (message.content if is_literal else to_whatsapp(message.content)).strip()


def offers_of(parts: Iterable[Part]) -> tuple[Option, ...]:
    """All that these parts ask to choose from, in the order of their numbers."""
    return tuple(
        option
        for part in parts
        if isinstance(part, TextPart | FilePart | MenuPart)
        for option in part.offers
    )


def became(message: AgentMessage, number: int, part: Part, outgoing: Outgoing) -> AgentMessage:
    """A ready-made message with what its part `number` became: a file that cannot be had is text.

    Kept so, every attempt sends the same, and agents are shown what was sent.
    """
    if message.parts is None or not isinstance(part, FilePart):
        return message
    if not isinstance(outgoing, OutgoingText):
        return message
    text = TextPart(body=outgoing.body, offers=part.offers)
    parts = (*message.parts[:number], text, *message.parts[number + 1 :])
    return replace(message, parts=parts)


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
        sender_id=sender.id if sender is not None else None,
        files=tuple(_attached(message.attachments)),
        in_reply_to=event.in_reply_to,
        was_failed=was_failed,
        content_type=message.content_type,
        items=message.items,
        template_params=message.template_params,
    )


def _attached(attachments: Iterable[Attachment]) -> Iterator[Attached]:
    """In their order; what has neither a file nor anything else to send is left out."""
    for one in attachments:
        if one.file_type == "location" and one.latitude is not None and one.longitude is not None:
            yield AgentPlace(latitude=one.latitude, longitude=one.longitude, title=one.title)
        elif one.file_type == "contact" and one.title:
            names = (" ".join((name or "").split()) for name in (one.first_name, one.last_name))
            full_name = " ".join(name for name in names if name)
            yield AgentCard(full_name=full_name or one.title, phone=one.title)
        elif one.data_url:
            yield AgentFile(url=one.data_url, kind=one.file_type, name=filename(one.data_url))


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
