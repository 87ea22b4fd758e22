"""Why a request was not answered with a result, as the protocol tells it (docs/whatsapp-web.md)."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, TypeAlias

Certainty: TypeAlias = Literal["not_done", "unknown"]

_SECRET: Final = re.compile(r"//[^/@\s]*@")
_NUMBER: Final = re.compile(r"\d{6,}")
_LONG: Final = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_LONGEST: Final = 300


def clean(text: str) -> str:
    """The engine's words without logins, numbers, ids and keys, on one line."""
    words = _LONG.sub("…", _NUMBER.sub("…", _SECRET.sub("//…@", text)))
    return " ".join(words.split())[:_LONGEST]


class Failure(Exception):
    """A request that failed; `certainty` says whether WhatsApp may have done it all the same."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        certainty: Certainty = "not_done",
        passing: bool = False,
        number: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = clean(message)
        self.certainty: Certainty = certainty
        self.passing = passing
        self.number = number

    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "certainty": self.certainty,
            "passing": self.passing,
        }
        return told if self.number is None else {**told, "number": self.number}


class BadRequest(Failure):
    def __init__(self, message: str) -> None:
        super().__init__("bad_request", message)


class NoEngine(Failure):
    def __init__(self, message: str) -> None:
        super().__init__("no_engine", message)


_OFFLINE: Final = ("websocket not connected", "not connected to whatsapp", "websocket is nil")
_SIGNED_OUT: Final = ("doesn't contain a device jid", "not logged in")
_GONE: Final = frozenset({403, 404, 410})
_SLOW: Final = ("timed out", "deadline exceeded", "timeout")
_NOBODY: Final = ("no lid found", "is not on whatsapp")
#: Presence is refused as long as the phone has shared no name.
_NAMELESS: Final = "without pushname"
#: What whatsmeow says before a stanza of a message leaves.
_UNSENT: Final = (
    "failed to get device list",
    "failed to get group members",
    "failed to get own",
    "failed to encrypt",
    "failed to prepare",
    "failed to marshal",
    "failed to query",
    "failed to fetch prekeys",
)
_NUMBERED: Final = re.compile(r"server returned error (\d{3})\b|\bstatus (?:code )?(\d{3})\b")


def _has(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def number_in(text: str) -> int | None:
    """The number of an error that WhatsApp's server answered with."""
    found = _NUMBERED.search(text)
    return None if found is None else int(next(part for part in found.groups() if part))


def of_engine(text: str, *, writes: bool = False) -> Failure:
    """What an error of the engine means. `writes`: the request may have had an effect."""
    words = text.lower()
    certainty: Certainty = "unknown" if writes and not _has(words, _UNSENT) else "not_done"
    if _has(words, _OFFLINE):
        # It may also be what came of the engine's own second try, after the first one left.
        says = "there is no connection to WhatsApp"
        return Failure("not_connected", says, certainty=certainty, passing=True)
    if _has(words, _SIGNED_OUT):
        return Failure("not_logged_in", "no phone is linked")
    if _has(words, _NOBODY):
        return Failure("not_on_whatsapp", "this number has no WhatsApp")
    if "unknown server" in words:
        return BadRequest("nobody has an address of this kind")
    if _NAMELESS in words:
        says = "the phone has not told this device its name yet; that takes a minute after pairing"
        return Failure("failed", says, passing=True)
    number = number_in(words)
    if number is not None:
        passing = number == 429 or number >= 500  # noqa: PLR2004 - as in HTTP
        return Failure("refused", text, passing=passing, number=number)
    code = "timeout" if _has(words, _SLOW) else "failed"
    return Failure(code, text, certainty=certainty, passing=True)


#: What whatsmeow writes into its log when WhatsApp refuses a login.
_REFUSED: Final = re.compile(
    r'\((405)\) connect failure|Got (\d{3})/|<failure [^>]*reason="(\d{3})"|after (\d{3}) failure'
)


def refusal_in(line: str) -> int | None:
    """The number with which WhatsApp refused a login, of a line of the engine's log."""
    found = _REFUSED.search(line)
    return None if found is None else int(next(part for part in found.groups() if part))


def of_download(text: str) -> Failure:
    if number_in(text.lower()) in _GONE:
        return Failure("gone", "WhatsApp does not keep this file any more")
    return of_engine(text)
