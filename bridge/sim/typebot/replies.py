"""What an input makes of a reply (typebot-api.md 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import phonenumbers

from bridge.sim.typebot import choices, jsnumbers
from bridge.sim.typebot.addresses import is_email, is_url
from bridge.sim.typebot.choices import Chosen
from bridge.sim.typebot.english import Found, Moment, find
from bridge.sim.typebot.files import allowed_types, ending, fits_ending
from bridge.sim.typebot.kinds import CHOICES

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the API takes it. `text` is None for a voice message; `url` is its file."""

    text: str | None = None
    reply_id: str | None = None
    files: tuple[str, ...] = ()
    url: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply that is accepted. `content` is None when an optional input was skipped."""

    content: str | None
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An input as it stands now: options and items with variables filled in."""

    type: str
    options: Json
    items: list[Json]
    now: datetime


def read_message(said: Any) -> Message | None:
    """Take a checked message; None: there is none."""
    if said is None:
        return None
    if isinstance(said, str):
        return Message(text=said)
    if said["type"] == "audio":
        return Message(url=said["url"])
    if said["type"] == "command":
        return Message(command=said["command"])
    metadata = said.get("metadata") or {}
    files = tuple(said.get("attachedFileUrls") or ())
    return Message(text=said["text"], reply_id=metadata.get("replyId"), files=files)


def read_reply(asked: Asked, message: Message | None) -> Answer | None:
    """Accept a reply or not (None)."""
    if message is None:
        optional = asked.type == "file input" and asked.options.get("isRequired", True) is False
        return Answer(content=None) if optional else None
    if message.url is not None:
        return _read_voice(asked, message.url)
    text = message.text or ""
    if asked.type in CHOICES:
        chosen = _choose(asked, text, message.reply_id)
        return Answer(content=chosen.content, chosen=chosen) if chosen else None
    content = _READERS[asked.type](asked, text)
    return None if content is None else Answer(content=content)


def _read_voice(asked: Asked, url: str) -> Answer | None:
    """A voice message is any text to a text input, and a file like others to a file input."""
    if asked.type == "text input":
        return Answer(content=url)
    content = _file(asked, url) if asked.type == "file input" else None
    return None if content is None else Answer(content=content)


def _choose(asked: Asked, text: str, reply_id: str | None) -> Chosen | None:
    if asked.type == "cards":
        return choices.card(asked.items, text, reply_id)
    if asked.options.get("isMultipleChoice"):
        return choices.multiple(asked.items, text)
    return choices.single(asked.items, text, reply_id)


def _any(_asked: Asked, text: str) -> str | None:
    return text


def _number(asked: Asked, text: str) -> str | None:
    value = jsnumbers.parse_float(text.replace(",", ".", 1))
    if math.isnan(value):
        return None
    low, high = (jsnumbers.number(str(asked.options.get(key) or "")) for key in ("min", "max"))
    if (low and value < low) or (high and value > high):
        return None
    return text if text.startswith("0") else jsnumbers.written(value)


def _email(_asked: Asked, text: str) -> str | None:
    return text.lower() if is_email(text) else None


def _url(_asked: Asked, text: str) -> str | None:
    return text if is_url(text) else None


def _phone(asked: Asked, text: str) -> str | None:
    country = asked.options.get("defaultCountryCode") or None
    for match in phonenumbers.PhoneNumberMatcher(text, country):
        return phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _date(asked: Asked, text: str) -> str | None:
    options = asked.options
    usual = "dd/MM/yyyy HH:mm" if options.get("hasTime") else "dd/MM/yyyy"
    pattern = str(options.get("format") or usual)
    found = find(text, now=asked.now, day_first=pattern.startswith("dd"))
    if found is None or (options.get("isRange") and found.end is None):
        return None
    if not all(_within(options, moment) for moment in (found.start, found.end) if moment):
        return None
    start = _formatted(found.start.at, pattern)
    if options.get("isRange") and found.end:
        return f"{start} to {_formatted(found.end.at, pattern)}"
    return start


def _within(options: Mapping[str, Any], moment: Moment) -> bool:
    """A limit without a time is the midnight that begins its day: at noon `max` is over."""
    at = moment.at.replace(tzinfo=None)
    low, high = (_moment_of(options.get(key)) for key in ("min", "max"))
    return (low is None or at >= low) and (high is None or at <= high)


def _moment_of(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value or "")).replace(tzinfo=None)
    except ValueError:
        return None


def _time(asked: Asked, text: str) -> str | None:
    found: Found | None = find(text, now=asked.now, day_first=True)
    pattern = str(asked.options.get("format") or "HH:mm")
    return _formatted(found.start.at, pattern) if found else None


#: Longest first: `MMMM` is no `MM` twice.
_TOKENS: tuple[tuple[str, Callable[[datetime], str]], ...] = (
    ("yyyy", lambda at: f"{at.year:04}"),
    ("MMMM", lambda at: f"{at:%B}"),
    ("MMM", lambda at: f"{at:%b}"),
    ("EEEE", lambda at: f"{at:%A}"),
    ("yy", lambda at: f"{at:%y}"),
    ("MM", lambda at: f"{at:%m}"),
    ("dd", lambda at: f"{at:%d}"),
    ("HH", lambda at: f"{at:%H}"),
    ("hh", lambda at: f"{at:%I}"),
    ("mm", lambda at: f"{at:%M}"),
    ("ss", lambda at: f"{at:%S}"),
    ("M", lambda at: str(at.month)),
    ("d", lambda at: str(at.day)),
    ("H", lambda at: str(at.hour)),
    ("h", lambda at: str(at.hour % 12 or 12)),
    ("a", lambda at: f"{at:%p}"),
)


def _formatted(at: datetime, pattern: str) -> str:
    text = ""
    while pattern:
        token, write = next(
            ((token, write) for token, write in _TOKENS if pattern.startswith(token)),
            (pattern[0], None),
        )
        text += write(at) if write else token
        pattern = pattern[len(token) :]
    return text


def _rating(asked: Asked, text: str) -> str | None:
    most = jsnumbers.number(str(asked.options.get("length") or 10))
    return text if jsnumbers.number(text) <= most else None


def _file(asked: Asked, text: str) -> str | None:
    urls = text.split(", ")
    allowed = allowed_types(asked.options)
    if not any(is_url(url) for url in urls):
        return None
    if allowed and not all(fits_ending(ending(url), allowed) for url in urls):
        return None
    return ", ".join(urls) if asked.options.get("isMultipleAllowed") else urls[0]


def _payment(_asked: Asked, text: str) -> str | None:
    return None if text == "fail" else text


_READERS: Mapping[str, Callable[[Asked, str], str | None]] = {
    "text input": _any,
    "number input": _number,
    "email input": _email,
    "url input": _url,
    "phone number input": _phone,
    "date input": _date,
    "time input": _time,
    "rating input": _rating,
    "file input": _file,
    "payment input": _payment,
}
