"""Ponte's requests, but for those that open, pair and end (`number`) and that send (`sending`)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from bridge.whatsapp.web.worker import memory
from bridge.whatsapp.web.worker.engine import Engine
from bridge.whatsapp.web.worker.failures import BadRequest, Failure
from bridge.whatsapp.web.worker.jids import LIDS, PHONES, is_lid, read, written
from bridge.whatsapp.web.worker.sending import parsed

Args: TypeAlias = Mapping[str, Any]
Op: TypeAlias = Callable[[Args], Awaitable[dict[str, Any]]]

#: The parts of a message that have a file, in the order in which the engine looks for one.
_FILES: Final = (
    "imageMessage",
    "videoMessage",
    "audioMessage",
    "documentMessage",
    "stickerMessage",
)
_DIGITS: Final = re.compile(r"\d{5,20}", re.ASCII)
_MOST_NUMBERS: Final = 200
_MOST_IDS: Final = 500
_STATES: Final = frozenset({"composing", "recording", "paused"})


class Operations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._calls = engine.calls
        #: Their files are in memory whole, and calls need threads as well.
        self._downloads = asyncio.Semaphore(memory.FILES)
        self.ops: Mapping[str, Op] = {
            "download": self.download,
            "mark_read": self.mark_read,
            "typing": self.typing,
            "presence": self.presence,
            "check": self.check,
            "resolve": self.resolve,
            "profile": self.profile,
            "group": self.group,
            "reject_call": self.reject_call,
        }

    async def download(self, args: Args) -> dict[str, Any]:
        library = self._engine.library
        message = parsed(library.json, args.get("message"), library.e2e.Message())
        part = next((getattr(message, name) for name in _FILES if message.HasField(name)), None)
        path, limit = args.get("path"), _natural(args, "limit")
        if part is None or not isinstance(path, str):
            raise BadRequest("download needs a message with a file, and a path")
        if part.fileLength > limit:
            raise _too_big(limit)
        async with self._downloads:
            memory.make_room(limit)
            try:
                data = await self._engine.call(lambda: self._calls.download(message))
            except MemoryError as error:  # the engine has taken it, whatever its sender said
                raise _too_big(limit) from error
        if len(data) > limit:
            raise _too_big(limit)
        try:
            await asyncio.to_thread(_write, Path(path), data)
        except OSError as error:
            raise Failure("failed", f"the file cannot be written: {error.strerror}") from error
        digest = hashlib.sha256(data).hexdigest()
        return {"size": len(data), "mime": part.mimetype or None, "sha256": digest}

    async def mark_read(self, args: Args) -> dict[str, Any]:
        ids, at_ms = args.get("ids"), _natural(args, "at_ms")
        if not isinstance(ids, list) or not 0 < len(ids) <= _MOST_IDS:
            raise BadRequest("mark_read needs up to 500 ids")
        if not all(isinstance(id_, str) and id_ and not id_.isspace() for id_ in ids):
            raise BadRequest("an id is a text")
        chat = self._jid(args, "chat")
        # In a chat with one person that person is the sender, and is not named again.
        group = chat.Server == "g.us"
        sender = self._jid(args, "sender") if group else self._engine.library.types.JID(**_NOBODY)
        await self._engine.call(lambda: self._calls.mark_read(ids, chat, sender, at_ms=at_ms))
        return {}

    async def typing(self, args: Args) -> dict[str, Any]:
        chat, state = self._jid(args, "chat"), args.get("state")
        if state not in _STATES:
            raise BadRequest("typing needs a state")
        await self._engine.call(
            lambda: self._calls.typing(
                chat, paused=state == "paused", recording=state == "recording"
            )
        )
        return {}

    async def presence(self, args: Args) -> dict[str, Any]:
        available = args.get("available") is True
        await self._engine.call(lambda: self._calls.presence(available=available))
        return {}

    async def check(self, args: Args) -> dict[str, Any]:
        numbers = args.get("numbers")
        if not isinstance(numbers, list) or not 0 < len(numbers) <= _MOST_NUMBERS:
            raise BadRequest("check needs up to 200 numbers")
        if not all(isinstance(one, str) and _DIGITS.fullmatch(one) for one in numbers):
            raise BadRequest("a number is its digits")
        asked = [f"+{number}" for number in numbers]
        found = await self._engine.call(lambda: self._calls.check(asked))
        return {"found": [await self._found(one) for one in found]}

    async def _found(self, answer: Any) -> dict[str, Any]:
        jid = written(answer.JID) if answer.IsIn else None
        known = await self._other(answer.JID) if answer.IsIn else None
        return {
            "query": answer.Query.lstrip("+"),
            "jid": jid,
            "exists": answer.IsIn,
            "lid": jid if jid and is_lid(jid) else known,
        }

    async def resolve(self, args: Args) -> dict[str, Any]:
        jid = self._jid(args, "jid")
        own, other = written(jid), await self._other(jid)
        return {"lid": own, "pn": other} if jid.Server == LIDS else {"lid": other, "pn": own}

    async def _other(self, jid: Any) -> str | None:
        """The LID of a phone and the phone of a LID, as far as the engine knows."""
        calls = {LIDS: self._calls.phone, PHONES: self._calls.lid}
        ask = calls.get(jid.Server)
        if ask is None:
            return None
        return written(await self._engine.ask_store(lambda: ask(jid))) or None

    async def profile(self, args: Args) -> dict[str, Any]:
        jid = self._jid(args, "jid")
        picture = await self._engine.call(lambda: self._calls.picture(jid))
        return {
            "picture_url": picture.URL if picture is not None else None,
            "picture_id": picture.ID or None if picture is not None else None,
            "full_name": await self._name(jid),
        }

    async def _name(self, jid: Any) -> str | None:
        """From the phone's address book, which has some people by number and others by LID."""
        if jid.Server not in {LIDS, PHONES}:
            return None
        name = await self._engine.ask_store(lambda: self._calls.name(jid))
        if name:
            return name
        other = await self._other(jid)
        if other is None:
            return None
        known = read(other, self._engine.library.types)
        return await self._engine.ask_store(lambda: self._calls.name(known)) or None

    async def group(self, args: Args) -> dict[str, Any]:
        jid = self._jid(args, "jid")
        known = await self._engine.call(lambda: self._calls.group(jid))
        return {
            "subject": known.GroupName.Name or None,
            "topic": known.GroupTopic.Topic or None,
            "participants": len(known.Participants),
            "members": [
                {
                    "jid": written(one.JID) or None,
                    "lid": written(one.LID) or None,
                    "pn": written(one.PhoneNumber) or None,
                }
                for one in known.Participants
            ],
            "owner": written(known.OwnerJID) or None,
            "owner_pn": written(known.OwnerPN) or None,
            "announce": known.GroupAnnounce.IsAnnounce,
        }

    async def reject_call(self, args: Args) -> dict[str, Any]:
        caller, id_ = self._jid(args, "from"), args.get("id")
        if not isinstance(id_, str) or not id_:
            raise BadRequest("reject_call needs an id")
        await self._engine.call(lambda: self._calls.reject_call(caller, id_))
        return {}

    def _jid(self, args: Args, name: str) -> Any:
        return read(args.get(name), self._engine.library.types)


_NOBODY: Final = {"User": "", "RawAgent": 0, "Device": 0, "Integrator": 0, "Server": ""}


def _natural(args: Args, name: str) -> int:
    value = args.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest(f"{name} is a number")
    return value


def _too_big(limit: int) -> Failure:
    return Failure("too_big", f"the file is longer than {limit / 2**20:.0f} MiB")


def _write(path: Path, data: bytes) -> None:
    """A new file that only we can read; none at all when that fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
