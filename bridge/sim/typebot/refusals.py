"""The errors of the chat API, in the shape that Typebot has had since 3.15 (typebot-api.md 1.7)."""

from __future__ import annotations

from typing import Any

CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
}


class Refused(Exception):
    """An answer of failure. `defined` is false where the program did not mean to fail."""

    def __init__(
        self, status: int, message: str, *, data: Any = None, defined: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.data = data
        self.defined = defined

    def body(self, *, before_3_15: bool = False) -> dict[str, Any]:
        code = CODES.get(self.status, "INTERNAL_SERVER_ERROR")
        if before_3_15:
            issues = {"issues": self.data["issues"]} if self.has_issues else {}
            return {"message": self.message, "code": code, **issues}
        body = {
            "defined": self.defined,
            "code": code,
            "status": self.status,
            "message": self.message,
        }
        return body if self.data is None else {**body, "data": self.data}

    @property
    def has_issues(self) -> bool:
        return isinstance(self.data, dict) and "issues" in self.data


def no_typebot() -> Refused:
    return Refused(404, "Typebot not found")


def no_session() -> Refused:
    return Refused(404, "Session not found.")


def unauthenticated() -> Refused:
    return Refused(401, "You must be authenticated to access this resource")


def invalid(issues: list[dict[str, Any]]) -> Refused:
    return Refused(400, "Input validation failed", data={"issues": issues})


def malformed() -> Refused:
    return Refused(
        400,
        "Malformed request. Ensure the request body is properly formatted"
        " and the 'Content-Type' header is set correctly.",
        defined=False,
    )


def crashed() -> Refused:
    return Refused(500, "Internal server error", defined=False)
