"""What a message from WhatsApp says, in words for the agents of one language. Pure.

Every kind of content has a wording, in Chatwoot's Markdown, and facts for machines beside it
(chatwoot-api.md 5.4). Nothing raises, whatever the values are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from bridge.core.content import (
    Answer,
    Contacts,
    Content,
    Form,
    Invitation,
    Location,
    Media,
    Menu,
    Order,
    Payment,
    Poll,
    Product,
    Text,
    Unsupported,
)
from bridge.core.party import Party
from bridge.locale import say
from bridge.relay.wording import commerce, forms, people
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.mentioning import named
from bridge.relay.wording.sheet import said
from bridge.relay.wording.unknown import unsupported

__all__ = ("Worded", "worded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """`text` is None where a file says it all; `attributes` are for `content_attributes`."""

    text: str | None
    attributes: dict[str, Any] = field(default_factory=dict)


def worded(content: Content, *, language: str, mentions: Sequence[Party] = ()) -> Worded:
    """The words of a content; of a file its caption. `mentions` are who stands in it as ``@1``."""
    text, told = _worded(content, language)
    if text and mentions:
        text = named(text, mentions)
    if not text and not isinstance(content, Media):
        text = say(language, "placeholder.empty")
    return Worded(text=text or None, attributes=told)


def _worded(content: Content, language: str) -> tuple[str, dict[str, Any]]:  # noqa: C901, PLR0911, PLR0912
    """One arm for each kind: a new kind does not pass the type check without one."""
    match content:
        case Text():
            return said(content.body), attributes("text")
        case Media():
            return said(content.caption), _of_file(content)
        case Location():
            return people.location(content, language)
        case Contacts():
            return people.contacts(content, language)
        case Answer():
            return forms.answer(content, language)
        case Form():
            return forms.form(content, language)
        case Order():
            return commerce.order(content, language)
        case Product():
            return commerce.product(content, language)
        case Payment():
            return commerce.payment(content, language)
        case Poll():
            return forms.poll(content, language)
        case Invitation():
            return people.invitation(content, language)
        case Menu():
            return forms.menu(content, language)
        case Unsupported():
            return unsupported(content, language)
        case _:
            assert_never(content)


def _of_file(content: Media) -> dict[str, Any]:
    return attributes(
        content.media.value,
        mime=content.mime,
        seconds=content.seconds,
        voice=content.voice or None,
        animated=content.animated or None,
        round=content.round or None,
        view_once=content.view_once or None,
    )
