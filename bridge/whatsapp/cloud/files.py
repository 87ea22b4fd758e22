"""Files of the Cloud API: up to Meta before they are sent, and down from it (A.8, A.14)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import FormData
from yarl import URL

from bridge.core.content import Media
from bridge.core.outgoing import OutgoingMedia
from bridge.errors import (
    ForbiddenAddress,
    PeerBroke,
    PeerDown,
    PeerGone,
    PeerRefused,
    PeerTimeout,
    TooBig,
)
from bridge.net.http import Http
from bridge.whatsapp.channel import Fetched
from bridge.whatsapp.cloud.faults import is_expired_media, success
from bridge.whatsapp.shapes import whole, word

__all__ = ("CloudFiles",)

PEER = "WhatsApp"
#: Meta's own file hosts; the access token goes to no other unless it was configured.
MEDIA_HOSTS = (".fbsbx.com", ".facebook.com")

_MIME = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
#: A media id: digits at Meta, `{phone}/{id}` at Unoapi (A.14).
_HANDLE = re.compile(r"(?!\.)[\w.=~-]+(?:/(?!\.)[\w.=~-]+)?", re.ASCII)
#: An upload may take as long as its bytes need at this many bytes per second.
_SLOWEST_UPLOAD = 100_000


class CloudFiles:
    """The files of one number; `root` is the API's address with its version."""

    def __init__(
        self,
        *,
        http: Http,
        root: str,
        phone_number_id: str,
        auth: Mapping[str, str],
        media_host: str | None,
        timeout: float,
        upload_timeout: float,
        download_timeout: float,
    ) -> None:
        self._http = http
        self._root = root
        self._phone_number_id = phone_number_id
        self._number = f"{root}/{quote(phone_number_id, safe='')}"
        self._auth = auth
        self._timeout = timeout
        self._upload_timeout = upload_timeout
        self._download_timeout = download_timeout
        base = URL(root)
        self._plain = base.scheme == "http"
        self._own_hosts = frozenset(
            host.lower() for host in (base.host, media_host) if host is not None
        )

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Download a received file: by the webhook's URL while it lives, else by its id."""
        if media.url is not None and self._is_media_host(media.url):
            try:
                return await self._download(media.url, media, into, limit)
            except (PeerGone, PeerRefused, ForbiddenAddress):
                pass  # Five minutes are over (A.5); the id lives for days.
        return await self._download(await self._looked_up(media, limit), media, into, limit)

    async def upload(self, content: OutgoingMedia) -> str:
        """Give a file to Meta and return its id; a failure has certainly sent no message.

        Raises `PeerDown` with the code ``whatsapp.upload`` where the outcome of the upload itself
        is unknown.
        """
        try:
            return await self._upload(content)
        except (PeerBroke, PeerTimeout) as error:
            raise PeerDown(
                error.message,
                code="whatsapp.upload",
                advice=error.advice,
                scope=error.scope,
                retry_after=error.retry_after,
            ) from error

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
                timeout=self._upload_timeout + os.fstat(file.fileno()).st_size / _SLOWEST_UPLOAD,
                peer=PEER,
            )
        handle = word(success(answer).get("id"))
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
        told = success(answer)
        if (whole(told.get("file_size")) or 0) > limit:
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
