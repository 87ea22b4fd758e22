"""How a number is, in a few lines: what `status` answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.core.connection import ConnectionView, LinkState, owner_number
from bridge.core.phone import readable
from bridge.locale import say, texts
from bridge.relay.spans import local, span
from bridge.text.convert import literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Times in milliseconds. `has_code`: a QR code stands there to be scanned."""

    name: str
    view: ConnectionView
    has_code: bool
    is_session: bool
    #: When Chatwoot took something from this instance last; None: not since the start.
    chatwoot_at: int | None
    #: Why nothing is sent to Chatwoot at the moment; None: it is.
    chatwoot_paused: str | None
    #: The same of WhatsApp.
    whatsapp_paused: str | None
    waiting: int
    oldest: int | None
    dead: int
    flows: int
    #: As `InstanceConfig.bots_paused_until`.
    bots_paused_until: int | None
    #: As `InboxConfig.told`.
    inbox: Mapping[str, Any]
    version: str


def lines(language: str, facts: Facts, now: int) -> str:
    """Not in the event loop, as `spans.local`."""
    said = [_connection(language, facts, now), *_paused(language, facts, now)]
    if facts.waiting:
        age = span(language, now - (facts.oldest or now))
        said.append(say(language, "command.status.waiting", count=facts.waiting, age=age))
    else:
        said.append(say(language, "command.status.nothing_waits"))
    if facts.dead:
        said.append(say(language, "command.status.dead", count=facts.dead))
    bots = _bots(language, facts, now)
    return "\n".join([*said, *bots, say(language, "command.status.version", version=facts.version)])


def who(view: ConnectionView) -> str:
    """The number, and how its owner calls himself; empty when neither is known."""
    number = owner_number(view.owner_jid)
    shown = readable(number) if number else ""
    profile = literal(view.profile_name or "")
    return f"{shown} ({profile})" if shown and profile else shown or profile


def bots_silent(language: str, until: int, now: int, inbox: Mapping[str, Any]) -> str:
    """Until when flows are silent; `until` as `InstanceConfig.bots_paused_until`.

    Not in the event loop, as `spans.local`.
    """
    if until == 0:
        return say(language, "command.bots.until_resumed")
    moment, zone = local(inbox, until)
    lasting = span(language, until - now)
    return say(language, "command.bots.until", lasting=lasting, moment=moment, zone=zone)


def _connection(language: str, facts: Facts, now: int) -> str:
    view, state = facts.view, facts.view.state
    since = ""
    if view.changed_at:
        since = say(language, "command.status.since", lasting=span(language, now - view.changed_at))
    if not facts.is_session and state is not LinkState.OPEN:
        key = "cloud"
    elif state is LinkState.CONNECTING and facts.has_code:
        key = "qr"
    else:
        key = "close" if state is LinkState.REFUSED else state.value
    owner = who(view)
    return say(
        language,
        f"command.status.{key}",
        name=literal(facts.name),
        who=f": {owner}" if owner else "",
        since=since,
        why=_why(language, view),
    )


def _why(language: str, view: ConnectionView) -> str:
    keys = (f"command.why.{view.code}", f"bot.why.{view.code}")
    known = [say(language, key) for key in keys if key in texts(language)]
    why = known[0] if known else literal(view.reason or "")
    return f" ({why.rstrip('.')})" if why else ""


def _paused(language: str, facts: Facts, now: int) -> list[str]:
    said = []
    if facts.whatsapp_paused is not None:
        why = literal(facts.whatsapp_paused)
        said.append(say(language, "command.status.whatsapp_paused", why=why))
    if facts.chatwoot_paused is not None:
        why = literal(facts.chatwoot_paused)
        said.append(say(language, "command.status.chatwoot_paused", why=why))
    elif facts.chatwoot_at:
        age = span(language, now - facts.chatwoot_at)
        said.append(say(language, "command.status.chatwoot", age=age))
    return said


def _bots(language: str, facts: Facts, now: int) -> list[str]:
    until = facts.bots_paused_until
    if until is not None and (until == 0 or until > now):
        silent = bots_silent(language, until, now, facts.inbox)
        return [say(language, "command.status.bots_paused", until=silent)]
    return [say(language, "command.status.bots", count=facts.flows)] if facts.flows else []
