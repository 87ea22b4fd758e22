"""Files on their way from the client to the bucket (typebot-api.md 1.6)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from bridge.sim.typebot.files import allowed_types, ending_for, fits_mime
from bridge.sim.typebot.flows import Block
from bridge.sim.typebot.refusals import Refused
from bridge.sim.typebot.sessions import Session, cuid2

Json: TypeAlias = dict[str, Any]

LIFETIME = timedelta(minutes=10)
_MEGABYTE = 1024 * 1024
_NO_S3 = (
    "S3 not properly configured. Missing one of those variables:"
    " S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY"
)


@dataclass(slots=True, kw_only=True)
class Slot:
    """Where one file is awaited."""

    key: str
    until: datetime
    most: int | None


@dataclass(slots=True, kw_only=True)
class Stored:
    data: bytes
    content_type: str


class Uploads:
    """The bucket and the ways into it.

    `s3` off: the installation has none, as many have not. `style`: "put" since 3.18, before it
    "post" with the form of the bucket.
    """

    def __init__(self) -> None:
        self.s3 = True
        self.style: Literal["put", "post"] = "put"
        #: Megabytes, for inputs that do not say.
        self.limit: int | None = None
        self.slots: dict[str, Slot] = {}
        self.files: dict[str, Stored] = {}

    def slot(
        self, session: Session | None, block: Block | None, body: Json, *, base: str, now: datetime
    ) -> Json:
        """Give a way in. Raises `Refused`."""
        if not self.s3:
            raise Refused(500, _NO_S3)
        if session is None:
            raise Refused(400, "Can't find session")
        if block is None or not _takes_files(block):
            raise Refused(400, "Current block does not expect file upload")
        most = self._check(block, body)
        mime = body.get("fileType")
        name = f"{cuid2()}.{ending_for(mime, body['fileName'])}"
        key = (
            f"public/workspaces/w/typebots/{session.bot.id}/results/{session.result_id}"
            f"/blocks/{block.id}/{name}"
        )
        token = f"{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(16)}"
        size = None if most is None else most * _MEGABYTE
        self.slots[token] = Slot(key=key, until=now + LIFETIME, most=size)
        posted = self.style == "post"
        answer: Json = {
            "presignedUrl": f"{base}/s3/typebot" if posted else f"{base}/api/uploads/{token}",
            "formData": {"key": key, "Policy": token} if posted else {},
            "fileUrl": f"{base}/s3/typebot/{key}",
        }
        if mime is not None:
            answer["fileType"] = mime
        if most is not None:
            answer["maxFileSize"] = most
        return answer

    def _check(self, block: Block, body: Json) -> int | None:
        mime, size = body.get("fileType"), body.get("fileSize")
        allowed = allowed_types(block.options)
        if mime is not None and allowed and not fits_mime(mime, allowed):
            raise Refused(400, f"File type {mime} not allowed")
        most: int | None = block.options.get("sizeLimit", self.limit)
        if size is not None and most is not None and size > most * _MEGABYTE:
            raise Refused(400, f"File size exceeds the {most}MB limit")
        return most

    def store(self, token: str, data: bytes, content_type: str, *, now: datetime) -> int:
        """Take the bytes; gives the status of the answer. Within its time a way in stays open."""
        slot = self.slots.get(token)
        if slot is None or now > slot.until:
            return 403
        if slot.most is not None and len(data) > slot.most:
            return 413
        self.files[slot.key] = Stored(data=data, content_type=content_type)
        return 204


def _takes_files(block: Block) -> bool:
    if block.type == "file input":
        return True
    switches = (block.options.get(key) or {} for key in ("attachments", "audioClip"))
    return block.type == "text input" and any(switch.get("isEnabled") for switch in switches)
