"""What the control room says of trouble: what happened, what it means, what to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.engine.queue import Road
from bridge.locale import failure, say, texts
from bridge.relay.spans import span
from bridge.store.queries.troubles import Death
from bridge.text.convert import literal

#: So many causes are named; the others are counted.
_NAMED: Final = 3
_LONGEST_REASON: Final = 200


def is_known_to_agents(language: str, death: Death) -> bool:
    """Whether the message itself says why it was not sent: nobody has to be alarmed."""
    return death.road == Road.OUTBOUND and f"failure.{death.cause}" in texts(language)


def dead_letters(language: str, deaths: Sequence[Death], *, instance: str) -> str:
    told = [say(language, "alert.dead", name=literal(instance))]
    for road in (Road.INBOUND, Road.OUTBOUND):
        count = sum(one.count for one in deaths if one.road == road)
        if count:
            told.append(f"- {counted(language, f'alert.dead.{road}', count)}")
    causes: dict[str, int] = {}
    for one in deaths:
        why = _why(language, one.cause, one.reason)
        causes[why] = causes.get(why, 0) + one.count
    ranked = sorted(causes.items(), key=lambda pair: -pair[1])
    told += ["", say(language, "alert.dead.why")]
    told += [f"- {count} × {why}" for why, count in ranked[:_NAMED]]
    rest = sum(count for _, count in ranked[_NAMED:])
    if rest:
        told.append(f"- {say(language, 'alert.dead.others', count=rest)}")
    told += ["", say(language, "alert.dead.do")]
    return "\n".join(told)


def paused(language: str, cause: str, reason: str, *, instance: str) -> str:
    why = _why(language, cause, reason)
    return say(language, "alert.paused", name=literal(instance), why=why)


def resumed(language: str, lasted: int, *, instance: str) -> str:
    return say(language, "alert.resumed", name=literal(instance), span=span(language, lasted))


def was_away(language: str, *, lasted: int, waited: int, dead: int) -> str:
    """Chatwoot is back."""
    said = say(language, "alert.away", span=span(language, lasted))
    if not waited:
        return f"{said} {say(language, 'alert.away.nothing')}"
    said = f"{said} {counted(language, 'alert.away.waited', waited)}"
    if not dead:
        return f"{said} {say(language, 'alert.away.none_lost')}"
    return f"{said} {counted(language, 'alert.away.dead', dead)}"


def counted(language: str, key: str, count: int) -> str:
    return say(language, f"{key}.one" if count == 1 else f"{key}.many", count=count)


def _why(language: str, cause: str, reason: str) -> str:
    """In the agents' language where we have words for it, else as whoever runs the service."""
    key = f"alert.why.{cause}"
    if key in texts(language):
        return say(language, key)
    return failure(language, cause, literal(reason[:_LONGEST_REASON]) or literal(cause))
