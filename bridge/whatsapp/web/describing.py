"""The best short text for a kind of message that is not shown in full yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bridge.whatsapp.shapes import clip, rows, table, word

__all__ = ("described",)

_LONGEST: Final = 1000
_MOST: Final = 12
_DEPTH: Final = 4
_CIRCLE: Final = 360
#: Other messages, not this one.
_ELSEWHERE: Final = frozenset({"contextInfo", "key"})
#: Names of fields with words for people, the most telling first.
_WORDS: Final = (
    "selectedDisplayText",
    "hydratedContentText",
    "contentText",
    "text",
    "body",
    "title",
    "name",
    "caption",
    "displayName",
    "description",
    "note",
    "message",
    "orderTitle",
    "groupName",
    "newsletterName",
    "eventTitle",
    "hydratedTitleText",
    "footerText",
)
_PHONE: Final = re.compile(r"^[^\n:]*\bTEL\b[^\n:]*:([^\r\n]{1,60})", re.MULTILINE | re.IGNORECASE)

_Body = Mapping[str, Any]


def described(kind: str, body: object) -> str | None:
    """What a person can be told of it in one line; None when nothing readable is in it."""
    if isinstance(body, str):
        return clip(body, _LONGEST)
    fields = table(body)
    reader = _READERS.get(kind)
    return clip(reader(fields) if reader else None, _LONGEST) or _words(fields)


def _words(body: _Body, depth: int = 0) -> str | None:
    """The first readable field, also of the objects inside."""
    for name in _WORDS:
        if text := clip(body.get(name), _LONGEST):
            return text
    if depth >= _DEPTH:
        return None
    for name, value in body.items():
        if name not in _ELSEWHERE and (text := _words(table(value), depth + 1)):
            return text
    return None


def _joined(parts: Iterable[object], between: str = " · ") -> str | None:
    return between.join(text for one in parts if (text := clip(one, _LONGEST))) or None


def _place(body: _Body) -> str | None:
    latitude, longitude = _degrees(body, "degreesLatitude"), _degrees(body, "degreesLongitude")
    where = f"{latitude}, {longitude}" if latitude and longitude else None
    return _joined((body.get("name"), body.get("address"), body.get("caption"), where))


def _degrees(body: _Body, name: str) -> str | None:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _CIRCLE:
        return None
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _card(body: _Body) -> str | None:
    card = body.get("vcard")
    phones = _PHONE.findall(card) if isinstance(card, str) else []
    return _joined((body.get("displayName"), *dict.fromkeys(phones[:_MOST])))


def _cards(body: _Body) -> str | None:
    cards = [_card(table(one)) for one in rows(body.get("contacts"))[:_MOST]]
    return _joined(cards, "; ") or clip(body.get("displayName"))


def _poll(body: _Body) -> str | None:
    options = [table(one).get("optionName") for one in rows(body.get("options"))[:_MOST]]
    return _joined((body.get("name"), _joined(options, " / ")))


def _list(body: _Body) -> str | None:
    found = [
        table(row).get("title")
        for section in rows(body.get("sections"))[:_MOST]
        for row in rows(table(section).get("rows"))[:_MOST]
    ]
    return _joined((body.get("title"), body.get("description"), _joined(found, " / ")))


def _list_answer(body: _Body) -> str | None:
    chosen = body.get("title") or table(body.get("singleSelectReply")).get("selectedRowID")
    return _joined((chosen, body.get("description")))


def _buttons(body: _Body) -> str | None:
    found = [
        table(table(one).get("buttonText")).get("displayText")
        for one in rows(body.get("buttons"))[:_MOST]
    ]
    return _joined((body.get("text"), body.get("contentText"), _joined(found, " / ")))


def _button_answer(body: _Body) -> str | None:
    return clip(body.get("selectedDisplayText")) or _joined(
        (body.get("selectedButtonID"), body.get("selectedID"))
    )


def _interactive(body: _Body) -> str | None:
    title = table(body.get("header")).get("title")
    return _joined((title, table(body.get("body")).get("text")))


def _interactive_answer(body: _Body) -> str | None:
    flow = table(body.get("nativeFlowResponseMessage"))
    return _joined((table(body.get("body")).get("text"),)) or clip(flow.get("name"))


def _order(body: _Body) -> str | None:
    amount = _money(body.get("totalAmount1000"), body.get("totalCurrencyCode"))
    return _joined((body.get("orderTitle"), body.get("message"), amount))


def _product(body: _Body) -> str | None:
    product = table(body.get("product"))
    amount = _money(product.get("priceAmount1000"), product.get("currencyCode"))
    return _joined((product.get("title"), product.get("description"), amount, body.get("body")))


def _payment(body: _Body) -> str | None:
    note = table(body.get("noteMessage"))
    said = note.get("conversation") or table(note.get("extendedTextMessage")).get("text")
    return _joined((_money(body.get("amount1000"), body.get("currencyCodeIso4217")), said))


def _money(thousandths: object, currency: object) -> str | None:
    digits = word(thousandths, 18)
    code = word(currency, 8)
    if digits is None or code is None or not (digits.isascii() and digits.isdigit()):
        return None
    whole, rest = divmod(int(digits) // 10, 100)
    return f"{code} {whole}.{rest:02}"


def _call(body: _Body) -> str | None:
    return _joined((body.get("callOutcome"), word(body.get("durationSecs"), 12)))


_READERS: Final[Mapping[str, Callable[[_Body], str | None]]] = {
    "buttonsMessage": _buttons,
    "buttonsResponseMessage": _button_answer,
    "callLogMesssage": _call,
    "contactMessage": _card,
    "contactsArrayMessage": _cards,
    "interactiveMessage": _interactive,
    "interactiveResponseMessage": _interactive_answer,
    "listMessage": _list,
    "listResponseMessage": _list_answer,
    "liveLocationMessage": _place,
    "locationMessage": _place,
    "orderMessage": _order,
    "pollCreationMessage": _poll,
    "pollCreationMessageV2": _poll,
    "pollCreationMessageV3": _poll,
    "pollCreationMessageV5": _poll,
    "pollCreationMessageV6": _poll,
    "productMessage": _product,
    "requestPaymentMessage": _payment,
    "sendPaymentMessage": _payment,
    "templateButtonReplyMessage": _button_answer,
}
