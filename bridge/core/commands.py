"""What an agent wants of a number, as they write it in the bot contact's conversation. Pure.

The words are Evolution's (evolution-chatwoot.md 2.5) and some more, in Portuguese, English and
Spanish at once: nobody has to know in which language the inbox is. A message is a command as a
whole or not at all ("initial plan" starts nothing); case, accents, a leading slash, marks around it
and an agent's signature below it do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from bridge.core.phone import Kind, dialable, from_channel, from_person, typed_digits

#: No command is longer, not even with an agent's signature below it.
LONGEST_MESSAGE: Final = 2000
#: Flows are silenced for so long at most, and at least (ms); for longer, nobody names a time.
LONGEST_PAUSE: Final = 30 * 24 * 3600 * 1000
SHORTEST_PAUSE: Final = 60 * 1000

_LONGEST_COMMAND = 80
_LONGEST_NUMBER_OF_PLAN = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Show a QR code; with a `number`, as it was typed, a code to type as well."""

    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCache:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Everything that could not be delivered is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Compare Chatwoot with what we know of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseBots:
    """`lasts` in milliseconds; None: until somebody resumes them."""

    lasts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeBots:
    pass


class MergeStep(StrEnum):
    PLAN = "plan"
    APPLY = "apply"
    STATUS = "status"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`plan` is None where the newest one is meant."""

    step: MergeStep = MergeStep.PLAN
    plan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    pass


class Word(StrEnum):
    """What somebody began to say, where the rest of it makes no sense."""

    CONNECT = "init"
    PAUSE = "pause"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misused:
    word: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    pass


Command: TypeAlias = (
    Connect
    | Status
    | ClearCache
    | Disconnect
    | Retry
    | Check
    | PauseBots
    | ResumeBots
    | Merge
    | Help
    | Misused
    | Unknown
)

_HOUR = 3600 * 1000
_MINUTE = 60 * 1000
_EXACT: Final[dict[str, Command]] = {
    **dict.fromkeys(("status", "estado", "situacao"), Status()),
    **dict.fromkeys(("clearcache", "clear cache", "limpar cache", "limpiar cache"), ClearCache()),
    **dict.fromkeys(("disconnect", "desconectar"), Disconnect()),
    **dict.fromkeys(("qr", "qrcode", "qr code", "codigo qr"), Connect()),
    **dict.fromkeys(("retry", "tentar", "tentar novamente", "reintentar"), Retry()),
    **dict.fromkeys(("check", "verificar", "comprobar"), Check()),
    **dict.fromkeys(("help", "ajuda", "ayuda", "?", "comandos", "commands"), Help()),
}
_CONNECT = re.compile(r"(?:init|iniciar)(?:\s*:\s*(?P<after>.*)|\s+(?P<number>[+(]*\d.*))?")
_PAUSE = re.compile(r"(?:pause|pausar)(?: (?:the |o |os |el |los )?bots?)?(?: (?P<lasts>.+))?")
_RESUME = re.compile(r"(?:resume|retomar|reanudar)(?: (?:the |o |os |el |los )?bots?)?")
_MERGE = re.compile(r"(?:merge|mesclar|fusionar)(?: (?P<step>[a-z]+))?(?: #?(?P<plan>\d+))?")
_STEPS: Final[dict[str, MergeStep]] = {
    **dict.fromkeys(("plan", "plano"), MergeStep.PLAN),
    **dict.fromkeys(("apply", "aplicar"), MergeStep.APPLY),
    **dict.fromkeys(("status", "estado", "situacao"), MergeStep.STATUS),
    **dict.fromkeys(("drop", "descartar"), MergeStep.DROP),
}
_PART = re.compile(r"(\d{1,5}) ?(d|h|m|[a-z]{3,8})?(?: |$|(?=\d))")
_UNITS: Final = {
    **dict.fromkeys(
        ("m", "min", "mins", "minute", "minutes", "minuto", "minutos"),
        _MINUTE,
    ),
    **dict.fromkeys(("h", "hour", "hours", "hora", "horas", "hrs"), _HOUR),
    **dict.fromkeys(("d", "day", "days", "dia", "dias"), 24 * _HOUR),
}
#: What people and editors put around a word.
_AROUND = "*_~`'\"\u201c\u201d\u2018\u2019\u00ab\u00bb "
_BEHIND = ".,;!"
#: Chatwoot's editor writes an agent's signature below a line that says this.
_SIGNATURE = "--"


def read(text: str) -> Command:
    """Understand a message, given as text without markup. Never raises."""
    said = _plain(text)
    found = _EXACT.get(said)
    if found is not None:
        return found
    for pattern, read_it in (
        (_CONNECT, _connect),
        (_RESUME, lambda _match: ResumeBots()),
        (_PAUSE, _pause),
        (_MERGE, _merge),
    ):
        match = pattern.fullmatch(said)
        if match is not None:
            return read_it(match)
    return Unknown()


def dialled(number: str, *, region: str | None) -> str | None:
    """The digits of a number as a person types it, with its country; None: it is no number.

    Without a country code it is one of `region`, where that is known.
    """
    if region is not None:
        here = from_person(number, region=region)
        if here.kind is Kind.PHONE:
            return here.digits
    typed = typed_digits(number) or ""
    digits = typed.removeprefix("+").removeprefix("00")
    # In a country that we know, short ones are rather its own than those of another country.
    is_whole = typed.startswith("+") or len(digits) > (10 if region else 7)
    abroad = from_channel(digits)
    is_phone = is_whole and abroad.kind is Kind.PHONE and dialable(abroad)
    return abroad.digits if is_phone else None


def _plain(text: str) -> str:
    """The words alone, in small letters without accents; empty for what is too long."""
    if len(text) > LONGEST_MESSAGE:
        return ""
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = [char for char in unicodedata.normalize("NFD", text) if _is_kept(char)]
    lines = [" ".join(line.split()) for line in "".join(kept).split("\n")]
    if _SIGNATURE in lines:
        lines = lines[: lines.index(_SIGNATURE)]
    said = " ".join(" ".join(lines).split())
    if len(said) > _LONGEST_COMMAND:
        return ""
    said = said.strip(_AROUND).removeprefix("\\").removeprefix("/").strip(_AROUND)
    return said.rstrip(_BEHIND + _AROUND)


def _is_kept(char: str) -> bool:
    """No accents, no invisible marks (of direction, say), no control characters but white space."""
    return char.isspace() or unicodedata.category(char) not in ("Mn", "Me", "Cf", "Cc")


def _connect(match: re.Match[str]) -> Command:
    number = match["after"] or match["number"]
    if not number:
        return Connect()
    return Misused(word=Word.CONNECT) if typed_digits(number) is None else Connect(number=number)


def _pause(match: re.Match[str]) -> Command:
    if match["lasts"] is None:
        return PauseBots()
    lasts = _lasting(match["lasts"])
    if lasts is None or not SHORTEST_PAUSE <= lasts <= LONGEST_PAUSE:
        return Misused(word=Word.PAUSE)
    return PauseBots(lasts=lasts)


def _lasting(text: str) -> int | None:
    """Milliseconds of `2h`, `1 h 30`, `45 min`, `for 2 days`; a bare number counts minutes."""
    rest = re.sub(r"^(?:for|por|durante) ", "", text)
    total = 0
    while rest:
        part = _PART.match(rest)
        unit = _UNITS.get(part[2] or "m") if part else None
        if part is None or unit is None:
            return None
        total += int(part[1]) * unit
        rest = re.sub(r"^(?:e|y|and) ", "", rest[part.end() :])
    return total or None


def _merge(match: re.Match[str]) -> Command:
    step = _STEPS.get(match["step"] or "plan")
    plan = match["plan"]
    if step is None or (plan is not None and len(plan) > _LONGEST_NUMBER_OF_PLAN):
        return Misused(word=Word.MERGE)
    if step is MergeStep.PLAN and plan is not None:
        return Misused(word=Word.MERGE)
    return Merge(step=step, plan=int(plan) if plan is not None else None)
