"""The library in a process of its own: calls and events as lines of JSON over a socket.

Run as a script with a file descriptor and the path of a database. A line in is
`{"id", "call", "args"}`: the name of a function and its arguments behind the client's name,
bytes as `{"b": base64}` (their length follows by itself). A line out is `{"id", "result"}` or
`{"event", "data"}`, the number of the event and its bytes.
"""

from __future__ import annotations

import base64
import ctypes
import importlib
import json
import os
import socket
import sys
import threading
import types
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

_NAME = b"client"
_QR, _FAILED = -1, -2
#: Numbers of all events that the library has.
_EVENTS = bytes(number for number in range(46) if number not in {0, 14, 15, 28, 29})


def _library() -> types.ModuleType:
    """The binding alone, without the rest of the package and what that imports."""
    found = PathFinder.find_spec("neonize")
    assert found is not None
    places = list(found.submodule_search_locations or ())
    package, download = types.ModuleType("neonize"), types.ModuleType("neonize.download")
    bare = types.ModuleType("neonize.utils")
    package.__path__ = places
    bare.__path__ = [f"{place}/utils" for place in places]
    download.__dict__.update(__GONEONIZE_VERSION__=_version(places[0]), download=lambda: None)
    sys.modules |= {"neonize": package, "neonize.download": download, "neonize.utils": bare}
    return importlib.import_module("neonize._binder")


def _version(place: str) -> str:
    text = (Path(place) / "download.py").read_text()
    return text.partition('__GONEONIZE_VERSION__ = "')[2].partition('"')[0]


class _Child:
    def __init__(self, line: socket.socket, database: str) -> None:
        self._line = line
        self._database = database
        self._said = threading.Lock()
        self._binder = _library()
        self._kept: tuple[Any, ...] = ()

    def run(self) -> None:
        with self._line.makefile("rb") as lines:
            for line in lines:
                threading.Thread(target=self._do, args=[json.loads(line)], daemon=True).start()

    def _say(self, **what: Any) -> None:
        with self._said:
            self._line.sendall(json.dumps(what).encode() + b"\n")

    def _event(self, number: int, data: bytes) -> None:
        self._say(event=number, data=base64.b64encode(data).decode())

    def _do(self, asked: dict[str, Any]) -> None:
        if asked["call"] == "connect":
            self._connect(base64.b64decode(asked["args"][0]["b"]))
            return
        args: list[Any] = [_NAME]
        for one in asked["args"]:
            if isinstance(one, dict):
                data = base64.b64decode(one["b"])
                args += [data, len(data)]
            else:
                args.append(one.encode() if isinstance(one, str) else one)
        try:
            found = getattr(self._binder.gocode, asked["call"])(*args)
        except ctypes.ArgumentError as error:
            self._say(id=asked["id"], failed=str(error))
            return
        if isinstance(found, bytes):
            found = base64.b64encode(found).decode()
        self._say(id=asked["id"], result=found)

    def _connect(self, properties: bytes) -> None:
        binder = self._binder

        def shown(_name: int, code: int) -> None:
            self._event(_QR, ctypes.string_at(code))

        def happened(_name: bytes, data: int, size: int, number: int) -> None:
            self._event(number, ctypes.string_at(data, size))

        wanted = bytearray(_EVENTS)
        subscribed = (ctypes.c_char * len(wanted)).from_buffer(wanted)
        self._kept = (
            binder.func_string(shown),
            binder.func_string(lambda *_: None),
            binder.func_callback_bytes(happened),
            binder.func_callback_bytes2(lambda *_: None),
            subscribed,
        )
        failed = binder.gocode.Neonize(
            self._database.encode(),
            _NAME,
            b"",
            0,
            0,
            os.environ.get("CLIENT_LOG", "ERROR").encode(),
            *self._kept,
            len(wanted),
            properties,
            len(properties),
            b"",
            0,
            None,
        )
        self._event(_FAILED, failed)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as line:
        _Child(line, sys.argv[2]).run()
    os._exit(0)
