"""What the engine says, kept before the engine goes on (docs/whatsapp-web.md).

The engine tells its events in one thread, one after the other, and takes nothing else from
WhatsApp for long while that thread is held up. So an event is on disk when `Intake.event`
returns, and a disk that takes nothing holds the engine back instead of losing messages.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from bridge.whatsapp.web.codec import LONGEST
from bridge.whatsapp.web.worker.history import forget_old
from bridge.whatsapp.web.worker.journal import Journal
from bridge.whatsapp.web.worker.library import Library
from bridge.whatsapp.web.worker.log import log
from bridge.whatsapp.web.worker.texts import mend
from bridge.whatsapp.web.worker.translate import KINDS, Data, Translator

#: What says how the connection is, rather than what somebody wrote.
CONTROL: Final = frozenset(
    {
        "PairStatus",
        "Connected",
        "KeepAliveTimeout",
        "LoggedOut",
        "StreamReplaced",
        "TemporaryBan",
        "ConnectFailure",
        "ClientOutdated",
        "StreamError",
        "Disconnected",
    }
)
_VOLATILE: Final = frozenset({"ChatPresence"})
#: A longer event goes without what is in it; a frame has to hold it.
_LONGEST: Final = LONGEST - 64 * 1024
_DISK_WAIT: Final = 0.5


class Tells(Protocol):
    """Where events go on. Called in the engine's threads."""

    def code(self, code: str) -> None: ...
    def control(self, kind: str, event: Any) -> None:
        """`event` is None when it could not be read."""

    def volatile(self, event: str, data: Data) -> None: ...
    def kept(self) -> None:
        """There is more in the journal."""

    def ended(self, why: str) -> None: ...
    def refused(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    library: Library
    journal: Journal
    translator: Callable[[], Translator]
    tells: Tells
    #: Our keys of messages whose sends were never answered, by id.
    keys: dict[str, str]
    #: Where history goes.
    history: Path
    #: How many events came, for whoever waits until no more do.
    came: Counter[str] = field(default_factory=Counter)

    @property
    def heard(self) -> int:
        return self.came.total()

    def code(self, code: str) -> None:
        self.tells.code(code)

    def ended(self, why: str) -> None:
        self.tells.ended(why)

    def refused(self, number: int) -> None:
        self.tells.refused(number)

    def event(self, kind: int, data: bytes) -> None:
        """Nothing may be raised here: the engine would lose the event without a word."""
        name = KINDS.get(kind)
        if name is None:
            return
        self.came[name] += 1
        try:
            self._take(name, data)
        except Exception as error:  # noqa: BLE001 - whatever it is, the event must not be lost
            log(f"warning Worker: a {name} could not be read: {type(error).__name__}")
            if name in CONTROL:
                self.tells.control(name, None)
            elif name not in _VOLATILE:
                self._keep("unknown", _raw(name, data))

    def _take(self, name: str, data: bytes) -> None:
        event = getattr(self.library.types, name).FromString(data)
        if name in CONTROL:
            self.tells.control(name, event)
            return
        if name == "HistorySync":
            self._keep("history", self._history(event.Data))
            return
        mend(event)
        translator = self.translator()
        if (passing := translator.volatile(name, event)) is not None:
            self.tells.volatile(*passing)
            return
        kept = translator.kept(name, event)
        if kept is None:
            return
        what, told = kept
        if what == "receipt":
            told["keys"] = {id_: self.keys[id_] for id_ in told["ids"] if id_ in self.keys}
        if len(json.dumps(told)) > _LONGEST:
            what, told = "unknown", _raw(name, data)
        self._keep(what, told)

    def _keep(self, event: str, data: Data) -> None:
        said = False
        while True:
            try:
                self.journal.append(event, data)
                break
            except sqlite3.Error as error:
                if not said:
                    log(f"error Worker: an event cannot be written, waiting: {error}")
                said = True
                time.sleep(_DISK_WAIT)
        self.tells.kept()

    def _history(self, said: Any) -> Data:
        self.history.mkdir(mode=0o700, exist_ok=True)
        path = self.history / f"{time.time_ns()}-{threading.get_ident()}.json.gz"
        draft = path.with_suffix(".part")
        told = {
            "kind": _name(said, "syncType"),
            "conversations": len(said.conversations),
            "messages": sum(len(one.messages) for one in said.conversations),
        }
        with gzip.open(draft, "wt", 6, encoding="ascii") as file:
            self._write(said, file)
        draft.rename(path)
        forget_old(self.history)
        return {"path": str(path), **told, "bytes": path.stat().st_size}

    def _write(self, said: Any, file: TextIO) -> None:
        """As JSON, one conversation after the other: all of them may be very many."""
        as_json = self.library.json.MessageToDict
        chats = map(json.dumps, map(as_json, said.conversations))
        file.write('{"conversations":[' + next(chats, ""))
        file.writelines(f",{chat}" for chat in chats)
        said.ClearField("conversations")
        rest = json.dumps(as_json(said))
        file.write("]}" if rest == "{}" else f"],{rest[1:]}")


def _name(message: Any, field: str) -> str | None:
    """Of an enum's value."""
    values = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    value = values.get(getattr(message, field))
    return None if value is None else str(value.name)


def _raw(kind: str, data: bytes) -> Data:
    """An event as the engine gave it (protobuf), as far as a frame can hold it."""
    fits = len(data) * 4 // 3 < _LONGEST
    raw = base64.b64encode(data).decode() if fits else None
    return {"kind": kind, "raw": raw, "bytes": len(data)}
