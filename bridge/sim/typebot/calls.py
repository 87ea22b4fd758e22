"""The calls that were received, as tests look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, kw_only=True)
class Call:
    """One request. `body` is its JSON, or None; `status` is None until it is answered."""

    route: str
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    status: int | None = None

    @property
    def text(self) -> str | None:
        """The text of the message, whichever way it was sent; None when there is none."""
        message = self.body.get("message") if isinstance(self.body, dict) else None
        if isinstance(message, dict):
            message = message.get("text")
        return message if isinstance(message, str) else None
