"""Meta's refusals as errors of ours: the only place where an answer becomes a failure.

The code decides, not the text; `error_data.details` is quoted for people (A.10).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import orjson

from bridge.core.message import UpstreamFault
from bridge.errors import BridgeError, PeerBroke, PeerDown, PeerError, Scope
from bridge.net.http import Answer, retry_after
from bridge.whatsapp.cloud.codes import (
    EXPIRED_MEDIA,
    Meaning,
    meaning_of,
    meaning_of_status,
)
from bridge.whatsapp.shapes import clip, table, word

__all__ = ("decoded", "from_answer", "from_status", "is_expired_media", "success")

#: Access tokens, and anything as long and as random as one.
_SECRET = re.compile(r"\bEA[A-Za-z0-9]{16,}|[A-Za-z0-9_\-]{48,}")


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON object in an answer, empty when there is none."""
    try:
        return table(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}


def from_answer(answer: Answer) -> PeerError:
    """What an answer that is no success means; also right for a 200 that carries an error."""
    error = table(decoded(answer.body).get("error"))
    code = _number(error.get("code"))
    transient = error.get("is_transient") is True
    meaning = meaning_of(code, transient=transient) or meaning_of_status(answer.status)
    details = clip(table(error.get("error_data")).get("details"))
    return _error(
        meaning,
        code=code,
        words=details or clip(error.get("message")),
        wait=retry_after(answer.headers),
    )


def success(answer: Answer) -> dict[str, Any]:
    """What an answer says. Raises the `PeerError` that it is otherwise."""
    told = decoded(answer.body)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES or told.get("error"):
        raise from_answer(answer)
    return told


def from_status(fault: UpstreamFault) -> BridgeError:
    """What the error of a `failed` status means.

    The message certainly did not arrive, so a failure of the service is `PeerDown` here (nothing
    was done, a retry may help), where in an answer it would be `PeerBroke`.
    """
    code = _number(fault.code)
    meaning = meaning_of(code) or meaning_of_status(None)
    error = _error(meaning, code=code, words=fault.detail or clip(fault.title), wait=None)
    if isinstance(error, PeerBroke):
        return PeerDown(error.message, code=error.cause, advice=error.advice, scope=Scope.ONE)
    return error


def is_expired_media(answer: Answer) -> bool:
    """Whether a media lookup says that the file is not there any more."""
    error = table(decoded(answer.body).get("error"))
    known = (_number(error.get("code")), _number(error.get("error_subcode")))
    return known == EXPIRED_MEDIA or (answer.status in {404, 410} and not error)


def _error(
    meaning: Meaning, *, code: int | None, words: str | None, wait: float | None
) -> PeerError:
    said = meaning.says
    if words and meaning.quoted:
        said = f"{said} Meta says: {_SECRET.sub('[…]', words)}"
    if code is not None:
        said = f"{said} (code {code})"
    return meaning.error(
        said, code=meaning.cause, advice=meaning.advice, scope=meaning.scope, retry_after=wait
    )


def _number(value: object) -> int | None:
    text = word(value, 12)
    return int(text) if text and text.isascii() and text.isdigit() else None
