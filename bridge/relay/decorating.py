"""What surrounds the words of a message: that it was forwarded, an advertisement, a product.

Decoration is never a condition: whatever of it is missing or odd, the message is shown. Nothing
of it is fetched.
"""

from __future__ import annotations

from typing import Any, Final

from bridge.core.content import Media
from bridge.core.message import Received, SentByPhone
from bridge.locale import say
from bridge.relay.wording.attributes import fitted, tidy
from bridge.relay.wording.sheet import (
    Line,
    address,
    blocks,
    bold,
    italic,
    labelled,
    lines,
    words,
)

#: Characters of an advertisement's text.
_LONGEST: Final = 300


def decorated(event: Received | SentByPhone, text: str | None, language: str) -> str | None:
    """The text with what surrounds it; None: there is neither."""
    above = lines([_marks(event, language), _enquiry(event, language)])
    return blocks(above, text or "", _advertisement(event, language)) or None


def told(event: Received | SentByPhone, attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a content with what its event tells beside it, all small enough."""
    known: dict[str, Any] = {**attributes.get("whatsapp", {}), "id": event.id}
    if event.forwarded or event.forwarded_often:
        known["forwarded"] = "often" if event.forwarded_often else True
    if isinstance(event, Received):
        if event.product:
            known["product"] = tidy(event.product)
        if event.referral:
            known["referral"] = tidy(event.referral)
    return {**attributes, "whatsapp": fitted(known)}


def _marks(event: Received | SentByPhone, language: str) -> Line:
    found = []
    if event.forwarded_often:
        found.append(say(language, "shown.forwarded_often"))
    elif event.forwarded:
        found.append(say(language, "shown.forwarded"))
    if isinstance(event.content, Media):
        if event.content.round:
            found.append(say(language, "shown.round"))
        if event.content.view_once:
            found.append(say(language, "shown.view_once"))
    return (italic(" · ".join(found)),) if found else ""


def _enquiry(event: Received | SentByPhone, language: str) -> Line:
    product = event.product if isinstance(event, Received) else None
    if not product:
        return ""
    name = _first(product, "title", "name", "product_retailer_id", "id")
    return labelled(say(language, "shown.enquiry"), name)


def _advertisement(event: Received | SentByPhone, language: str) -> str:
    referral = event.referral if isinstance(event, Received) else None
    if not referral:
        return ""
    is_post = referral.get("source_type") == "post"
    headline = _first(referral, "headline", "title")
    return lines(
        [
            (italic(f"📣 {say(language, 'shown.post' if is_post else 'shown.ad')}"),),
            (bold(headline),) if headline else "",
            _first(referral, "body", "description"),
            address(_text(referral.get("source_url"))),
        ]
    )


def _first(table: dict[str, Any], *names: str) -> str:
    return next((found for name in names if (found := words(_text(table.get(name)), _LONGEST))), "")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
