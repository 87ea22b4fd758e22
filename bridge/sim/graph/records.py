"""What the stand-in keeps, and what a customer can write."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypedDict

from bridge.sim.graph.payloads import Payload, Person

#: Give this as `bsuid` to have one invented (the default).
DERIVED = "derived"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message that was accepted. `at` is `time.monotonic()` once its body had been read."""

    at: float
    wamid: str
    phone_number_id: str
    to: str
    person: Person
    group: str | None
    type: str
    body: Payload
    callback_data: str | None
    media_id: str | None

    @property
    def text(self) -> str | None:
        """The text, also that of a menu, or the caption of a file."""
        content = self.body.get(self.type)
        if not isinstance(content, dict):
            return None
        if self.type == "interactive":
            return str(content["body"]["text"])
        return content.get("body") if self.type == "text" else content.get("caption")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMedia:
    id: str
    mime: str
    data: bytes
    filename: str | None
    phone_number_id: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a customer sends; `extra` goes into the message (`voice`, `animated` ...)."""

    kind: str
    data: bytes
    mime: str
    filename: str | None = None
    extra: Payload | None = None


class Writing(TypedDict, total=False):
    """What a customer may write; exactly one of text, image, file and message."""

    image: bytes
    file: File
    #: The raw message, as in `messages[]`: `type` and its body; other keys are kept.
    message: Payload
    caption: str | None
    #: The profile name; None for a profile without one.
    name: str | None
    #: The business-scoped id; None for none.
    bsuid: str | None
    reply_to: str | None
    phone_number_id: str
