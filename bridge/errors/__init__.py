"""Every failure that Ponte names, as one tree.

::

    BridgeError
    ├── PeerError               something went wrong at another program
    │   ├── PeerDown            it cannot be reached; nothing was done
    │   ├── PeerBusy            it asks us to slow down; nothing was done
    │   ├── PeerTimeout         it did not answer in time; it may have acted
    │   ├── PeerBroke           it failed (5xx) or was cut off; it may have acted
    │   ├── PeerRefused         it refuses this one request, now and always
    │   ├── PeerGone            what the request names does not exist there (404)
    │   └── PeerLocked          it refuses us: a person has to act (token, rights, suspension)
    ├── RequestError            a caller of our API asked for something wrong
    │   ├── Invalid             400
    │   ├── Unauthorized        401
    │   ├── Forbidden           403
    │   ├── NotFound            404
    │   ├── Conflict            409
    │   ├── TooLarge            413
    │   ├── WrongType           415
    │   ├── TooMany             429
    │   ├── PeerFailed          502
    │   └── Unavailable         503
    ├── ForbiddenAddress        a URL leads where we must not go (SSRF guard)
    ├── TooBig                  a file is larger than its limit
    └── SetupError              the service cannot start: settings, keys, database

An adapter converts foreign errors in exactly one place (its ``faults`` module). Above the
adapters, code decides by ``remedy``, ``certainty`` and ``scope`` alone, never by text.
"""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar


class Remedy(StrEnum):
    """What helps against a failure."""

    RETRY = "retry"
    NOTHING = "nothing"
    PERSON = "person"


class Certainty(StrEnum):
    """What is known about the effect of a failed call."""

    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """Who else meets the same failure."""

    ONE = "one"
    ACCOUNT = "account"
    SERVER = "server"


class BridgeError(Exception):
    """A failure that we can name: what, why, and what to do.

    ``str(error)`` is safe to show to users: it never holds secrets or message text.
    """

    code: ClassVar[str] = "internal"
    remedy: ClassVar[Remedy] = Remedy.NOTHING
    #: May be set on an instance, by a caller who knows that repeating the call does no harm.
    certainty: Certainty = Certainty.NOT_DONE
    default_scope: ClassVar[Scope] = Scope.ONE

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        advice: str | None = None,
        scope: Scope | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: The stable machine code of this very failure, such as ``chatwoot.invalid_token``.
        self.cause = code or self.code
        #: What the reader can do about it, a sentence.
        self.advice = advice
        self.scope = scope or self.default_scope
        #: Seconds that the peer asked us to wait.
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message} {self.advice}" if self.advice else self.message


class PeerError(BridgeError):
    """Something went wrong at another program."""

    code = "peer"


class PeerDown(PeerError):
    """The peer cannot be reached; nothing was done."""

    code = "peer.down"
    remedy = Remedy.RETRY
    default_scope = Scope.SERVER


class PeerBusy(PeerError):
    """The peer asks us to slow down; nothing was done."""

    code = "peer.busy"
    remedy = Remedy.RETRY
    default_scope = Scope.ACCOUNT


class PeerTimeout(PeerError):
    """The peer did not answer in time; it may have acted."""

    code = "peer.timeout"
    remedy = Remedy.RETRY
    certainty: Certainty = Certainty.UNKNOWN
    default_scope = Scope.SERVER


class PeerBroke(PeerError):
    """The peer failed or was cut off in the middle; it may have acted."""

    code = "peer.broke"
    remedy = Remedy.RETRY
    certainty: Certainty = Certainty.UNKNOWN
    default_scope = Scope.SERVER


class PeerRefused(PeerError):
    """The peer refuses this one request, now and always."""

    code = "peer.refused"


class PeerGone(PeerError):
    """What the request names does not exist at the peer."""

    code = "peer.gone"


class PeerLocked(PeerError):
    """The peer refuses us altogether; a person has to act."""

    code = "peer.locked"
    remedy = Remedy.PERSON
    default_scope = Scope.ACCOUNT


class RequestError(BridgeError):
    """A caller of our API asked for something wrong."""

    code = "request"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST

    def __init__(
        self, *messages: str, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__("; ".join(messages), code=code, retry_after=retry_after)
        self.messages = messages


class Invalid(RequestError):
    code = "request.invalid"


class Unauthorized(RequestError):
    code = "request.unauthorized"
    status = HTTPStatus.UNAUTHORIZED


class Forbidden(RequestError):
    code = "request.forbidden"
    status = HTTPStatus.FORBIDDEN


class NotFound(RequestError):
    code = "request.not_found"
    status = HTTPStatus.NOT_FOUND


class Conflict(RequestError):
    code = "request.conflict"
    status = HTTPStatus.CONFLICT


class TooLarge(RequestError):
    code = "request.too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class WrongType(RequestError):
    """The body is not announced as JSON, where a dialect insists on it."""

    code = "request.not_json"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class TooMany(RequestError):
    code = "request.too_many"
    status = HTTPStatus.TOO_MANY_REQUESTS


class PeerFailed(RequestError):
    """What was asked for needs another program, which did not do its part."""

    code = "request.peer_failed"
    status = HTTPStatus.BAD_GATEWAY


class Unavailable(RequestError):
    code = "request.unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE


class ForbiddenAddress(BridgeError):
    """A URL leads where we must not go; ``advice`` names the setting that would allow it."""

    code = "net.forbidden_address"


class TooBig(BridgeError):
    """A file is larger than its limit."""

    code = "net.too_big"


class SetupError(BridgeError):
    """The service cannot start as it is configured; the text says what to do."""

    code = "setup"
