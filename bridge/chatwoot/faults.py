"""Chatwoot's refusals as errors of ours: the only place where a status becomes a failure.

Texts follow the language of the account, so nothing here matches on them: status, headers and
the shape of the JSON decide (chatwoot-api.md 1.0). A JSON text of the server is quoted for
people, cut short and without our token; pages of HTML are never quoted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from bridge.chatwoot.fields import rows, table, text, words
from bridge.errors import (
    ForbiddenAddress,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    Scope,
)
from bridge.net.http import Answer, retry_after

_QUOTE = 200
_URL_ADVICE = "Check the Chatwoot URL in the settings: it must be the address of the dashboard."
_PROXY_ADVICE = "A proxy or firewall in front of Chatwoot answered; check it and the Chatwoot URL."


class ChatwootInvalid(PeerRefused):
    """Chatwoot does not accept what we sent (422).

    `attributes` names the fields of the model, such as ``phone_number``; it is empty where
    Chatwoot names none (message create, filters, a taken source_id of a conversation).
    """

    code = "chatwoot.invalid"

    def __init__(self, message: str, *, attributes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.attributes = attributes


class ChatwootTooOld(PeerRefused):
    """Chatwoot does not know the call, which says nothing of what the call names."""

    code = "chatwoot.no_route"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    answer: Answer
    #: The decoded body, None when it is no JSON object.
    shape: dict[str, Any] | None
    #: The server's own words in quotes, with a leading blank, or nothing.
    said: str
    server_error: Scope


def fault(answer: Answer, *, secret: str = "", server_error: Scope = Scope.SERVER) -> PeerError:
    """Turn an answer that is no success into the failure that it means.

    `secret` is left out of the quotation. `server_error` says who else meets a 500 of this
    call: some calls answer 500 to a clash that only they meet (2.1).
    """
    shape = _shape(answer.body)
    refusal = _Refusal(
        answer=answer, shape=shape, said=_quote(shape, secret), server_error=server_error
    )
    if answer.status in _BY_STATUS:
        return _BY_STATUS[answer.status](refusal)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _broken(refusal)
    if answer.status < HTTPStatus.BAD_REQUEST:
        return _redirected(refusal)
    return PeerRefused(
        f"Chatwoot refused the request ({answer.status}).{refusal.said}", code="chatwoot.refused"
    )


def unreadable(what: str) -> PeerBroke:
    """The error for a success whose body is not what Chatwoot answers; it may have acted."""
    return PeerBroke(
        f"The answer to “{what}” does not come from Chatwoot, or from a Chatwoot that we know.",
        code="chatwoot.unreadable",
        advice=_URL_ADVICE,
    )


def forbidden(error: ForbiddenAddress) -> PeerLocked:
    """Our own guard does not let us call the configured URL: a person has to change a setting."""
    return PeerLocked(
        f"The Chatwoot URL cannot be used: {error.message}",
        code=error.cause,
        advice=error.advice,
        scope=Scope.SERVER,
    )


def _locked(refusal: _Refusal) -> PeerError:
    return PeerLocked(
        f"Chatwoot does not let us in (401).{refusal.said}",
        code="chatwoot.unauthorized",
        advice="Give the access token of a user who is administrator of this account.",
    )


def _unpaid(refusal: _Refusal) -> PeerError:
    return PeerLocked(
        f"The Chatwoot plan does not allow this (402).{refusal.said}",
        code="chatwoot.plan",
        advice="Check the plan of the Chatwoot account.",
    )


def _forbidden(refusal: _Refusal) -> PeerError:
    """Chatwoot itself forbids single things; a page of HTML is a firewall that forbids all."""
    if refusal.shape is None:
        return PeerLocked(
            "Something in front of Chatwoot refuses us (403).",
            code="chatwoot.firewall",
            advice=_PROXY_ADVICE,
        )
    return PeerRefused(f"Chatwoot forbids this (403).{refusal.said}", code="chatwoot.forbidden")


def _gone(refusal: _Refusal) -> PeerError:
    """Tell a missing record from a proxy that lost its Chatwoot (restart, wrong host).

    A record is missing when Chatwoot says so in JSON or with an empty body (contact_inboxes
    filter). A page from Rails (X-Runtime) is a route that this version has not. Any other page
    comes from something else, and must not make us forget contacts that exist.
    """
    answer = refusal.answer
    if refusal.shape is not None or not answer.body.strip():
        return PeerGone(f"Chatwoot does not have this (404).{refusal.said}", code="chatwoot.gone")
    if answer.headers.get("X-Runtime"):
        return ChatwootTooOld(
            "This Chatwoot does not know the call (404).",
            advice="It may be too old; update Chatwoot.",
        )
    return PeerDown(
        "Something other than Chatwoot answered (404).",
        code="chatwoot.not_chatwoot",
        advice=_PROXY_ADVICE,
    )


def _too_large(_: _Refusal) -> PeerError:
    return PeerRefused(
        "The file is too large for Chatwoot or the proxy in front of it (413).",
        code="chatwoot.too_large",
        advice="Raise the body limit of the proxy (nginx: client_max_body_size).",
    )


def _invalid(refusal: _Refusal) -> PeerError:
    named = tuple(name[:_QUOTE] for name in words(table(refusal.shape).get("attributes")))
    return ChatwootInvalid(f"Chatwoot does not accept this (422).{refusal.said}", attributes=named)


def _busy(refusal: _Refusal) -> PeerError:
    return PeerBusy(
        "Chatwoot asks us to slow down (429).",
        code="chatwoot.busy",
        advice="Raise RACK_ATTACK_LIMIT or add our address to RACK_ATTACK_ALLOWED_IPS.",
        scope=Scope.SERVER,
        retry_after=retry_after(refusal.answer.headers),
    )


def _broken(refusal: _Refusal) -> PeerError:
    status = refusal.answer.status
    own = status == HTTPStatus.INTERNAL_SERVER_ERROR and refusal.shape is not None
    return PeerBroke(
        f"Chatwoot failed ({status}).",
        code="chatwoot.broke",
        scope=refusal.server_error if own else Scope.SERVER,
        retry_after=retry_after(refusal.answer.headers),
    )


def _redirected(refusal: _Refusal) -> PeerError:
    return PeerLocked(
        f"Chatwoot sends us elsewhere ({refusal.answer.status}).",
        code="chatwoot.redirect",
        advice=f"{_URL_ADVICE} Often http:// has to be https://.",
        scope=Scope.SERVER,
    )


_BY_STATUS: dict[int, Callable[[_Refusal], PeerError]] = {
    401: _locked,
    402: _unpaid,
    403: _forbidden,
    404: _gone,
    408: _broken,
    413: _too_large,
    422: _invalid,
    429: _busy,
}


def _shape(body: bytes) -> dict[str, Any] | None:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None


def _quote(shape: dict[str, Any] | None, secret: str) -> str:
    """Quote the server on one short line: no control or direction marks, no token of ours."""
    found = shape or {}
    several = " ".join(words(rows(found.get("errors"))))
    said = text(found.get("error")) or text(found.get("message")) or several
    if secret:
        said = said.replace(secret, "***")
    said = " ".join("".join(mark if mark.isprintable() else " " for mark in said).split())
    return f" It says: “{said[:_QUOTE]}”." if said else ""
