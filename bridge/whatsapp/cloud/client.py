"""One number on the WhatsApp Cloud API, as a `Channel` (whatsapp-channels.md A.8, A.12)."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from aiohttp import FormData
from yarl import URL

from bridge.core.connection import LinkState
from bridge.core.content import Media, MediaKind
from bridge.core.message import Received
from bridge.core.outgoing import Outgoing, OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.errors import (
    ForbiddenAddress,
    PeerBroke,
    PeerDown,
    PeerGone,
    PeerRefused,
    PeerTimeout,
    Scope,
    TooBig,
)
from bridge.net.http import Answer, Http
from bridge.whatsapp.channel import Accepted, Capabilities, Fetched, Link, Quote
from bridge.whatsapp.cloud.capabilities import CAPABILITIES, CAPTIONED
from bridge.whatsapp.cloud.faults import decoded, from_answer, is_expired_media
from bridge.whatsapp.shapes import rows, table, word

__all__ = ("CloudChannel",)

PEER = "WhatsApp"
#: Meta's own file hosts; the access token goes to no other unless it was configured.
MEDIA_HOSTS = (".fbsbx.com", ".facebook.com")

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
_LINKED = re.compile(r"https?://\S", re.IGNORECASE)
_MIME = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
#: A media id: digits at Meta, `{phone}/{id}` at Unoapi (A.14).
_HANDLE = re.compile(r"(?!\.)[\w.=~-]+(?:/(?!\.)[\w.=~-]+)?", re.ASCII)


class CloudChannel:
    """One phone number id with its access token. Holds no state and may be shared by tasks.

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
        media_host: str | None = None,
        timeout: float = 20.0,
        upload_timeout: float = 120.0,
        download_timeout: float = 120.0,
    ) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{quote(version, safe='')}".rstrip("/")
        self._phone_number_id = phone_number_id
        self._number = f"{self._root}/{quote(phone_number_id, safe='')}"
        self._auth = {"Authorization": f"Bearer {access_token.strip()}"}
        self._timeout = timeout
        self._upload_timeout = upload_timeout
        self._download_timeout = download_timeout
        base = URL(base_url)
        self._plain = base.scheme == "http"
        self._own_hosts = frozenset(
            host.lower() for host in (base.host, media_host) if host is not None
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
        told = _success(answer)
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
        answer = await self._http.request(
            "POST",
            f"{self._number}/messages",
            headers=self._auth,
            json=message,
            timeout=self._timeout,
            peer=PEER,
        )
        return _accepted(_success(answer))

    async def mark_read(self, message: Received) -> None:
        """Show the customer that their message, and all before it, was read."""
        answer = await self._http.request(
            "POST",
            f"{self._number}/messages",
            headers=self._auth,
            json={"messaging_product": "whatsapp", "status": "read", "message_id": message.id},
            timeout=self._timeout,
            peer=PEER,
        )
        _success(answer)

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Download a received file: by the webhook's URL while it lives, else by its id."""
        if media.url is not None and self._is_media_host(media.url):
            try:
                return await self._download(media.url, media, into, limit)
            except (PeerGone, PeerRefused, ForbiddenAddress):
                pass  # Five minutes are over (A.5); the id lives for days.
        return await self._download(await self._looked_up(media, limit), media, into, limit)

    async def _body(self, content: Outgoing) -> tuple[str, dict[str, Any]]:
        match content:
            case OutgoingText(body=text):
                linked = _LINKED.search(text) is not None
                return "text", {"body": text, "preview_url": linked}
            case OutgoingMedia():
                return content.media.value, await self._uploaded(content)
            case _:
                raise PeerRefused(
                    f"A message of this kind ({content.kind}) cannot be sent.", code="whatsapp.kind"
                )

    async def _uploaded(self, content: OutgoingMedia) -> dict[str, Any]:
        if content.caption and content.media not in CAPTIONED:
            raise PeerRefused(
                f"WhatsApp shows no caption with this kind of file ({content.media.value}).",
                code="whatsapp.media",
                advice="Send the text as a message of its own.",
            )
        try:
            handle = await self._upload(content)
        except (PeerBroke, PeerTimeout) as error:
            raise PeerDown(
                error.message,
                code="whatsapp.upload",
                advice=error.advice,
                scope=error.scope,
                retry_after=error.retry_after,
            ) from error
        body = {"id": handle}
        if content.caption:
            body["caption"] = content.caption
        if content.media is MediaKind.DOCUMENT:
            body["filename"] = content.filename
        return body

    async def _upload(self, content: OutgoingMedia) -> str:
        path = Path(content.path)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except OSError as error:
            raise PeerRefused(
                "The file to send is not in the spool any more.", code="spool.missing"
            ) from error
        bare = content.mime.partition(";")[0].strip().lower()
        mime = bare if _MIME.fullmatch(bare) else "application/octet-stream"
        with file:
            form = FormData()
            form.add_field("messaging_product", "whatsapp")
            form.add_field("type", mime)
            # The name that people see travels with the message; this one is never shown.
            form.add_field("file", file, filename="file", content_type=mime)
            answer = await self._http.request(
                "POST",
                f"{self._number}/media",
                headers=self._auth,
                data=form,
                timeout=self._upload_timeout,
                peer=PEER,
            )
        handle = word(_success(answer).get("id"))
        if handle is None:
            raise PeerBroke("WhatsApp took a file, but gave no id for it.")
        return handle

    async def _looked_up(self, media: Media, limit: int) -> str:
        """The URL of a file; it lives for five minutes. `PeerGone` when the id has expired."""
        if not _HANDLE.fullmatch(media.handle):
            raise PeerRefused("The id of the file is not one of WhatsApp's.", code="whatsapp.media")
        answer = await self._http.request(
            "GET",
            f"{self._root}/{media.handle}",
            headers=self._auth,
            params={"phone_number_id": self._phone_number_id},
            timeout=self._timeout,
            peer=PEER,
        )
        if answer.status >= HTTPStatus.BAD_REQUEST and is_expired_media(answer):
            raise PeerGone("WhatsApp does not have the file any more.", code="whatsapp.media_gone")
        told = _success(answer)
        size = word(told.get("file_size"), 18)
        if size and size.isdecimal() and int(size) > limit:
            raise TooBig(f"A file of WhatsApp is larger than {limit} bytes.")
        url = word(told.get("url"), 8000)
        if url is None:
            raise PeerBroke("WhatsApp told no address for a file.")
        if not self._is_media_host(url):
            raise PeerRefused(
                "WhatsApp keeps a file at a host that is not known as its own.",
                code="whatsapp.media_host",
                advice="If you use a gateway, set cloud.media_host to its file host.",
            )
        return url

    async def _download(self, url: str, media: Media, into: Path, limit: int) -> Fetched:
        got = await self._http.download(
            url,
            into,
            headers=self._auth,
            limit=limit,
            timeout=self._download_timeout,
            peer=PEER,
        )
        told = got.mime if got.mime != "application/octet-stream" else media.mime
        return Fetched(path=got.path, size=got.size, mime=told, sha256=got.sha256)

    def _is_media_host(self, url: str) -> bool:
        """Whether the access token may travel there."""
        try:
            target = URL(url)
        except ValueError:
            return False
        host = (target.host or "").lower()
        if host in self._own_hosts:
            return target.scheme == "https" or self._plain
        return target.scheme == "https" and host.endswith(MEDIA_HOSTS)


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


def _success(answer: Answer) -> dict[str, Any]:
    told = decoded(answer.body)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES or told.get("error"):
        raise from_answer(answer)
    return told


def _accepted(told: dict[str, Any]) -> Accepted:
    ids = [word(table(message).get("id")) for message in rows(told.get("messages"))[:1]]
    if not ids or ids[0] is None:
        raise PeerBroke("WhatsApp took a message, but gave no id for it.", scope=Scope.ONE)
    contact = next((table(contact) for contact in rows(told.get("contacts"))), {})
    return Accepted(id=ids[0], wa_id=word(contact.get("wa_id")), bsuid=word(contact.get("user_id")))
