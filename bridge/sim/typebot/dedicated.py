"""What a block that is no input makes of the call it has waited for (typebot-api.md 4)."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from bridge.sim.typebot.flows import Block
from bridge.sim.typebot.media import content_of
from bridge.sim.typebot.refusals import Refused
from bridge.sim.typebot.replies import Message
from bridge.sim.typebot.sessions import Session
from bridge.sim.typebot.variables import stored


def store(session: Session, variable_id: str | None, value: Any) -> None:
    """Set a variable of the bot that runs; one that is not declared is none."""
    name = session.flow.named(variable_id)
    if name is not None:
        session.values[name] = stored(value)


def take(session: Session, block: Block, message: Message | None) -> None:
    """Store the result. Raises `Refused` when that of an HTTP request is no JSON.

    A call without a text, or with a voice message, says that the client is done, and no more.
    """
    text = message.text if message else None
    if text is None:
        return
    match block.type:
        case "set variable":
            store(session, block.options.get("variableId"), _value(text))
        case "http request":
            save_mapped(session, block, _json(text))
        case "webhook":
            save_mapped(session, block, _value(text))
        case "embed":
            event = content_of(block).get("waitForEvent") or {}
            store(session, event.get("saveDataInVariableId"), _value(text))
        case "custom-embed":
            store(session, block.options.get("saveVariableId"), _value(text))
        case _:
            pass  # a wait is over


def save_mapped(session: Session, block: Block, response: Any) -> None:
    """Store what `responseVariableMapping` asks for; what is not there stays unset."""
    for mapping in block.options.get("responseVariableMapping", ()):
        found = _at(response, str(mapping["bodyPath"]))
        if found is not None:
            store(session, mapping["variableId"], found)


def _at(value: Any, path: str) -> Any:
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def _value(text: str) -> Any:
    """JSON where it is, else the text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        data = {"description": f"[undefined] {_complaint(text)}"}
        raise Refused(400, "Provided response is not valid JSON", data=data) from None


def _complaint(text: str) -> str:
    """Say what is wrong as V8 does: the sign at which it is no JSON any more."""
    at = _first_wrong(text)
    if at is None:
        return "Unexpected end of JSON input"
    return f"Unexpected token '{text[at]}', {_quoted(text, at)} is not valid JSON"


def _quoted(text: str, at: int) -> str:
    around = 10
    if len(text) <= 4 * around:
        return f'"{text}"'
    before = "..." if at > around else ""
    after = "..." if at + around < len(text) else ""
    return f'{before}"{text[max(0, at - around) : at + around]}"{after}'


def _first_wrong(text: str) -> int | None:
    core = text.lstrip()
    start = len(text) - len(core)
    for word in ("null", "true", "false"):
        if core[:1] == word[0]:
            pairs = zip(core, word, strict=False)
            wrong = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
            if wrong is not None:
                return start + wrong
            if len(core) > len(word):
                return start + len(word)
            return None
    at = _decoder_stop(text)
    return at if at < len(text) else None


def _decoder_stop(text: str) -> int:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    return len(text)
