"""Sending once: a send is in the journal before it goes and its result before it is answered."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast, get_args
from weakref import WeakValueDictionary

from bridge.whatsapp.web.worker import memory
from bridge.whatsapp.web.worker.calls import MediaKind, now_ms
from bridge.whatsapp.web.worker.engine import STORE, Engine
from bridge.whatsapp.web.worker.failures import BadRequest, Failure
from bridge.whatsapp.web.worker.jids import is_lid, is_phone, read, written
from bridge.whatsapp.web.worker.journal import Journal, Send
from bridge.whatsapp.web.worker.log import log
from bridge.whatsapp.web.worker.secrets import look_up_apart
from bridge.whatsapp.web.worker.settling import boot, fate
from bridge.whatsapp.web.worker.translate import milliseconds

_LONGEST_KEY: Final = 200
_SECRET: Final = 32
_KINDS: Final = frozenset(get_args(MediaKind))


class Sending:
    """To one chat in the order in which it was asked for; one message after the other."""

    def __init__(self, engine: Engine, journal: Journal, keys: dict[str, str]) -> None:
        self._engine = engine
        self._journal = journal
        self._keys = keys
        #: A slow upload holds up its own chat alone; the engine sends one message at a time.
        self._chats: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._uploads = asyncio.Semaphore(memory.FILES)
        self._turn = asyncio.Lock()
        self._flying: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def send(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The same key asked again gets the same answer. Raises `Failure`."""
        key = key_of(args)
        if (flying := self._flying.get(key)) is None:
            flying = self._flying[key] = asyncio.ensure_future(self._send(key, args))
            flying.add_done_callback(lambda _: self._flying.pop(key, None))
        return await asyncio.shield(flying)

    async def _send(self, key: str, args: Mapping[str, Any]) -> dict[str, Any]:
        types, e2e = self._engine.library.types, self._engine.library.e2e
        to = read(args.get("to"), types)
        message = parsed(self._engine.library.json, args.get("message"), e2e.Message())
        attach = _attachment(args.get("attach"))
        async with self._chats.setdefault(written(to), asyncio.Lock()):
            known = await asyncio.to_thread(self._journal.sent, key)
            if known is not None and known.state != "not_sent":
                return _known(known)
            _check_time(args.get("until_ms"))
            self._engine.check_open()
            secret = os.urandom(_SECRET)
            message.messageContextInfo.messageSecret = secret
            await self._write(
                lambda: self._journal.begin(key, secret, now_ms=now_ms(), boot=boot())
            )
            try:
                if attach is not None:
                    await self._upload(message, *attach)
                async with self._turn:
                    _check_time(args.get("until_ms"))
                    sent = await self._engine.call(lambda: self._engine.calls.send(to, message))
            except Failure as failure:
                await self._failed(key, secret, failure)
                raise
            except Exception as error:
                unclear = Failure("failed", type(error).__name__, certainty="unknown")
                await self._failed(key, secret, unclear)
                raise unclear from error
            result = _result(sent, to)
            await asyncio.to_thread(
                self._journal.finish,
                key,
                "sent",
                message=result["id"],
                at_ms=result["at_ms"],
                result=result,
            )
            return result

    async def remembered(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """What became of a send, by its key: `not_sent` only when that is certain."""
        key, since = key_of(args), args.get("since_ms")
        if not isinstance(since, int):
            raise BadRequest("since_ms is a number")
        if key in self._flying:
            return {"fate": "unknown", "id": None, "at_ms": None}
        send = await asyncio.to_thread(self._journal.sent, key)
        if send is None:
            covered = await asyncio.to_thread(self._journal.covers, since)
            return {"fate": "not_sent" if covered else "unknown", "id": None, "at_ms": None}
        found: dict[bytes, str] | None = None
        if send.state in {"begun", "unknown"} and send.message is None:
            found = await self._in_store(send.secret)
        what, message = fate(send, found, boot())
        if what != send.state or message != send.message:
            await asyncio.to_thread(
                self._journal.finish, key, what, message=message, at_ms=send.at_ms
            )
            if what == "unknown" and message is not None:
                self._keys[message] = key
        return {"fate": what, "id": message, "at_ms": send.at_ms}

    async def _upload(self, message: Any, field: str, path: Path, kind: MediaKind) -> None:
        part = _part(message, field)
        async with self._uploads:
            try:
                memory.make_room((await asyncio.to_thread(path.stat)).st_size)
                data = await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                raise Failure("failed", f"the file cannot be read: {error.strerror}") from error
            up = await self._engine.call(lambda: self._engine.calls.upload(data, kind))
        part.URL, part.directPath, part.mediaKey = up.url, up.DirectPath, up.MediaKey
        part.fileEncSHA256, part.fileSHA256 = up.FileEncSHA256, up.FileSHA256
        part.fileLength = up.FileLength
        part.mediaKeyTimestamp = now_ms() // 1000

    async def _write(self, begin: Callable[[], Send | None]) -> None:
        try:
            await asyncio.to_thread(begin)
        except sqlite3.Error as error:
            raise Failure("broken", f"the journal cannot be written: {error}") from error

    async def _failed(self, key: str, secret: bytes, failure: Failure) -> None:
        """`failure` may become more certain: what has no secret in the store has not left."""
        if failure.certainty == "not_done":
            await asyncio.to_thread(self._journal.finish, key, "not_sent")
            return
        found = await self._in_store(secret)
        message = (found or {}).get(secret)
        if found is not None and message is None:
            failure.certainty = "not_done"
            await asyncio.to_thread(self._journal.finish, key, "not_sent")
            return
        if message is not None:
            self._keys[message] = key
        await asyncio.to_thread(
            self._journal.finish,
            key,
            "unknown",
            message=message,
            at_ms=now_ms(),
        )

    async def _in_store(self, secret: bytes) -> dict[bytes, str] | None:
        try:
            return await look_up_apart(STORE, [secret])
        except (OSError, ValueError) as error:  # a time-out is an OSError
            log(f"warning Worker: the engine's store was not read: {type(error).__name__}")
            return None


def _check_time(until_ms: Any) -> None:
    """Who asked has given up by then, so it must not be sent any more."""
    if isinstance(until_ms, int) and now_ms() > until_ms:
        raise Failure("timeout", "its time was over before it was its turn", passing=True)


def key_of(args: Mapping[str, Any]) -> str:
    key = args.get("key")
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY:
        raise BadRequest("a key is a text of at most 200 characters")
    return key


def parsed(json_format: Any, given: Any, into: Any) -> Any:
    if not isinstance(given, dict) or not given:
        raise BadRequest("a message is an object")
    try:
        return json_format.ParseDict(given, into)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise BadRequest("not a message of WhatsApp") from error


def _attachment(given: Any) -> tuple[str, Path, MediaKind] | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BadRequest("attach is an object")
    field, path, kind = given.get("field"), given.get("path"), given.get("kind")
    if not isinstance(field, str) or not isinstance(path, str) or kind not in _KINDS:
        raise BadRequest("attach needs field, path and kind")
    return field, Path(path), cast("MediaKind", kind)


def _part(message: Any, field: str) -> Any:
    """The part that a file belongs to; dots lead into messages inside."""
    part = message
    for name in field.split("."):
        known = part.DESCRIPTOR.fields_by_name.get(name)
        if known is None or known.message_type is None or known.is_repeated:
            raise BadRequest("attach.field is no part of a message")
        part = getattr(part, name)
    if "directPath" not in part.DESCRIPTOR.fields_by_name:
        raise BadRequest("attach.field takes no file")
    return part


def _known(send: Send) -> dict[str, Any]:
    if send.state == "sent" and send.result is not None:
        return send.result
    if send.state == "sent":
        return {"id": send.message, "at_ms": send.at_ms, "to": None, "lid": None, "pn": None}
    raise Failure("failed", "it was tried before and may have been sent", certainty="unknown")


def _result(sent: Any, to: Any) -> dict[str, Any]:
    asked = written(to)
    chat = (written(sent.Chat) if sent.HasField("Chat") else "") or asked
    both = (chat, asked)
    return {
        "id": sent.ID,
        "at_ms": milliseconds(sent.Timestamp),
        "to": chat,
        "lid": next(filter(is_lid, both), None),
        "pn": next(filter(is_phone, both), None),
    }
