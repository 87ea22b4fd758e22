"""Reads Typebot's JSON into the models, of any version.

Each ``read_*`` takes any decoded JSON and never raises. Absent keys are normal; what has another
type than it should counts as absent. Kinds of messages, inputs and actions that we do not know
are kept by their name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from bridge.core.flow import TypingEmulation
from bridge.typebot.actions import ACTIONS
from bridge.typebot.fields import number, rows, shallow, table, text, weight
from bridge.typebot.models import Action, Answer, Message, Slot

#: Bubbles and actions of one answer that are read; a flow that runs in a circle sends no end.
MOST_MESSAGES = 200
_MOST_ACTIONS = 400
_LONGEST_ID = 200
_LONGEST_URL = 4000
_LONGEST_SYSTEM = 4096
_MOST_FIELDS = 40
#: By one of these an answer is known: all may be absent (1.3).
_OF_ANSWERS = frozenset(
    {"messages", "input", "clientSideActions", "sessionId", "logs", "lastMessageNewFormat"}
    | {"progress", "dynamicTheme"}
)
#: An input is kept with its chat, and read again with each message: its items, its characters.
_MOST_ITEMS = 500
_LARGEST_INPUT = 200_000
#: What can stand in a header: no line breaks.
_HEADER = re.compile(r"[ -~]{1,200}")


def decoded(body: bytes) -> Any:
    """Decode JSON; raises `ValueError`. Halves of characters become question marks."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\\u" not in body:
            raise
    try:
        mended = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
    except RecursionError:
        raise ValueError("too deep") from None
    return orjson.loads(mended)


def read_answer(value: object) -> Answer | None:
    """Read the answer of startChat, continueChat or sendMessage; None for what is none."""
    found = table(value)
    if not found.keys() & _OF_ANSWERS:
        return None
    messages = rows(found.get("messages"))
    actions = rows(found.get("clientSideActions"))
    settings = table(table(found.get("typebot")).get("settings"))
    asked, lost = _asked(found.get("input"))
    return Answer(
        session_id=_session_id(found.get("sessionId")),
        result_id=_id(found.get("resultId")),
        messages=tuple(map(_message, messages[:MOST_MESSAGES])),
        actions=tuple(map(_action, actions[:_MOST_ACTIONS])),
        asked=asked or None,
        understood=text(found.get("lastMessageNewFormat")),
        typing=_typing(settings.get("typingEmulation")) if "typebot" in found else None,
        system=_system(table(settings.get("general")).get("systemMessages")),
        cut=max(len(messages) - MOST_MESSAGES, 0) + max(len(actions) - _MOST_ACTIONS, 0) + lost,
    )


def read_slot(value: object) -> Slot | None:
    """Read where a file may be put (typebot-api.md 1.6); None for an answer without both URLs."""
    found = table(value)
    url, file_url = _url(found.get("presignedUrl")), _url(found.get("fileUrl"))
    if url is None or file_url is None:
        return None
    form = {
        name: spelled
        for name, one in list(table(found.get("formData")).items())[:_MOST_FIELDS]
        if (spelled := text(one)) is not None and _HEADER.fullmatch(name)
    }
    mime = text(found.get("fileType"))
    fits = mime is not None and _HEADER.fullmatch(mime)
    return Slot(url=url, form=form, file_url=file_url, mime=mime if fits else None)


def _asked(value: object) -> tuple[dict[str, Any], int]:
    """Read an input; of one that is too large the items that fit, and how many do not."""
    found: dict[str, Any] = shallow(table(value))
    items = rows(found.get("items"))
    if len(items) <= _MOST_ITEMS and weight(found, _LARGEST_INPUT) <= _LARGEST_INPUT:
        return found, 0
    kept: list[Any] = []
    room = _LARGEST_INPUT
    for item in items[:_MOST_ITEMS]:
        room -= weight(item, room)
        if room < 0:
            break
        kept.append(item)
    options = table(found.get("options"))
    fits = weight(options, _LARGEST_INPUT) <= _LARGEST_INPUT
    few = {"id": _id(found.get("id")), "type": _id(found.get("type")), "items": kept}
    return few | ({"options": options} if fits else {}), max(len(items) - len(kept), 1)


def _message(value: object) -> Message:
    found = table(value)
    return Message(
        id=_id(found.get("id")) or "",
        kind=_id(found.get("type")) or "",
        content=table(found.get("content")),
    )


def _action(value: object) -> Action:
    """An action. Servers of 2023 name its kind by its payload alone."""
    found = table(value)
    kind = _id(found.get("type")) or next((key for key in found if key in ACTIONS), "")
    return Action(
        kind=kind,
        payload=table(found.get(kind)),
        after=_id(found.get("lastBubbleBlockId")),
        expects_reply=found.get("expectsDedicatedReply") is True,
    )


def _typing(value: object) -> TypingEmulation:
    """How fast the flow shall seem to write; what is missing or absurd is Typebot's default."""
    found, usual = table(value), TypingEmulation()

    def above(key: str, least: float, default: float) -> float:
        given = number(found.get(key))
        return default if given is None or given < least else given

    return TypingEmulation(
        enabled=found.get("enabled") is not False,
        speed=above("speed", 1, usual.speed),
        max_delay=above("maxDelay", 0, usual.max_delay),
        delay_between=above("delayBetweenBubbles", 0, usual.delay_between),
        not_on_first=found.get("isDisabledOnFirstMessage") is not False,
    )


def _system(value: object) -> Mapping[str, str]:
    texts = ((name, text(one)) for name, one in list(table(value).items())[:_MOST_FIELDS])
    return {name: one[:_LONGEST_SYSTEM] for name, one in texts if one is not None}


def _id(value: object) -> str | None:
    found = text(value)
    return found if found is not None and len(found) <= _LONGEST_ID else None


def _session_id(value: object) -> str | None:
    """An id that can stand in a path as it is; dots alone would lead to another one."""
    found = _id(value)
    return found if found is not None and found.strip(". ") else None


def _url(value: object) -> str | None:
    found = text(value)
    return found if found is not None and len(found) <= _LONGEST_URL else None
