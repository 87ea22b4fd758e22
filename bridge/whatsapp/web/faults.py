"""A worker's failures as errors of ours: the only place where one becomes the other.

The code decides, and what is known about the effect; the library's words are quoted only where
they tell the operator something, and never a number (docs/whatsapp-web.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import (
    BridgeError,
    Certainty,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Scope,
    TooBig,
)
from bridge.whatsapp.shapes import clip, word

__all__ = ("from_error", "lost", "no_address", "no_pairing_code")

#: Ops whose effect others see: when their answer is missing nobody knows whether they were done.
_SEEN: Final = frozenset({"send"})
_LONG_NUMBER: Final = re.compile(r"\d{6,}")
_SERVER_FAILS: Final = 500
_RATE: Final = 429
_NO_NEW_CHATS: Final = 463
_RIGHTS: Final = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    error: type[PeerError]
    cause: str
    says: str
    advice: str | None = None
    scope: Scope | None = None
    #: The library's words are added.
    quoted: bool = False


_DISCONNECTED: Final = _Meaning(
    error=PeerDown,
    cause="whatsapp.disconnected",
    says="The connection of this number to WhatsApp is interrupted.",
    scope=Scope.ACCOUNT,
)
_ENGINE: Final = _Meaning(
    error=PeerBroke,
    cause="whatsapp.engine",
    says="The WhatsApp connection of this number failed.",
    scope=Scope.ONE,
    quoted=True,
)
_REFUSED: Final = _Meaning(
    error=PeerRefused, cause="whatsapp.refused", says="WhatsApp refuses the message."
)
_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "not_connected": _DISCONNECTED,
    "not_logged_in": _Meaning(
        error=PeerLocked,
        cause="whatsapp.logged_out",
        says="This number is not linked to a phone any more.",
        advice="Connect it again: scan a new QR code with the phone.",
    ),
    "timeout": _Meaning(
        error=PeerTimeout,
        cause="whatsapp.timeout",
        says="WhatsApp did not answer in time.",
        scope=Scope.ACCOUNT,
    ),
    "not_on_whatsapp": _Meaning(
        error=PeerRefused,
        cause="whatsapp.not_on_whatsapp",
        says="This number has no WhatsApp.",
        advice="Check the number with the customer.",
    ),
    "gone": _Meaning(
        error=PeerGone,
        cause="whatsapp.media_gone",
        says="WhatsApp does not have this file any more.",
        advice="Ask for it again.",
    ),
    "too_big": _Meaning(
        error=PeerRefused,
        cause="whatsapp.media",
        says="WhatsApp does not take a file of this size.",
    ),
    "bad_request": _Meaning(
        error=PeerRefused,
        cause="whatsapp.request",
        says="The WhatsApp connection refuses the request as it is.",
        quoted=True,
    ),
    "no_engine": _Meaning(
        error=PeerLocked,
        cause="whatsapp.no_engine",
        says="WhatsApp Web is not installed with this Ponte.",
        advice="Install it: pip install 'ponte[whatsapp-web]', then restart Ponte.",
        scope=Scope.SERVER,
        quoted=True,
    ),
    "locked": _Meaning(
        error=PeerDown,
        cause="whatsapp.session_locked",
        says="Another process holds the session of this number.",
        scope=Scope.ACCOUNT,
    ),
    "broken": _Meaning(
        error=PeerLocked,
        cause="whatsapp.session_broken",
        says="The files of this number's session cannot be used.",
        advice="Look at the disk and its rights; if that is no help, log the number out and "
        "connect it again.",
        quoted=True,
    ),
    "failed": _ENGINE,
}


def from_error(error: Mapping[str, Any], *, op: str = "") -> BridgeError:
    """What the error of an answer means; `op` is what was asked for.

    A `PeerError`, but `TooBig` for a download that is larger than its limit.
    """
    code = word(error.get("code"), 64) or ""
    if code == "too_big" and op == "download":
        return TooBig("The file is larger than the limit.")
    meaning = _refusal(error) if code == "refused" else _MEANINGS.get(code, _ENGINE)
    certainty = _certainty(error)
    if meaning is _ENGINE and error.get("passing") is False and certainty is Certainty.NOT_DONE:
        made = _made(meaning, error, kind=PeerRefused)
    else:
        made = _made(meaning, error)
    if certainty is not None:
        made.certainty = certainty
    return made


def lost(op: str) -> PeerError:
    """What it means that the worker ended, or never answered, while it was asked for `op`."""
    made = _made(_ENGINE if op in _SEEN else _DISCONNECTED, {})
    made.certainty = Certainty.UNKNOWN if op in _SEEN else Certainty.NOT_DONE
    return made


def no_address() -> PeerRefused:
    return PeerRefused(
        "There is neither a phone number nor a WhatsApp id to send to.", code="whatsapp.recipient"
    )


def no_pairing_code(error: Mapping[str, Any]) -> str:
    """Why there is no code to type on the phone, with what to do; for whoever asked for it."""
    number = _number(error)
    if number == _RATE:
        return (
            "WhatsApp gives this number no more pairing codes for now (error 429). Wait some hours "
            "before you ask again, or scan the QR code."
        )
    if number is not None and number < _SERVER_FAILS:
        return (
            f"WhatsApp gives no pairing code for this number (error {number}). It has to be the "
            "number of the WhatsApp on the phone, with its country code. Or scan the QR code."
        )
    words = clip(error.get("message"), 200)
    why = f": {_LONG_NUMBER.sub('…', words)}" if words else ""
    return f"WhatsApp gave no pairing code{why}. Ask again, or scan the QR code."


def _refusal(error: Mapping[str, Any]) -> _Meaning:
    """What the number means with which WhatsApp refused (XMPP's and HTTP's classes)."""
    number = _number(error)
    if number == _RATE:
        return _Meaning(
            error=PeerBusy,
            cause="whatsapp.rate",
            says="WhatsApp asks this number to send more slowly.",
            scope=Scope.ACCOUNT,
        )
    if number == _NO_NEW_CHATS:
        return _Meaning(
            error=PeerRefused,
            cause="whatsapp.restricted",
            says="WhatsApp lets this number write only to people who wrote before.",
            advice="Wait until the person writes, or write with the phone.",
        )
    if number in _RIGHTS:
        return _Meaning(
            error=PeerRefused,
            cause="whatsapp.forbidden",
            says="WhatsApp does not let this number do that in this chat.",
            advice="Look on the phone whether it is still a member who may write.",
        )
    if error.get("passing") is True or (number or 0) >= _SERVER_FAILS:
        return _Meaning(
            error=PeerBroke,
            cause="whatsapp.service",
            says="WhatsApp failed to process the request.",
            scope=Scope.ONE,
        )
    return _REFUSED


def _made(
    meaning: _Meaning, error: Mapping[str, Any], *, kind: type[PeerError] | None = None
) -> PeerError:
    said = meaning.says
    words = clip(error.get("message"), 200) if meaning.quoted else None
    if words:
        said = f"{said} It says: {_LONG_NUMBER.sub('…', words)}"
    number = _number(error)
    if number is not None:
        said = f"{said} (error {number})"
    return (kind or meaning.error)(
        said, code=meaning.cause, advice=meaning.advice, scope=meaning.scope
    )


def _certainty(error: Mapping[str, Any]) -> Certainty | None:
    told = error.get("certainty")
    return Certainty(told) if told in ("not_done", "unknown") else None


def _number(error: Mapping[str, Any]) -> int | None:
    number = error.get("number")
    is_usable = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10_000  # noqa: PLR2004
    return number if is_usable else None
