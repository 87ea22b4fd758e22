"""Typebot's refusals as errors of ours: the only place where a status becomes a failure.

Status, shape and the few English sentences of the server decide (typebot-api.md 1.7), in the
form of oRPC and in that before 3.15. A JSON text of the server is quoted for people, cut short
and without the session's id; pages of HTML are never quoted.

Certainty: a call that may have run is never repeated, since it may answer the next question
(1.8). So only what surely did not reach the flow is *not done*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import orjson

from bridge.core.lines import one_line
from bridge.errors import (
    ForbiddenAddress,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
    Scope,
)
from bridge.net.http import Answer, retry_after
from bridge.typebot.fields import rows, table, text

_QUOTE = 200
_LONGEST_NOTICE = 4096
_URL_ADVICE = "The URL must be the address of Typebot's viewer, not of its builder."
_PROXY_ADVICE = "A proxy or firewall in front of Typebot answered; check it and the bot's URL."

_NO_FLOW = "Typebot not found"
#: What the viewer answers for a path that it does not have: as it is, before 3.15 as JSON.
_NO_PATH = "Not found"
NO_SESSION = ("Session not found", "Session expired", "Can't find session", "Missing startParams")
_MALFORMED = ("Malformed request", "Failed to parse request body")
_NO_COMMAND = "Command event not found"
_NOT_JSON = "Provided response is not valid JSON"
_NO_ORIGIN = "Origin not allowed"


class Call(Enum):
    """What was asked for, since the same status means different things."""

    START = auto()
    PROCEED = auto()
    OTHER = auto()


class SessionGone(PeerGone):
    """The session has ended, expired or was cleared away; a new one has to be started."""

    code = "typebot.session_gone"


class FlowUnknown(PeerGone):
    """There is no published flow of this name."""

    code = "typebot.flow_unknown"


class FlowClosed(PeerRefused):
    """The flow is closed. `notice` is its own text for the people who write to it, or empty."""

    code = "typebot.closed"

    def __init__(self, message: str, *, notice: str, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.notice = notice


class ViewerUnknown(PeerRefused):
    """The server has no such path: it is too old, or not a viewer."""

    code = "typebot.not_viewer"


class WrongRequest(PeerRefused):
    """Typebot does not understand what we sent."""

    code = "typebot.refused"


class CommandUnknown(PeerRefused):
    """The flow has no event of this command; the session stands as it stood."""

    code = "typebot.command_unknown"


class NotJson(PeerRefused):
    """The flow wanted the result of a request as JSON; it still waits for it."""

    code = "typebot.not_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success, taken apart."""

    answer: Answer
    call: Call
    #: Whether the body is an error in one of Typebot's two forms.
    own: bool
    #: Whether there is no such path.
    nowhere: bool
    issues: bool
    #: The server's words as they are.
    words: str
    #: The same in quotes, with a leading blank, or nothing.
    said: str


def fault(answer: Answer, *, call: Call, secret: str = "") -> PeerError:
    """Turn an answer that is no success into the failure that it means.

    `secret`, the id of the session, is left out of the quotation.
    """
    refusal = read_refusal(answer, call=call, secret=secret)
    status = answer.status
    if status in _BY_STATUS:
        return _BY_STATUS[status](refusal)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _broken(refusal)
    if status < HTTPStatus.BAD_REQUEST:
        return _redirected(refusal)
    said = f"Typebot refused the request ({status}).{refusal.said}"
    return WrongRequest(said, advice=_foreign_advice(refusal))


def unreadable() -> PeerBroke:
    """The error for a success whose body is not what Typebot answers; the flow may have run."""
    return PeerBroke(
        "The answer does not come from Typebot, or from a Typebot that we know.",
        code="typebot.unreadable",
        advice=_URL_ADVICE,
    )


def forbidden(error: ForbiddenAddress) -> PeerLocked:
    """Our own guard does not let us call the bot's URL: a person has to change a setting."""
    return PeerLocked(
        f"The bot's URL cannot be used: {error.message}",
        code=error.cause,
        advice=error.advice,
        scope=Scope.SERVER,
    )


def read_refusal(answer: Answer, *, call: Call, secret: str) -> Refusal:
    shape = _shape(answer.body)
    found = table(shape)
    words = (text(found.get("message")) or "")[:_LONGEST_NOTICE]
    if secret:
        words = words.replace(secret, "***")
    shown = one_line(words)[:_QUOTE]
    issues = rows(table(found.get("data")).get("issues")) or rows(found.get("issues"))
    return Refusal(
        answer=answer,
        call=call,
        own=bool(text(found.get("code")) and words),
        nowhere=answer.status == HTTPStatus.NOT_FOUND
        and _NO_PATH in (words, answer.body[:100].decode(errors="replace").strip()),
        issues=bool(issues),
        words=words,
        said=f" It says: “{shown}”." if shown else "",
    )


def _shape(body: bytes) -> dict[str, Any] | None:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _session_gone() -> SessionGone:
    return SessionGone("The session of the flow has ended.")


def _bad(refusal: Refusal) -> PeerError:
    """A 400: a closed flow looks like any other, but for the issues that it lacks."""
    words = refusal.words
    if words.startswith(NO_SESSION):
        return _session_gone()
    if words.startswith(_NO_COMMAND):
        advice = "Add a Command event to the flow."
        return CommandUnknown("The flow has no such command.", advice=advice)
    if words.startswith(_NOT_JSON):
        return NotJson("The flow wants the answer to its HTTP request as JSON.")
    ours = refusal.issues or words.startswith(_MALFORMED) or not refusal.own
    if refusal.call is Call.START and not ours:
        return _closed(refusal)
    said = f"Typebot does not understand the request (400).{refusal.said}"
    return WrongRequest(said, advice=_foreign_advice(refusal))


def _foreign_advice(refusal: Refusal) -> str | None:
    """What to look at when somebody else answered, a site of pages say (405)."""
    return None if refusal.own else f"{_PROXY_ADVICE} {_URL_ADVICE}"


def _closed(refusal: Refusal) -> FlowClosed:
    return FlowClosed(
        "The flow is closed.", notice=refusal.words, advice="Open it again in Typebot's builder."
    )


def _locked(refusal: Refusal) -> PeerError:
    said = f"Typebot does not let us in (401).{refusal.said}"
    return _shut(said, code="typebot.unauthorized", advice=_PROXY_ADVICE)


def _forbidden(refusal: Refusal) -> PeerError:
    if not refusal.own:
        said = "Something in front of Typebot refuses us (403)."
        return _shut(said, code="typebot.firewall", advice=_PROXY_ADVICE)
    if refusal.words.startswith(_NO_ORIGIN):
        return PeerRefused(
            "The flow may not be called from this origin (403).",
            code="typebot.origin",
            advice="Ponte names no origin: a proxy in between adds one. Mend it, or allow that "
            "origin in the security settings of the flow.",
        )
    return _closed(refusal)


def _gone(refusal: Refusal) -> PeerError:
    """Tell a flow or session that is missing from a path that is, and from a proxy's 404."""
    if refusal.nowhere:
        return ViewerUnknown(
            "The server has no chat API at this address.",
            advice=f"{_URL_ADVICE} Or Typebot is older than 2.19.1, of November 2023: update it.",
        )
    if refusal.words.startswith(_NO_FLOW):
        return FlowUnknown(
            "Typebot has no published flow of this name.",
            advice="Publish it; the name is the last part of the address under which it is shared.",
        )
    if refusal.own:
        if refusal.call is Call.START and not refusal.words.startswith(NO_SESSION):
            return FlowUnknown(f"Typebot does not have this flow.{refusal.said}")
        return _session_gone()
    return PeerDown(
        "Something other than Typebot answered (404).",
        code="typebot.not_typebot",
        advice=f"{_PROXY_ADVICE} {_URL_ADVICE}",
    )


def _timed_out(refusal: Refusal) -> PeerError:
    return PeerTimeout(
        f"The flow ran too long (408).{refusal.said}", code="typebot.timeout", scope=Scope.ONE
    )


def _too_large(_: Refusal) -> PeerError:
    return WrongRequest(
        "The message is too large for Typebot or the proxy in front of it (413).",
        advice="Raise the body limit of the proxy.",
    )


def _busy(refusal: Refusal) -> PeerError:
    return PeerBusy(
        "Typebot asks us to slow down (429).",
        code="typebot.busy",
        scope=Scope.SERVER,
        retry_after=retry_after(refusal.answer.headers),
    )


def _unavailable(refusal: Refusal) -> PeerError:
    return PeerDown(
        "Typebot is not there at the moment (503).",
        code="typebot.unavailable",
        retry_after=retry_after(refusal.answer.headers),
    )


def _broken(refusal: Refusal) -> PeerError:
    """The flow may have run. An error of Typebot's own is often that of one flow alone."""
    return PeerBroke(
        f"Typebot failed ({refusal.answer.status}).",
        code="typebot.broke",
        scope=Scope.ACCOUNT if refusal.own else Scope.SERVER,
        retry_after=retry_after(refusal.answer.headers),
    )


def _redirected(refusal: Refusal) -> PeerError:
    said = f"Typebot sends us elsewhere ({refusal.answer.status})."
    advice = f"{_URL_ADVICE} Often http:// has to be https://."
    return _shut(said, code="typebot.redirect", advice=advice)


def _shut(said: str, *, code: str, advice: str) -> PeerLocked:
    return PeerLocked(said, code=code, advice=advice, scope=Scope.SERVER)


_BY_STATUS: Final = {
    400: _bad,
    401: _locked,
    403: _forbidden,
    404: _gone,
    408: _timed_out,
    413: _too_large,
    429: _busy,
    503: _unavailable,
}
