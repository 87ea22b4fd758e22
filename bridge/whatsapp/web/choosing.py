"""Buttons and lists: what somebody offers, and what somebody chose or filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson

from bridge.core.content import Answer, Content, Form, Menu, Payment
from bridge.whatsapp.shapes import LONGEST_TEXT, clip, rows, storable, table, word
from bridge.whatsapp.web.envelope import tidy
from bridge.whatsapp.web.paying import native_payment

__all__ = ("READERS",)

_LONGEST_TITLE: Final = 1000
_LONGEST_PARAMETERS: Final = 64 * 1024
_MOST: Final = 100
_FORMS: Final = frozenset({"flow", "galaxy_message"})
_ADDRESS: Final = "address_message"
#: What a native button is called that gives one answer; anything else goes by its own name.
_SOURCES: Final[Mapping[str, str]] = {
    "menu_options": "list",
    "quick_reply": "button",
    "single_select": "list",
}

_Body = Mapping[str, Any]


# -- answers ------------------------------------------------------------------------------------


def _button_answer(body: _Body) -> Answer | None:
    return _answer("button", body.get("selectedDisplayText"), body.get("selectedButtonID"))


def _template_answer(body: _Body) -> Answer | None:
    source = "template" if body.get("selectedCarouselCardIndex") is None else "carousel"
    return _answer(source, body.get("selectedDisplayText"), body.get("selectedID"))


def _list_answer(body: _Body) -> Answer | None:
    chosen = table(body.get("singleSelectReply")).get("selectedRowID")
    return _answer("list", body.get("title"), chosen, body.get("description"))


def _native_answer(body: _Body) -> Content | None:
    """The answer to a native flow: a choice, or a form with all that was filled in."""
    flow = table(body.get("nativeFlowResponseMessage"))
    name = word(flow.get("name"), 100) or "native_flow"
    said = _text(table(body.get("body")).get("text"))
    values = parameters(flow.get("paramsJSON"))
    if name in _FORMS:
        return Form(source="flow", body=said, values=values)
    if name == _ADDRESS:
        return Form(source="address", body=said, values=table(values.get("values")) or values)
    title = said or values.get("display_text") or values.get("title")
    answer = _answer(_SOURCES.get(name, name), title, values.get("id"), values.get("description"))
    if answer is not None and (answer.id is not None or not values):
        return answer
    if not flow and said is None:
        return None
    return Form(source=name, body=said, values=values)


def _answer(
    source: str, title: object, chosen: object, description: object = None
) -> Answer | None:
    """None when nothing says what was chosen."""
    said, id_ = clip(title, _LONGEST_TITLE), word(chosen)
    shown = said or id_
    if shown is None:
        return None
    more = clip(description, _LONGEST_TITLE)
    return Answer(source=source, title=shown, id=id_, description=more)


def parameters(text: object) -> dict[str, Any]:
    """The JSON in a text; empty when it is none that can be stored."""
    if not isinstance(text, str) or len(text) > _LONGEST_PARAMETERS:
        return {}
    try:
        found = table(tidy(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return {}
    return found if storable(found) else {}


# -- menus --------------------------------------------------------------------------------------


def _buttons(body: _Body) -> Menu | None:
    titles = []
    for one in map(table, rows(body.get("buttons"))[:_MOST]):
        titles.append(table(one.get("buttonText")).get("displayText"))
        titles += _native_titles(one.get("nativeFlowInfo"), "paramsJSON")
    return _menu(body.get("text"), body.get("contentText"), body.get("footerText"), titles)


def _list(body: _Body) -> Menu | None:
    titles = [
        table(row).get("title")
        for section in rows(body.get("sections"))[:_MOST]
        for row in rows(table(section).get("rows"))[:_MOST]
    ]
    return _menu(body.get("title"), body.get("description"), body.get("footerText"), titles)


def _template(body: _Body) -> Content | None:
    for name in ("hydratedTemplate", "hydratedFourRowTemplate"):
        if told := table(body.get(name)):
            return _hydrated(told)
    if told := table(body.get("interactiveMessageTemplate")):
        return _interactive(told)
    rowed = table(body.get("fourRowTemplate"))
    said = table(rowed.get("content")) or table(rowed.get("highlyStructuredMessage"))
    return _structured(said)


def _hydrated(told: _Body) -> Menu | None:
    titles = [
        table(table(one).get(kind)).get("displayText")
        for one in rows(told.get("hydratedButtons"))[:_MOST]
        for kind in ("quickReplyButton", "urlButton", "callButton")
    ]
    return _menu(
        told.get("hydratedTitleText"),
        told.get("hydratedContentText"),
        told.get("hydratedFooterText"),
        titles,
    )


def _structured(body: _Body) -> Content | None:
    """A template of old; mostly the words of today's lie in it as well."""
    inner = table(body.get("hydratedHsm"))
    if inner:
        return _template({**inner, "fourRowTemplate": None})
    said = [clip(one, _LONGEST_TITLE) for one in rows(body.get("params"))[:_MOST]]
    return _menu(None, "\n".join(one for one in said if one), None, ())


def _interactive(body: _Body) -> Menu | Payment | None:
    native = table(body.get("nativeFlowMessage"))
    buttons = [table(one) for one in rows(native.get("buttons"))[:_MOST]]
    said = table(body.get("body")).get("text")
    for one in buttons:
        paid = native_payment(one.get("name"), parameters(one.get("buttonParamsJSON")), said)
        if paid is not None:
            return paid
    titles = [title for one in buttons for title in _native_titles(one, "buttonParamsJSON")]
    header = table(body.get("header"))
    cards = [
        _interactive_words(table(one))
        for one in rows(table(body.get("carouselMessage")).get("cards"))[:_MOST]
    ]
    words = "\n\n".join(one for one in (_text(said), *cards) if one)
    title = header.get("title") or header.get("subtitle")
    return _menu(title, words, table(body.get("footer")).get("text"), titles)


def _interactive_words(card: _Body) -> str | None:
    """One card of a carousel."""
    title = clip(table(card.get("header")).get("title"), _LONGEST_TITLE)
    said = _text(table(card.get("body")).get("text"))
    return "\n".join(one for one in (title, said) if one) or None


def _native_titles(button: object, field: str) -> list[object]:
    """What a native button shows, and the rows of a list behind it."""
    values = parameters(table(button).get(field))
    found: list[object] = [values.get("display_text")]
    sections = [table(one) for one in rows(values.get("sections"))[:_MOST]]
    inner = [table(row).get("title") for one in sections for row in rows(one.get("rows"))[:_MOST]]
    return inner or found


def _menu(title: object, body: object, footer: object, titles: Iterable[object]) -> Menu | None:
    """None when there is nothing to read."""
    options = [clip(one, _LONGEST_TITLE) for one in titles]
    menu = Menu(
        title=clip(title, _LONGEST_TITLE),
        body=_text(body),
        footer=clip(footer, _LONGEST_TITLE),
        options=tuple(one for one in options if one)[:_MOST],
    )
    return menu if menu.title or menu.body or menu.footer or menu.options else None


def _text(value: object) -> str | None:
    """A text with its lines."""
    return value[:LONGEST_TEXT] if isinstance(value, str) and value.strip() else None


READERS: Final[Mapping[str, Callable[[_Body], Content | None]]] = {
    "buttonsMessage": _buttons,
    "buttonsResponseMessage": _button_answer,
    "highlyStructuredMessage": _structured,
    "interactiveMessage": _interactive,
    "interactiveResponseMessage": _native_answer,
    "listMessage": _list,
    "listResponseMessage": _list_answer,
    "templateButtonReplyMessage": _template_answer,
    "templateMessage": _template,
}
