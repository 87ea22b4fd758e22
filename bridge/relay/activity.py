"""What an instance has been told to do and does not do yet, by name.

It is stored and shown all the same, and said in every answer that sets it: nothing is ignored in
silence (issue 3).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from bridge.core.instance import Behaviour, InboxConfig, InstanceConfig
from bridge.core.typebot import Bot
from bridge.relay.signing import BOTS, ON_CHANGE, TEMPLATE
from bridge.whatsapp.registry import ChannelKind

#: What a number does that is connected by QR code, and one that is asked (Meta's) does not.
_BEHAVIOURS = {
    "rejectCall": "reject_call",
    "alwaysOnline": "always_online",
    "readStatus": "read_status",
    "syncFullHistory": "sync_full_history",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactive:
    """`name` as Evolution spells it; `reason` is a sentence for people."""

    name: str
    reason: str


def inactive_of(
    instance: InstanceConfig,
    *,
    kind: ChannelKind,
    bot: Bot | None = None,
    imports: Collection[str] = (),
) -> tuple[Inactive, ...]:
    """Name what is stored for this instance and has no effect yet. `kind` is its channel's."""
    found: list[Inactive] = []
    if kind.absent is not None:
        found.append(Inactive(name=instance.integration, reason=kind.absent))
    elif not kind.has_session:
        found += _behaviours(instance)
    elif instance.options.behaviour.sync_full_history:
        found.append(_later("syncFullHistory", "The import of earlier messages is"))
    found += _events(instance)
    if instance.options.behaviour.wavoip_token:
        found.append(_later("wavoipToken", "Calls over Wavoip are"))
    if bot is not None and bot.enabled and kind.absent is not None:
        found.append(
            Inactive(
                name="typebot",
                reason="The Typebot flow is stored and shown; it says nothing until the number "
                "has a channel here.",
            )
        )
    found += [_later(name, f"{name} is") for name in imports]
    return tuple(found)


def unproven(bot: Bot | None) -> tuple[str, ...]:
    """What was looked at of a flow, and what shows later: looking closer would start a session."""
    if bot is None or not bot.enabled:
        return ()
    host = urlsplit(bot.url).netloc.rpartition("@")[2]
    what = f'typebot: the viewer at {host} answered; whether it has the flow "{bot.typebot}"'
    return (f"{what} shows when it is started for the first time.",)


def without_signature(inbox: InboxConfig | None) -> tuple[Inactive, ...]:
    """Name what an inbox has for signatures while it signs nothing."""
    if inbox is None or inbox.sign_msg:
        return ()
    return tuple(
        Inactive(name=name, reason=f"{name} is stored; it does nothing while signMsg is false.")
        for name in (TEMPLATE, ON_CHANGE, BOTS)
        if inbox.options.get(name)
    )


def _behaviours(instance: InstanceConfig) -> list[Inactive]:
    behaviour: Behaviour = instance.options.behaviour
    return [
        Inactive(
            name=name,
            reason=f"{name} is stored; a number connected as {instance.integration} does not do "
            "it.",
        )
        for name, attribute in _BEHAVIOURS.items()
        if getattr(behaviour, attribute)
    ]


def _events(instance: InstanceConfig) -> list[Inactive]:
    options = instance.options
    found: list[Inactive] = []
    if options.webhook is not None and options.webhook.enabled and options.webhook.url:
        found.append(_later("webhook", "Events by webhook are"))
    found += [
        _later(name, f"Events by {name} are")
        for name, transport in sorted(options.transports.items())
        if transport.enabled
    ]
    if options.callbacks:
        found.append(_later("callbacks", "Z-API's callbacks are"))
    return found


def _later(name: str, what: str) -> Inactive:
    return Inactive(
        name=name, reason=f"{what} stored and shown, but not active in this version of Ponte."
    )
