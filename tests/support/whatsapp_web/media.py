"""Files of messages: encrypted, kept by the double, and given out over HTTPS."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from support.whatsapp_web.cipher import authenticate, derive, lock, unlock

_MAC = 10
_INFO = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "video": b"WhatsApp Video Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
    "history": b"WhatsApp History Keys",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that can be downloaded; `fields` are those that every message with media has."""

    kind: str
    mime: str
    path: str
    origin: str
    key: bytes
    size: int
    plain_hash: bytes
    locked_hash: bytes

    def fields(self) -> dict[str, Any]:
        return {
            "URL": f"{self.origin}{self.path}?ccb=1",
            "directPath": f"{self.path}?ccb=1",
            "mediaKey": self.key,
            "fileLength": self.size,
            "fileSHA256": self.plain_hash,
            "fileEncSHA256": self.locked_hash,
            "mimetype": self.mime,
        }


@dataclass(frozen=True, slots=True)
class _Keys:
    start: bytes
    cipher: bytes
    mac: bytes

    @classmethod
    def of(cls, key: bytes, kind: str) -> _Keys:
        found = derive(key, 112, info=_INFO[kind])
        return cls(found[:16], found[16:48], found[48:80])

    def sign(self, locked: bytes) -> bytes:
        return authenticate(self.mac, self.start + locked)[:_MAC]


class Media:
    def __init__(self) -> None:
        self.host = "mmg.whatsapp.net"
        #: Where profile pictures are; the double itself when a test wants to fetch one.
        self.picture_origin = "https://pps.whatsapp.net"
        self.pictures: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}
        #: Paths that were asked for, in order.
        self.downloads: list[str] = []
        self.uploads = 0
        #: Statuses of the next uploads and downloads, before anything is taken or given.
        self.upload_statuses: list[int] = []
        self.download_statuses: list[int] = []
        #: The next downloads end in the middle.
        self.cuts = 0
        #: Uploads and downloads begin, and go on once this is set.
        self.gate: asyncio.Event | None = None
        #: So many of them have begun.
        self.begun = 0

    def put(self, data: bytes, *, kind: str, mime: str) -> File:
        """Keep a file as somebody's phone would have uploaded it."""
        key = os.urandom(32)
        keys = _Keys.of(key, kind)
        locked = lock(data, key=keys.cipher, start=keys.start)
        locked += keys.sign(locked)
        path = f"/v/t62.7118-24/{os.urandom(8).hex()}.enc"
        self.stored[path] = locked
        return File(
            kind=kind,
            mime=mime,
            path=path,
            origin=f"https://{self.host}",
            key=key,
            size=len(data),
            plain_hash=hashlib.sha256(data).digest(),
            locked_hash=hashlib.sha256(locked).digest(),
        )

    def remove(self, file: File) -> None:
        """From now on it is not found."""
        del self.stored[file.path]

    def damage(self, file: File) -> None:
        """From now on other bytes are given out."""
        self.stored[file.path] = os.urandom(len(self.stored[file.path]))

    def read(self, part: Any, kind: str) -> bytes:
        """What is in a file of the client: `part` is the image, audio, ... of its message.

        Raises `AssertionError` when anything is not as it says.
        """
        locked = self.stored[part.directPath.partition("?")[0]]
        assert hashlib.sha256(locked).digest() == part.fileEncSHA256, "another file is stored"
        keys = _Keys.of(part.mediaKey, kind)
        data, mac = locked[:-_MAC], locked[-_MAC:]
        assert hmac.compare_digest(keys.sign(data), mac), "wrong MAC"
        plain = unlock(data, key=keys.cipher, start=keys.start)
        assert hashlib.sha256(plain).digest() == part.fileSHA256, "another content"
        assert len(plain) == part.fileLength, "another size"
        return plain

    async def take(self, request: web.Request) -> web.Response:
        data = await request.read()
        await self._begins()
        if self.upload_statuses:
            return web.Response(status=self.upload_statuses.pop(0))
        self.uploads += 1
        path = f"/v/{os.urandom(8).hex()}.enc"
        self.stored[path] = data
        url = f"https://{self.host}{path}?ccb=1"
        return web.json_response({"url": url, "direct_path": f"{path}?ccb=1", "handle": "1"})

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.downloads.append(request.path)
        await self._begins()
        if self.download_statuses:
            return web.Response(status=self.download_statuses.pop(0))
        data = self.stored.get(request.path) or self.pictures.get(request.path)
        if data is None:
            return web.Response(status=404)
        if not self.cuts:
            return web.Response(body=data)
        self.cuts -= 1
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        await asyncio.sleep(0)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _begins(self) -> None:
        self.begun += 1
        if self.gate is not None:
            await self.gate.wait()
