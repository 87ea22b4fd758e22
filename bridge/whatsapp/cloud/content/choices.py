"""Answers to what was offered: buttons, lists, templates, forms, the permission to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from bridge.core.content import Answer, Content, Form, Menu
from bridge.whatsapp.shapes import LONGEST_TEXT, moment, prose, rows, storable, table, word

_LONGEST_TITLE: Final = 1024
_MOST_OPTIONS: Final = 100
_FORMS: Final = {"flow": "flow", "address_message": "address"}


def interactive(body: object) -> Content | None:
    """An answer, named by `type`; or buttons and lists as the phone's app sent them."""
    told = table(body)
    kind = word(told.get("type"), 64)
    reader = _REPLIES.get(kind or "")
    if reader is None:
        return _menu(told)
    return reader(table(told.get(kind or "")))


def button(body: object) -> Answer | None:
    """A quick reply of a template; its payload is ours."""
    told = table(body)
    return _answer("template", told.get("text"), told.get("payload"))


def _button(told: dict[str, Any]) -> Answer | None:
    return _answer("button", told.get("title"), told.get("id"))


def _list(told: dict[str, Any]) -> Answer | None:
    return _answer("list", told.get("title"), told.get("id"), told.get("description"))


def _answer(source: str, title: object, id_: object, description: object = None) -> Answer | None:
    machine = word(id_, _LONGEST_TITLE)
    shown = prose(title, _LONGEST_TITLE) or machine
    if shown is None:
        return None
    return Answer(
        source=source, title=shown, id=machine, description=prose(description, _LONGEST_TITLE)
    )


def _call_permission(told: dict[str, Any]) -> Answer | None:
    """``accept`` or ``reject``; `description` is until when, where that is told."""
    until = moment(told.get("expiration_timestamp"))
    shown = until.isoformat() if until else None
    return _answer("call_permission", told.get("response"), told.get("response"), shown)


def _form(told: dict[str, Any]) -> Form | None:
    """A form that was filled in. What is no JSON object stays as it came, under its own name."""
    body = prose(told.get("body"), LONGEST_TEXT)
    values = _values(told.get("response_json"))
    if body is None and not values:
        return None
    name = word(told.get("name"), 64) or "flow"
    if name == "address_message":
        values = _flat(values)
    return Form(source=_FORMS.get(name, name), body=body, values=values)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of an address lie one level deeper."""
    inner = values.get("values")
    if not isinstance(inner, dict):
        return values
    return {name: one for name, one in values.items() if name != "values"} | inner


def _values(said: object) -> dict[str, Any]:
    """`said` is a *string* of JSON (A.5), and a customer's phone made it."""
    decoded: object = said
    if isinstance(said, str):
        try:
            decoded = orjson.loads(said)
        except orjson.JSONDecodeError:
            decoded = said[:LONGEST_TEXT]
    if decoded is None or decoded == "":
        return {}
    values = decoded if isinstance(decoded, dict) else {"response_json": decoded}
    if storable(values):
        return values
    return {"response_json": said[:LONGEST_TEXT]} if isinstance(said, str) else {}


def _menu(told: dict[str, Any]) -> Menu | None:
    """What was offered, in the shape in which businesses send it (A.8)."""
    action = table(told.get("action"))
    options = [table(table(one).get("reply")).get("title") for one in rows(action.get("buttons"))]
    for section in rows(action.get("sections")):
        options += [table(row).get("title") for row in rows(table(section).get("rows"))]
    options.append(table(action.get("parameters")).get("display_text"))
    titles = tuple(text for one in options if (text := prose(one, _LONGEST_TITLE)))
    body = prose(table(told.get("body")).get("text"), LONGEST_TEXT)
    if body is None and not titles:
        return None
    return Menu(
        body=body,
        title=prose(table(told.get("header")).get("text"), _LONGEST_TITLE),
        footer=prose(table(told.get("footer")).get("text"), _LONGEST_TITLE),
        options=titles[:_MOST_OPTIONS],
    )


_REPLIES: Final[Mapping[str, Callable[[dict[str, Any]], Content | None]]] = {
    "button_reply": _button,
    "list_reply": _list,
    "nfm_reply": _form,
    "call_permission_reply": _call_permission,
}
