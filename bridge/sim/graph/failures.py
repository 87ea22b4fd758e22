"""Meta's error codes and the shape of its error answers (whatsapp-channels.md A.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is fixed about a code. Our own words where Meta's could not be checked."""

    title: str
    details: str
    status: int = 400


CATALOGUE: dict[int, Known] = {
    0: Known(status=401, title="AuthException", details="The app user cannot be authenticated."),
    1: Known(status=500, title="An unknown error has occurred.", details="Try again later."),
    2: Known(
        status=503,
        title="Service temporarily unavailable",
        details="The service is down or overloaded.",
    ),
    4: Known(status=429, title="Application request limit reached", details="Too many calls."),
    10: Known(status=403, title="Permission denied", details="A permission is missing."),
    33: Known(title="Parameter value is not valid", details="The number has been deleted."),
    100: Known(title="Invalid parameter", details="A parameter is missing, unknown or wrong."),
    190: Known(status=401, title="Error validating access token", details="The token is invalid."),
    368: Known(
        status=403,
        title="Temporarily blocked for policies violations",
        details="The account is restricted for violating a policy.",
    ),
    2200: Known(title="Callback verification failed", details="The callback did not verify."),
    80007: Known(status=429, title="Rate limit issues", details="The account's limit is reached."),
    130429: Known(
        status=429,
        title="Rate limit hit",
        details="Too many messages were sent from this phone number in a short time.",
    ),
    130472: Known(
        title="User's number is part of an experiment", details="The message was not sent."
    ),
    131000: Known(status=500, title="Something went wrong", details="An unknown error occurred."),
    131005: Known(status=403, title="Access denied", details="A permission is missing."),
    131008: Known(title="Required parameter is missing", details="A parameter is missing."),
    131009: Known(title="Parameter value is not valid", details="A value is not valid."),
    131016: Known(status=500, title="Service unavailable", details="Temporarily unavailable."),
    131021: Known(
        title="Recipient cannot be sender", details="Sender and recipient are the same number."
    ),
    131026: Known(title="Message undeliverable", details="The message cannot be delivered."),
    131030: Known(
        title="Recipient phone number not in allowed list",
        details="Add the recipient to the list of the test number.",
    ),
    131031: Known(status=403, title="Account has been locked", details="The account is disabled."),
    131042: Known(title="Business eligibility payment issue", details="Payment is not set up."),
    131047: Known(
        title="Re-engagement message",
        details="More than 24 hours have passed since the customer last wrote to this number.",
    ),
    131048: Known(title="Spam rate limit hit", details="Too many messages were marked as spam."),
    131049: Known(
        title="This message was not delivered to maintain healthy ecosystem engagement.",
        details="The limit of marketing messages to this person is reached.",
    ),
    131051: Known(title="Unsupported message type", details="The type is not supported."),
    131052: Known(title="Media download error", details="The customer's file is not available."),
    131053: Known(title="Media upload error", details="Unsupported media type in downloaded file."),
    131056: Known(
        title="(Business Account, Consumer Account) pair rate limit hit",
        details="Too many messages were sent from this number to the same number in a short time.",
    ),
    132000: Known(
        title="Number of parameters does not match the expected number of params",
        details="The number of values is another one than the template's.",
    ),
    132012: Known(
        title="Parameter format does not match format in the created template",
        details="A value is of another kind than the template's.",
    ),
    132015: Known(title="Template is paused", details="The template's quality is too low."),
    132016: Known(title="Template is disabled", details="The template was paused too often."),
    132018: Known(title="There is an issue with the parameters", details="A value is not valid."),
    132001: Known(
        status=404,
        title="Template name does not exist in the translation",
        details="There is no such template in this language.",
    ),
    133010: Known(title="Phone number not registered", details="The number is not registered."),
}
_UNKNOWN = Known(title="Unexpected error", details="An error of the stand-in's catalogue's edge.")
#: Codes of the Graph API itself: no number in the text, no `error_data`.
_PLAIN = frozenset({0, 1, 2, 190})
_TRANSIENT = frozenset({2, 4})


class GraphError(Exception):
    """An answer of failure, in Meta's shape."""

    def __init__(
        self,
        code: int,
        *,
        details: str | None = None,
        message: str | None = None,
        status: int | None = None,
        subcode: int | None = None,
        transient: bool | None = None,
        kind: str = "OAuthException",
        retry_after: int | None = None,
    ) -> None:
        known = CATALOGUE.get(code, _UNKNOWN)
        super().__init__(known.title)
        self.code = code
        self.status = status or known.status
        self.retry_after = retry_after
        text = message or known.title
        self._error: dict[str, Any] = {
            "message": text if code in _PLAIN else f"(#{code}) {text}",
            "type": kind,
            "code": code,
        }
        if subcode is not None:
            self._error["error_subcode"] = subcode
        if code not in _PLAIN and message is None:
            self._error["error_data"] = {
                "messaging_product": "whatsapp",
                "details": details or known.details,
            }
        if transient is not None or code in _TRANSIENT:
            self._error["is_transient"] = transient is not False

    def body(self, trace: str) -> dict[str, Any]:
        return {"error": {**self._error, "fbtrace_id": trace}}


def no_such_object(id_: str, method: str) -> GraphError:
    """Refuse an id that we do not know, as the Graph API does (code 100, subcode 33)."""
    return GraphError(
        100,
        subcode=33,
        kind="GraphMethodException",
        message=f"Unsupported {method.lower()} request. Object with ID '{id_[:64]}' does not exist,"
        " cannot be loaded due to missing permissions, or does not support this operation.",
    )


def status_error(code: int) -> dict[str, Any]:
    """Give the error object of a `failed` status."""
    known = CATALOGUE.get(code, _UNKNOWN)
    return {
        "code": code,
        "title": known.title,
        "message": known.title,
        "error_data": {"details": known.details},
        "href": HELP,
    }
