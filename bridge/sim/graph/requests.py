"""What may be sent: the checks that Meta makes before it accepts a message (A.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from bridge.sim.graph.failures import GraphError
from bridge.sim.graph.interactive import check_contacts, check_interactive, check_location

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CALLBACK_LIMIT = 512
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"[0-9]{5,20}")
_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_OTHER = frozenset({"text", "template", "location", "contacts", "reaction", "interactive"})

#: What WhatsApp can show of each kind; anything else is accepted and fails later with 131053.
SHOWN: dict[str, frozenset[str]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    "sticker": frozenset({"image/webp"}),
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
UPLOADS = frozenset().union(*SHOWN.values()) | {
    "application/msword",
    "application/pdf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "audio/opus",
    "text/plain",
    *(_OFFICE + k for k in ("wordprocessingml.document", "presentationml.presentation")),
    _OFFICE + "spreadsheetml.sheet",
}
_SIZES = {"image": 5 * 2**20, "video": 16 * 2**20, "audio": 16 * 2**20}
UPLOAD_LIMIT = 100 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A send that passed the checks. `to` is as dialled, or a BSUID, or a group id."""

    to: str
    by_bsuid: bool
    group: bool
    type: str
    callback_data: str | None
    media_id: str | None


def check_send(
    body: Any,
    *,
    media: Container[str],
    own_number: str,
    template: Callable[[dict[str, Any]], None],
) -> Send:
    """Check the body of a send as Meta would. Raises `GraphError`; `media` are the known ids.

    `template` checks a template, since it knows those that there are.
    """
    if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
        raise GraphError(100, message="The parameter messaging_product is required.")
    to, by_bsuid, group = _recipient(body)
    if to == own_number:
        raise GraphError(131021)
    callback = body.get("biz_opaque_callback_data")
    if callback is not None and (not isinstance(callback, str) or len(callback) > CALLBACK_LIMIT):
        raise GraphError(
            100, details=f"biz_opaque_callback_data is a string of at most {CALLBACK_LIMIT}."
        )
    context = body.get("context")
    if context is not None and not (
        isinstance(context, dict) and isinstance(context.get("message_id"), str)
    ):
        raise GraphError(100, details="Param context['message_id'] must be a string.")
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in _MEDIA | _OTHER:
        known = ", ".join(sorted(_MEDIA | _OTHER)).upper()
        raise GraphError(100, message=f"Param type must be one of {{{known}}}.")
    if group and kind == "interactive":
        raise GraphError(100, details="Groups take no interactive messages.")
    media_id = _check_content(kind, body.get(kind), media, template)
    return Send(
        to=to,
        by_bsuid=by_bsuid,
        group=group,
        type=kind,
        callback_data=callback,
        media_id=media_id,
    )


def check_read(body: dict[str, Any]) -> str:
    """Check a read mark; gives the id of the message."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, message="The parameter messaging_product is required.")
    message_id = body.get("message_id")
    if body.get("status") != "read" or not isinstance(message_id, str):
        raise GraphError(100)
    if not message_id.startswith("wamid."):
        raise GraphError(131009, details="Param message_id is not a valid message id.")
    return message_id


def check_upload(mime: str, size: int) -> None:
    """Check type and size of a file. Raises `GraphError`."""
    bare = mime.partition(";")[0].strip().lower()
    if bare not in UPLOADS:
        kinds = ", ".join(sorted(UPLOADS))
        raise GraphError(
            100, message=f"Param file must be a file with one of the following types: {kinds}."
        )
    limit = _SIZES.get(bare.partition("/")[0], UPLOAD_LIMIT)
    if not 0 < size <= limit:
        raise GraphError(100, details=f"A file of this type has 1 to {limit} bytes.")


def _recipient(body: dict[str, Any]) -> tuple[str, bool, bool]:
    """Give the recipient, whether it is a BSUID, and whether it is a group; `to` wins (A.4)."""
    to = body.get("to")
    if to is None and "recipient" in body:
        bsuid = body["recipient"]
        if not isinstance(bsuid, str) or not _BSUID.fullmatch(bsuid):
            raise GraphError(131009, details="Param recipient is not a valid user id.")
        return bsuid, True, False
    if not isinstance(to, str) or not to:
        raise GraphError(100, message="The parameter to is required.")
    if body.get("recipient_type") == "group":
        return to, False, True
    digits = re.sub(r"[\s()+.-]", "", to)
    if not _PHONE.fullmatch(digits):
        raise GraphError(131009, details="Param to is not a valid phone number.")
    return digits, False, False


def _check_content(
    kind: str,
    content: Any,
    media: Container[str],
    template: Callable[[dict[str, Any]], None],
) -> str | None:
    if not content or not isinstance(content, list if kind == "contacts" else dict):
        raise GraphError(131008, details=f"Parameter '{kind}' is mandatory for type '{kind}'")
    if isinstance(content, list):
        check_contacts(content)
        return None
    if kind in _MEDIA:
        return _check_media(kind, content, media)
    match kind:
        case "text":
            _check_text(content)
        case "interactive":
            check_interactive(content)
        case "location":
            check_location(content)
        case "template":
            template(content)
        case _:
            pass
    return None


def _check_text(content: dict[str, Any]) -> None:
    text = content.get("body")
    if not isinstance(text, str) or not text:
        raise GraphError(131008, details="Parameter 'body' is mandatory for type 'text'")
    if len(text) > TEXT_LIMIT:
        raise GraphError(
            100, message=f"Param text['body'] must be at most {TEXT_LIMIT} characters long."
        )


def _check_media(kind: str, content: dict[str, Any], media: Container[str]) -> str | None:
    media_id, link = content.get("id"), content.get("link")
    if (media_id is None) == (link is None):
        raise GraphError(131008, details=f"Exactly one of {kind}['id'] and {kind}['link'] is due.")
    if "voice" in content and (kind != "audio" or not isinstance(content["voice"], bool)):
        raise GraphError(100, message=f'Unexpected key "voice" on param "{kind}".')
    caption = content.get("caption")
    if caption is not None:
        if kind in {"audio", "sticker"}:
            raise GraphError(100, message=f'Unexpected key "caption" on param "{kind}".')
        if not isinstance(caption, str) or len(caption) > CAPTION_LIMIT:
            raise GraphError(
                100,
                message=f"Param {kind}['caption'] must be at most {CAPTION_LIMIT} characters long.",
            )
    if link is not None:
        if not isinstance(link, str) or not link.startswith(("http://", "https://")):
            raise GraphError(100, message=f"Param {kind}['link'] is not a valid URI.")
        return None
    if not isinstance(media_id, str) or media_id not in media:
        raise GraphError(
            100,
            message=f"Param {kind}['id'] is not a valid whatsapp business account media"
            " attachment ID",
        )
    return media_id
