"""Logic and integration blocks: what they do here, and what they ask of the client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from bridge.sim.typebot import dedicated, jsnumbers
from bridge.sim.typebot.asking import value_of
from bridge.sim.typebot.conditions import holds
from bridge.sim.typebot.flows import Block, Flow, Value
from bridge.sim.typebot.sessions import Session, cuid2
from bridge.sim.typebot.variables import fill, fill_deep, script

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a block has led to. `waits`: the flow stands still until the client is done."""

    action: Json | None = None
    waits: bool = False
    #: The way that a condition takes.
    edge: str | None = None
    #: It wrote log entries, which are kept from live sessions (typebot-api.md 1.3).
    logs: bool = False


def _asks(kind: str, payload: Any = None, *, waits: bool = False) -> Deed:
    action: Json = {"type": kind} if payload is None else {"type": kind, kind: payload}
    if waits:
        action["expectsDedicatedReply"] = True
    return Deed(action=action, waits=waits)


# -- variables -------------------------------------------------------------------------------

_MOMENT = """const now = new Date()
        if(now.getHours() < 12) return 'morning'
        if(now.getHours() < 18) return 'afternoon'
        return 'evening'"""
_DEVICE = "return /Mobi|Android/i.test(navigator.userAgent) ? 'mobile' : 'desktop'"
_IN_BROWSER = {"Moment of the day": _MOMENT, "Device type": _DEVICE}


def _set_variable(block: Block, session: Session, now: datetime) -> Deed:
    options = block.options
    kind = str(options.get("type", "Custom"))
    said = str(options.get("expressionToEvaluate", ""))
    if kind in _IN_BROWSER or options.get("isExecutedOnClient"):
        content = script(said or _IN_BROWSER.get(kind, ""), session.flow, session.values)
        told = {**content, "isCode": bool(options.get("isCode"))}
        return _asks("setVariable", {"scriptToExecute": told}, waits=True)
    dedicated.store(session, options.get("variableId"), _value(kind, block, session, now))
    return Deed()


def _value(kind: str, block: Block, session: Session, now: datetime) -> Value:
    """Give what a block sets. Nobody runs JavaScript here: `value` says what would come of it."""
    options = block.options
    match kind:
        case "Custom":
            value: Value = fill_deep(options.get("value", ""), session.values.get)
            return value
        case "Append value(s)":
            before = value_of(session, options.get("variableId"))
            kept = before if isinstance(before, list) else [before] if before else []
            return [*kept, fill(str(options.get("value", "")), session.values.get)]
        case "Environment name":
            return "web"
        case "User ID" | "Result ID":
            return session.result_id
        case "Random ID":
            return cuid2()
        case "Today" | "Now":
            return now.isoformat()
        case "Tomorrow" | "Yesterday":
            return (now + timedelta(days=1 if kind == "Tomorrow" else -1)).isoformat()
        case _:
            return None  # "Empty", and what only the WhatsApp integration knows


# -- ways ------------------------------------------------------------------------------------


def _condition(block: Block, session: Session, _now: datetime) -> Deed:
    flow = session.flow
    for item in block.items:
        met = holds(
            item.get("content") or {}, lambda id_: value_of(session, id_), session.values.get
        )
        if met and item["id"] in flow.edges:
            return Deed(edge=flow.edges[item["id"]].id)
        if met:
            break
    return Deed()


def _redirect(block: Block, session: Session, _now: datetime) -> Deed:
    url = fill(str(block.options.get("url", "")), session.values.get)
    if not url:
        return Deed()
    if not url.startswith(("http:", "https:", "mailto:", "tel:", "sms:")):
        url = f"https://{url}"
    return _asks("redirect", {"url": url, "isNewTab": bool(block.options.get("isNewTab"))})


def _wait(block: Block, session: Session, _now: datetime) -> Deed:
    said = fill(str(block.options.get("secondsToWaitFor", "")), session.values.get)
    seconds = jsnumbers.parse_float(said)
    if seconds != seconds:  # noqa: PLR0124  not a number
        return Deed()
    pauses = bool(block.options.get("shouldPause"))
    if not (seconds or pauses):
        return Deed()
    told = int(seconds) if seconds.is_integer() else seconds
    return _asks("wait", {"secondsToWaitFor": told}, waits=pauses)


# -- the client ------------------------------------------------------------------------------


def _script(block: Block, session: Session, _now: datetime) -> Deed:
    if not block.options.get("isExecutedOnClient", True):
        return Deed()
    told = script(str(block.options.get("content", "")), session.flow, session.values)
    if block.options.get("isUnsafe"):
        told["isUnsafe"] = True
    return _asks("scriptToExecute", told)


def _chatwoot(block: Block, session: Session, _now: datetime) -> Deed:
    content = str(block.options.get("script") or _widget(block.options))
    told = script(content, session.flow, session.values, block.options.get("uses", ()))
    return _asks("chatwoot", {"scriptToExecute": told})


def _widget(options: Json) -> str:
    if options.get("task") == "Close widget":
        return 'if (window.$chatwoot) window.$chatwoot.toggle("close")'
    base, token = options.get("baseUrl", ""), options.get("websiteToken", "")
    return (
        'window.addEventListener("chatwoot:ready", function () {'
        ' window.$chatwoot.toggle("open") });'
        f' window.chatwootSDK.run({{ websiteToken: "{token}", baseUrl: "{base}" }})'
    )


def _analytics(block: Block, session: Session, _now: datetime) -> Deed:
    return _asks("googleAnalytics", fill_deep(block.options, session.values.get))


def _pixel(block: Block, session: Session, _now: datetime) -> Deed:
    return _asks("pixel", fill_deep(block.options, session.values.get))


def _http(block: Block, session: Session, _now: datetime) -> Deed:
    options = block.options
    if options.get("isExecutedOnClient"):
        request = {k: options[k] for k in ("url", "method", "headers", "body") if k in options}
        told = fill_deep(request, session.values.get)
        return _asks("httpRequestToExecute", told, waits=True)
    response = options.get("response")
    if response is not None:
        dedicated.save_mapped(session, block, fill_deep(response, session.values.get))
    return Deed(logs=True)


def _webhook(_block: Block, _session: Session, _now: datetime) -> Deed:
    return _asks("listenForWebhook", waits=True)


PERFORM: Mapping[str, Callable[[Block, Session, datetime], Deed]] = {
    "set variable": _set_variable,
    "condition": _condition,
    "redirect": _redirect,
    "wait": _wait,
    "script": _script,
    "chatwoot": _chatwoot,
    "google analytics": _analytics,
    "pixel": _pixel,
    "http request": _http,
    "webhook": _webhook,
}


def start_props(flow: Flow) -> Json | None:
    """Give what a page is to load when the chat starts; None: nothing."""
    props: Json = {}
    blocks = [block for group in flow.groups for block in group.blocks]
    trackers = [b.options.get("trackingId") for b in blocks if b.type == "google analytics"]
    pixels = [b.options["pixelId"] for b in blocks if b.type == "pixel" and "pixelId" in b.options]
    metadata = flow.settings.get("metadata", {})
    if trackers:
        props["googleAnalyticsId"] = trackers[0]
    if pixels:
        props["pixelIds"] = pixels
    if metadata.get("googleTagManagerId"):
        props["gtmId"] = metadata["googleTagManagerId"]
    if metadata.get("customHeadCode"):
        props["customHeadCode"] = metadata["customHeadCode"]
    return {"type": "startPropsToInject", "startPropsToInject": props} if props else None
