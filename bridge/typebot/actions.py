"""What a flow wants its client to do, one action at a time (typebot-api.md 4). Pure.

Nothing of it is code that we run. Whatever stops the flow until it is answered gets an answer, so
that no flow hangs; one that says nothing where we know none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bridge.core.flow import Bubble, HttpCall, Line, Next, Say
from bridge.core.lines import one_line
from bridge.typebot import addresses
from bridge.typebot.bubbles import BAD_URL, NO_CONTENT
from bridge.typebot.commands import Wish, in_script
from bridge.typebot.fields import number, shallow, table, text
from bridge.typebot.models import Action
from bridge.typebot.scripts import arguments, chatwoot, value_of

UNKNOWN_ACTION: Final = "typebot.unknown_action"
UNKNOWN_VALUE: Final = "typebot.unknown_value"
UNKNOWN_COMMAND: Final = "typebot.unknown_command"

_MOST_HEADERS = 50
_LONGEST_BODY = 1_000_000
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """`now` is the person's local time, aware; no wait of a flow is longer than `most_wait_ms`."""

    now: datetime
    most_wait_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an action comes to. `reply` and `call` count only where the flow waits for us."""

    pause_ms: int = 0
    bubble: Bubble | None = None
    wish: Wish = field(default_factory=Wish)
    next: Next = Next.REPLY
    reply: Say = field(default_factory=Say)
    call: HttpCall | None = None
    left_out: tuple[tuple[str, str], ...] = ()


_Perform = Callable[[Action, Circumstances], Effect]


def effect(action: Action, given: Circumstances) -> Effect:
    """What to do about an action."""
    perform = _KINDS.get(action.kind)
    if perform is not None:
        return perform(action, given)
    return Effect(left_out=((UNKNOWN_ACTION, one_line(action.kind)),))


def _wait(action: Action, given: Circumstances) -> Effect:
    seconds = number(action.payload.get("secondsToWaitFor")) or 0.0
    return Effect(pause_ms=round(min(max(seconds * 1000, 0.0), given.most_wait_ms)))


def _redirect(action: Action, _: Circumstances) -> Effect:
    address = (text(action.payload.get("url")) or "").strip()
    url = address if addresses.is_writable(address) else addresses.whole(address)
    if url is None:
        told = one_line(address[:60])
        return Effect(
            left_out=((BAD_URL, f"redirect: {told}") if told else (NO_CONTENT, "redirect"),)
        )
    return Effect(bubble=Line(block=action.after or "redirect", body=url))


def _set_variable(action: Action, given: Circumstances) -> Effect:
    script = table(action.payload.get("scriptToExecute"))
    value = value_of(script, now=given.now)
    if value is None:
        return Effect(left_out=((UNKNOWN_VALUE, "setVariable"),))
    return Effect(reply=Say(text=value))


def _script(action: Action, _: Circumstances) -> Effect:
    """A script is ignored, but for the calls that are meant for us (typebot-api.md 6.2)."""
    wish, strange = in_script(text(action.payload.get("content")) or "", arguments(action.payload))
    return Effect(wish=wish, left_out=tuple((UNKNOWN_COMMAND, name) for name in strange))


def _request(action: Action, _: Circumstances) -> Effect:
    """An HTTP request that is made for the flow, if it may be; else the flow goes on without."""
    payload = action.payload
    url = (text(payload.get("url")) or "").strip()
    method = (text(payload.get("method")) or "GET").upper()
    if not addresses.is_web(url) or method not in _METHODS:
        return Effect(left_out=((BAD_URL, f"httpRequestToExecute: {one_line(url[:60])}"),))
    body = _body(payload.get("body"))
    headers = {
        one_line(name): one_line(value)
        for name, value in list(table(payload.get("headers")).items())[:_MOST_HEADERS]
        if isinstance(value, str)
    }
    if body is not None and not isinstance(payload.get("body"), str):
        headers = {"Content-Type": "application/json", **headers}
    return Effect(call=HttpCall(url=url, method=method, headers=headers, body=body))


def _body(value: Any) -> str | None:
    if value is None or value == "":
        return None
    spelled = value if isinstance(value, str) else json.dumps(shallow(value), ensure_ascii=False)
    return spelled if len(spelled) <= _LONGEST_BODY else None


def _listen(_: Action, __: Circumstances) -> Effect:
    return Effect(next=Next.LISTEN)


def _chatwoot(action: Action, _: Circumstances) -> Effect:
    return Effect(wish=chatwoot(table(action.payload.get("scriptToExecute"))))


def _ignored(_: Action, __: Circumstances) -> Effect:
    """What measures visits, or is meant for a web page."""
    return Effect()


_KINDS: Final[Mapping[str, _Perform]] = {
    "wait": _wait,
    "redirect": _redirect,
    "setVariable": _set_variable,
    "scriptToExecute": _script,
    "codeToExecute": _script,
    "httpRequestToExecute": _request,
    "webhookToExecute": _request,
    "listenForWebhook": _listen,
    "chatwoot": _chatwoot,
    "pixel": _ignored,
    "googleAnalytics": _ignored,
    "startPropsToInject": _ignored,
}
#: The kinds that are known, each with a payload of its name.
ACTIONS: Final = frozenset(_KINDS)
