"""What Meta checks in menus, places and contacts before it accepts them (A.8)."""

from __future__ import annotations

import math
from typing import Any

from bridge.sim.graph.failures import GraphError

BODY = 1024
HEADER = 60
FOOTER = 60
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
LIST_LABEL = 20
SECTIONS = 10
SECTION_TITLE = 24
ROWS = 10
ROW_TITLE = 24
ROW_DESCRIPTION = 72
ROW_ID = 200
CARDS = 257
#: Kinds of interactive messages that are taken without a closer look.
_OTHERS = frozenset({"cta_url", "flow", "location_request_message", "request_contact_info"})


def check_interactive(content: dict[str, Any]) -> None:
    """Check buttons and lists. Raises `GraphError`."""
    kind = content.get("type")
    if kind not in _OTHERS | {"button", "list"}:
        raise GraphError(100, message="Param interactive['type'] is not a valid type.")
    _text(_part(content, "body"), "text", "interactive.body", BODY)
    if "footer" in content:
        _text(_part(content, "footer"), "text", "interactive.footer", FOOTER)
    if "header" in content:
        header = _part(content, "header")
        if kind == "list" and header.get("type") != "text":
            raise _wrong("interactive.header", "a list has a header of text only")
        if header.get("type") == "text":
            _text(header, "text", "interactive.header", HEADER)
    action = _part(content, "action")
    if kind == "button":
        _check_buttons(action)
    elif kind == "list":
        _check_list(action)


def check_location(content: dict[str, Any]) -> None:
    """Check a place. Raises `GraphError`."""
    for name, most in (("latitude", 90), ("longitude", 180)):
        value = content.get(name)
        if value is None:
            raise _missing(f"location.{name}")
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            raise _wrong(f"location.{name}", "no number") from None
        if not math.isfinite(degrees) or abs(degrees) > most or isinstance(value, bool):
            raise _wrong(f"location.{name}", "not on Earth")
    for name in ("name", "address"):
        if name in content:
            _text(content, name, "location", 1000)


def check_contacts(content: list[Any]) -> None:
    """Check contact cards. Raises `GraphError`."""
    if len(content) > CARDS:
        raise _wrong("contacts", f"at most {CARDS}")
    for number, card in enumerate(content):
        where = f"contacts[{number}]"
        if not isinstance(card, dict):
            raise _wrong(where, "no object")
        name = _part(card, "name", where)
        _text(name, "formatted_name", f"{where}.name", 1000)
        if not any(isinstance(name.get(f"{one}_name"), str) for one in ("first", "last", "middle")):
            raise _missing(f"{where}.name.first_name")
        for phone in _list(card, "phones", where, needed=False):
            if not isinstance(phone, dict):
                raise _wrong(f"{where}.phones", "no objects")
            _text(phone, "phone", f"{where}.phones", 64)
            if not str(phone.get("wa_id", "1")).isdecimal():
                raise _wrong(f"{where}.phones.wa_id", "no number")
        for email in _list(card, "emails", where, needed=False):
            if not isinstance(email, dict):
                raise _wrong(f"{where}.emails", "no objects")
            _text(email, "email", f"{where}.emails", 1000)


def _check_buttons(action: dict[str, Any]) -> None:
    buttons = _list(action, "buttons", "interactive.action")
    if len(buttons) > BUTTONS:
        raise _wrong("interactive.action.buttons", f"at most {BUTTONS}")
    replies = []
    for button in buttons:
        if not isinstance(button, dict) or button.get("type") != "reply":
            raise _wrong("interactive.action.buttons", "of type reply")
        reply = _part(button, "reply")
        _text(reply, "id", "reply", BUTTON_ID)
        _text(reply, "title", "reply", BUTTON_TITLE)
        replies.append(reply)
    _check_unique([one["id"] for one in replies], "button ids")
    _check_unique([one["title"] for one in replies], "button titles")


def _check_list(action: dict[str, Any]) -> None:
    _text(action, "button", "interactive.action", LIST_LABEL)
    sections = _list(action, "sections", "interactive.action")
    if len(sections) > SECTIONS:
        raise _wrong("interactive.action.sections", f"at most {SECTIONS}")
    rows: list[Any] = []
    for section in sections:
        if not isinstance(section, dict):
            raise _wrong("interactive.action.sections", "no objects")
        if len(sections) > 1 or "title" in section:
            _text(section, "title", "section", SECTION_TITLE)
        rows += _list(section, "rows", "section")
    if len(rows) > ROWS:
        raise _wrong("interactive.action.sections", f"at most {ROWS} rows in total")
    for row in rows:
        if not isinstance(row, dict):
            raise _wrong("section.rows", "no objects")
        _text(row, "id", "row", ROW_ID)
        _text(row, "title", "row", ROW_TITLE)
        if "description" in row:
            _text(row, "description", "row", ROW_DESCRIPTION)
    _check_unique([row["id"] for row in rows], "row ids")


def _check_unique(values: list[str], what: str) -> None:
    if len(set(values)) < len(values):
        raise _wrong("interactive.action", f"{what} must be unique")


def _part(content: dict[str, Any], name: str, where: str = "interactive") -> dict[str, Any]:
    part = content.get(name)
    if not isinstance(part, dict) or not part:
        raise _missing(f"{where}.{name}")
    return part


def _list(content: dict[str, Any], name: str, where: str, *, needed: bool = True) -> list[Any]:
    found = content.get(name, None if needed else [])
    if not isinstance(found, list) or (needed and not found):
        raise _missing(f"{where}.{name}")
    return found


def _text(content: dict[str, Any], name: str, where: str, longest: int) -> None:
    text = content.get(name)
    if text is None:
        raise _missing(f"{where}.{name}")
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        raise _wrong(f"{where}.{name}", f"1 to {longest} characters")


def _missing(what: str) -> GraphError:
    return GraphError(131008, details=f"Required parameter {what} is missing.")


def _wrong(what: str, why: str) -> GraphError:
    return GraphError(131009, details=f"Parameter {what} is not valid: {why}.")
