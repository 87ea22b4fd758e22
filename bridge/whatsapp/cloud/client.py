"""One number on the WhatsApp Cloud API, as a `Channel` (whatsapp-channels.md A.8, A.12)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from bridge.core.connection import LinkState
from bridge.core.content import Media
from bridge.core.message import Received
from bridge.core.outgoing import Outgoing, OutgoingMedia
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerRefused, Scope
from bridge.net.http import Http
from bridge.whatsapp.channel import (
    Accepted,
    ApprovedTemplate,
    Capabilities,
    Fetched,
    Link,
    Quote,
)
from bridge.whatsapp.cloud.capabilities import CAPABILITIES
from bridge.whatsapp.cloud.faults import success
from bridge.whatsapp.cloud.files import CloudFiles
from bridge.whatsapp.cloud.outgoing import check_media, content_of, media_body
from bridge.whatsapp.cloud.templates import approved_templates
from bridge.whatsapp.shapes import rows, table, word

__all__ = ("CloudChannel",)

PEER = "WhatsApp"
_LINK_FIELDS = "display_phone_number,verified_name,quality_rating,status,throughput,platform_type"
#: `status` of a number; one that can still answer customers is open.
_LINK_STATES = MappingProxyType(
    {
        "CONNECTED": LinkState.OPEN,
        "FLAGGED": LinkState.OPEN,
        "RATE_LIMITED": LinkState.OPEN,
        "RESTRICTED": LinkState.OPEN,
        "PENDING": LinkState.CONNECTING,
        "MIGRATED": LinkState.CLOSED,
        "UNVERIFIED": LinkState.CLOSED,
        "DISCONNECTED": LinkState.CLOSED,
        "BANNED": LinkState.CLOSED,
        "DELETED": LinkState.CLOSED,
    }
)


class CloudChannel:
    """One phone number id with its access token. Holds no state and may be shared by tasks.

    `business_id` is the WhatsApp business account that has the number; only `templates` needs it.
    `media_host` is the host of media URLs where it is neither Meta's nor that of `base_url`
    (a gateway, a test server).
    """

    def __init__(
        self,
        *,
        http: Http,
        base_url: str,
        version: str,
        phone_number_id: str,
        access_token: str,
        business_id: str | None = None,
        media_host: str | None = None,
        timeout: float = 20.0,
        upload_timeout: float = 120.0,
        download_timeout: float = 120.0,
    ) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{quote(version, safe='')}".rstrip("/")
        self._number = f"{self._root}/{quote(phone_number_id, safe='')}"
        self._business_id = (business_id or "").strip()
        self._auth = {"Authorization": f"Bearer {access_token.strip()}"}
        self._timeout = timeout
        self._files = CloudFiles(
            http=http,
            root=self._root,
            phone_number_id=phone_number_id,
            auth=self._auth,
            media_host=media_host,
            timeout=timeout,
            upload_timeout=upload_timeout,
            download_timeout=download_timeout,
        )

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def link(self) -> Link:
        """Ask Meta how the number is. A refused token raises `PeerLocked`, as for any call."""
        answer = await self._http.request(
            "GET",
            self._number,
            headers=self._auth,
            params={"fields": _LINK_FIELDS},
            timeout=self._timeout,
            peer=PEER,
        )
        told = success(answer)
        status = (word(told.get("status"), 64) or "").upper()
        return Link(
            # Facades such as Unoapi tell no status: then an answer is a good sign.
            state=_LINK_STATES.get(status, LinkState.OPEN),
            reason=None if status in {"", "CONNECTED"} else status.lower(),
            display_number=word(told.get("display_phone_number"), 64),
            profile_name=word(told.get("verified_name")),
        )

    async def send(
        self, to: Party, content: Outgoing, *, key: str, reply_to: Quote | None = None
    ) -> Accepted:
        """Send once; `key` comes back in the statuses (`biz_opaque_callback_data`).

        A file is uploaded first. A failed upload sent nothing, so its errors are certain:
        `PeerDown` with the code ``whatsapp.upload`` where they would have been unknown.
        """
        address = _address(to)
        kind, body = await self._body(content)
        message = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **address,
            "type": kind,
            kind: body,
            "biz_opaque_callback_data": key,
        }
        if reply_to is not None:
            message["context"] = {"message_id": reply_to.id}
        return _accepted(await self._post(message))

    async def mark_read(self, message: Received) -> None:
        """Show the customer that their message, and all before it, was read."""
        await self._post(_read(message.id))

    async def show_typing_below(self, message_id: str) -> None:
        """For 25 seconds, or until our next message."""
        await self._post(_read(message_id) | {"typing_indicator": {"type": "text"}})

    async def templates(self) -> Sequence[ApprovedTemplate]:
        """The approved templates of the number's WhatsApp business account."""
        if not self._business_id:
            raise PeerRefused(
                "The WhatsApp business account of this number is not known.",
                code="whatsapp.business_id",
                advice="Create the instance with its businessId, the id of the WhatsApp business "
                "account.",
            )
        return await approved_templates(self._page_of_templates)

    async def _post(self, message: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._http.request(
            "POST",
            f"{self._number}/messages",
            headers=self._auth,
            json=message,
            timeout=self._timeout,
            peer=PEER,
        )
        return success(answer)

    async def _page_of_templates(self, query: Mapping[str, str]) -> dict[str, Any]:
        answer = await self._http.request(
            "GET",
            f"{self._root}/{quote(self._business_id, safe='')}/message_templates",
            headers=self._auth,
            params=query,
            timeout=self._timeout,
            peer=PEER,
        )
        return success(answer)

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Download a received file: by the webhook's URL while it lives, else by its id."""
        return await self._files.fetch(media, into, limit=limit)

    async def _body(self, content: Outgoing) -> tuple[str, Any]:
        if isinstance(content, OutgoingMedia):
            check_media(content)
            return content.media.value, media_body(content, await self._files.upload(content))
        return content_of(content)


def _address(to: Party) -> dict[str, str]:
    """`to` for a phone, `recipient` for a BSUID; with both Meta prefers the phone (A.4)."""
    digits = re.sub(r"\D", "", (to.wa_id or "").partition("@")[0])
    if digits:
        return {"to": digits}
    if to.bsuid:
        return {"recipient": to.bsuid}
    raise PeerRefused(
        "There is neither a phone number nor a WhatsApp user id to send to.",
        code="whatsapp.recipient",
    )


def _read(message_id: str) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}


def _accepted(told: dict[str, Any]) -> Accepted:
    ids = [word(table(message).get("id")) for message in rows(told.get("messages"))[:1]]
    if not ids or ids[0] is None:
        raise PeerBroke("WhatsApp took a message, but gave no id for it.", scope=Scope.ONE)
    contact = next((table(contact) for contact in rows(told.get("contacts"))), {})
    return Accepted(id=ids[0], wa_id=word(contact.get("wa_id")), bsuid=word(contact.get("user_id")))
