"""How Chatwoot refuses (chatwoot-api.md 1.0): status and body of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.sim.chatwoot.texts import Locale, say


class Refused(Exception):
    """Chatwoot answers with this status. A `body` of None is an empty one."""

    def __init__(self, status: int, body: dict[str, Any] | None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One failed validation of one attribute."""

    attribute: str
    message: str

    def __str__(self) -> str:
        return f"{self.attribute.replace('_', ' ').capitalize()} {self.message}"


class InvalidRecord(Refused):
    """A model refused to be saved: 422 with the attributes."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.text = ", ".join(str(flaw) for flaw in flaws)
        attributes = list(dict.fromkeys(flaw.attribute for flaw in flaws))
        super().__init__(422, {"message": self.text, "attributes": attributes})


class SourceTaken(Refused):
    """The database refuses a second contact inbox of one source.

    Nothing catches that on most ways in, hence 500 (chatwoot-api.md 2.1).
    """

    def __init__(self) -> None:
        super().__init__(500, CRASH)


CRASH = {"status": 500, "error": "Internal Server Error"}


def not_found() -> Refused:
    return Refused(404, {"error": "Resource could not be found"})


def unauthorized(text: str = "You are not authorized to do this action") -> Refused:
    return Refused(401, {"error": text})


def unprocessable(text: str) -> Refused:
    return Refused(422, {"error": text})


def crashed() -> Refused:
    return Refused(500, CRASH)


def too_long(locale: Locale, attribute: str, count: int) -> Flaw:
    return Flaw(attribute=attribute, message=say(locale, "too_long", count=count))
