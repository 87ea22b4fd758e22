"""Why a connection, or the worker that held it, ended: in words, with what follows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.clock import utc
from bridge.core.connection import (
    BAD_SESSION,
    FORBIDDEN,
    LOGGED_OUT,
    TIMED_OUT,
    Closed,
    QrLimit,
    Signal,
)
from bridge.whatsapp.shapes import clip

#: Evolution's numbers (3.5) for what only WhatsApp Web knows.
OUTDATED: Final = 405
REPLACED: Final = 440
UNREACHABLE: Final = 503
_BANNED_FOR_GOOD: Final = 406
RESTART_REQUIRED: Final = 515

#: Seconds before a worker is started again, from the second failure on (the first one costs
#: nothing): full jitter below a bound that doubles, up to a limit.
FIRST_BOUND: Final = 1.0
LAST_BOUND: Final = 60.0
_DOUBLINGS: Final = 6
#: So many failures have the longest waits.
SLOW: Final = _DOUBLINGS + 2
#: So many workers in a row that crashed are no accident any more.
MANY: Final = 4
#: The year 3000: a later moment is no moment.
_FAR_MS: Final = 32_503_680_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What an end means. `signal` is what is told of it; None: nothing.

    `again`: another worker is started by itself. `slow`: with the longest waits from the first.
    """

    signal: Signal | None
    again: bool
    slow: bool = False


#: Somebody wants it to be broken and made anew.
RESTARTED: Final = Ending(signal=None, again=True)
NOT_SCANNED: Final = Ending(signal=QrLimit(), again=False)
LOGGED_OUT_BY_US: Final = Closed(code=LOGGED_OUT, reason="The session was ended, on the phone too.")
LOGGED_OUT_BY_PHONE: Final = Ending(
    signal=Closed(
        code=LOGGED_OUT,
        reason="The phone ended the session (it removed this device). GET /instance/connect of "
        "this instance shows a new QR code.",
    ),
    again=False,
)
STUCK_AFTER_PAIRING: Final = Ending(
    signal=Closed(
        code=RESTART_REQUIRED,
        reason="The phone was paired, but the connection did not open; it is made anew.",
        again=True,
    ),
    again=True,
)


def backoff(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance` is from 0 to 1."""
    if failures <= 1:
        return 0
    bound: float = FIRST_BOUND * 2 ** min(failures - 2, _DOUBLINGS)
    return chance * min(LAST_BOUND, bound)


def passing(reason: str, code: int = BAD_SESSION) -> Ending:
    """Trouble that may pass: another worker is started after a while."""
    return Ending(signal=Closed(code=code, reason=reason, again=True), again=True)


def final(reason: str, code: int = BAD_SESSION) -> Ending:
    """It takes a person to connect it again."""
    return Ending(signal=Closed(code=code, reason=reason), again=False)


CRASHED: Final = passing("The process that holds the connection ended; it is started again.")


def crashes(times: int) -> Ending:
    """One after the other: something that comes again and again, such as a message, ends them."""
    return passing(
        f"The process that holds the connection has ended {times} times in a row, each time soon "
        "after its start. It is started again, at most once a minute, and what the phone gets "
        "meanwhile waits with WhatsApp. The log says under worker.keeps_ending what it said last; "
        "a newer ponte[whatsapp-web] may help."
    )


def too_many_codes(most: int) -> Ending:
    return final(
        f"{most} other numbers show a code to scan at this moment (whatsapp_web.most_codes). "
        "Connect this one when some of them are done.",
        UNREACHABLE,
    )


def silent() -> Ending:
    return passing(
        "The process that holds the connection gave no sign of life; it is started again.",
        TIMED_OUT,
    )


def did_not_start() -> Ending:
    return passing(
        "WhatsApp showed no QR code and did not connect in time; it is tried again. Check the "
        "network, and the proxy of the instance.",
        TIMED_OUT,
    )


def did_not_return() -> Ending:
    return passing("The connection did not come back by itself; it is made anew.", TIMED_OUT)


def lost(data: Mapping[str, Any]) -> Closed:
    """The engine has lost the connection and makes it anew by itself."""
    if data.get("cause") == "stream_error":
        reason = "WhatsApp asked for a new connection."
    else:
        reason = "The connection to WhatsApp was lost; it is being made anew."
    return Closed(code=_code(data, TIMED_OUT), reason=reason, again=True)


_BROKEN: Final = (
    "The files of the session cannot be used. Check the rights and the free space of data_dir."
)
#: What SQLite says of files that may be usable again.
_MAY_PASS: Final = ("disk is full", "disk i/o", "is locked")


def of_open(error: Mapping[str, Any]) -> Ending:
    """The worker could not open the session (the error of its answer)."""
    match error.get("code"):
        case "no_engine":
            words = clip(error.get("message"), 300) or (
                "the WhatsApp Web engine cannot be used: pip install 'ponte[whatsapp-web]'"
            )
            return final(
                f"{words[:1].upper()}{words[1:]}. `ponte doctor` tells more; start Ponte again "
                "when that is mended."
            )
        case "locked":  # a former worker may be about to end
            return passing(
                "Another process uses the session of this number; it is tried again. Only one "
                "Ponte may run on a data_dir."
            )
        case "broken" if error.get("passing") is not True:
            return final(
                f"{_BROKEN} If they are damaged, remove session.db of this number (in "
                "data_dir/whatsapp-web) and scan a new QR code."
            )
        case "broken":
            return passing(f"{_BROKEN} It is tried again.")
        case _:
            return passing("The session could not be opened; it is tried again.")


def of_closed(data: Mapping[str, Any]) -> Ending:
    """What the end of a connection means that the engine does not make anew by itself."""
    cause = data.get("cause")
    told = _TOLD.get(cause) if isinstance(cause, str) else None
    return told(data) if told is not None else CRASHED


def _logged_out(data: Mapping[str, Any]) -> Ending:
    """WhatsApp's numbers: 401 the phone removed us, 403 the account is locked, 406 banned."""
    if data.get("code") not in (FORBIDDEN, _BANNED_FOR_GOOD):
        return LOGGED_OUT_BY_PHONE
    return final(
        "WhatsApp has locked or banned this number, and ended the session. Open WhatsApp on the "
        "phone: it says what is the matter, and whether a review can be asked for. When the number "
        "works there again, connect the instance anew, with a new QR code.",
        FORBIDDEN,
    )


def _replaced(_data: Mapping[str, Any]) -> Ending:
    return final(
        "Another program connected with the same session. Stop it, then connect this instance "
        "again.",
        REPLACED,
    )


def _banned(data: Mapping[str, Any]) -> Ending:
    """No new attempt by itself, not even when the ban is over: each one may lengthen the next."""
    told = data.get("expires_ms")
    until = told if type(told) is int and 0 < told < _FAR_MS else None
    end = "" if until is None else f" until {utc(until):%Y-%m-%d %H:%M} UTC"
    reason = (
        f"WhatsApp has banned the number{end}. Look at WhatsApp on the phone, and connect the "
        "instance again when the ban is over."
    )
    return Ending(signal=Closed(code=FORBIDDEN, reason=reason, until=until), again=False)


def _outdated(_data: Mapping[str, Any]) -> Ending:
    return final(
        "WhatsApp refuses this version of WhatsApp Web as outdated. Install a newer one: pip "
        "install -U 'ponte[whatsapp-web]'. Until there is one, set whatsapp_web.revision to the "
        "last part of the version that web.whatsapp.com uses.",
        OUTDATED,
    )


def _refused(data: Mapping[str, Any]) -> Ending:
    code = _code(data, UNREACHABLE)
    if code >= UNREACHABLE:
        reason = f"WhatsApp is not available at the moment (error {code}); it is tried again."
    else:
        reason = (
            f"WhatsApp refused the connection (error {code}); it is tried again. If that lasts, "
            "look at WhatsApp on the phone, and install a newer ponte[whatsapp-web]."
        )
    return Ending(signal=Closed(code=code, reason=reason, again=True), again=True, slow=True)


def _unreachable(data: Mapping[str, Any]) -> Ending:
    """The engine's words say what it was; they name addresses, so they are not quoted."""
    told = data.get("reason")
    words = told.lower() if isinstance(told, str) else ""
    if "database" in words:  # it did not come so far as the network
        return of_open({"code": "broken", "passing": any(sign in words for sign in _MAY_PASS)})
    why = next((why for signs, why in _OBSTACLES if any(sign in words for sign in signs)), _NETWORK)
    return passing(f"WhatsApp cannot be reached; it is tried again. {why}", UNREACHABLE)


_NETWORK: Final = "Check the network, and the proxy of the instance."
_PROXY_LOGIN: Final = (
    "The proxy refuses the user name or password: correct the proxy of the instance (POST "
    "/proxy/set)."
)
_PROXY: Final = (
    "The proxy does not answer, or does not let us through: check the proxy of the instance (POST "
    "/proxy/set), or that of the environment."
)
_CERTIFICATE: Final = (
    "The certificate of WhatsApp's server is not trusted: install the package ca-certificates, and "
    "see whether a proxy or firewall opens encrypted connections."
)
_NAMES: Final = (
    "The name of WhatsApp's server cannot be looked up: check the internet connection and the name "
    "service (DNS) of this machine."
)
#: What the engine's words mean, the first that fits.
_OBSTACLES: Final = (
    (("authentication", "no acceptable auth"), _PROXY_LOGIN),
    (("proxyconnect", "socks connect", "bad gateway", "forbidden", "malformed http"), _PROXY),
    (("x509", "certificate"), _CERTIFICATE),
    (("no such host", "server misbehaving", "temporary failure in name"), _NAMES),
)


def _stream_error(data: Mapping[str, Any]) -> Ending:
    code = _code(data, UNREACHABLE)
    return passing(f"WhatsApp ended the connection ({code}); it is made anew.", code)


def _disconnected(data: Mapping[str, Any]) -> Ending:
    return passing("The connection to WhatsApp was lost; it is made anew.", _code(data, TIMED_OUT))


def _not_scanned(_data: Mapping[str, Any]) -> Ending:
    return NOT_SCANNED


_TOLD: Final[Mapping[str, Callable[[Mapping[str, Any]], Ending]]] = {
    "logged_out": _logged_out,
    "replaced": _replaced,
    "banned": _banned,
    "outdated": _outdated,
    "refused": _refused,
    "stream_error": _stream_error,
    "qr_timeout": _not_scanned,
    "unreachable": _unreachable,
    "disconnected": _disconnected,
}


def _code(data: Mapping[str, Any], otherwise: int) -> int:
    code = data.get("code")
    return code if type(code) is int and 100 <= code < 1000 else otherwise  # noqa: PLR2004
