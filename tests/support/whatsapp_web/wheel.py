"""The installed wheel of neonize: whether it is there, its classes, its words, and a copy of it.

The words that WhatsApp's binary XML abbreviates are read out of the library's image, so that
none of them stands here. The copy differs in 32 bytes: the key that certifies WhatsApp's servers
is one of which the double has the private half.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import platform
import shutil
import struct
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from support.whatsapp_web.keys import KeyPair

LIBRARY = "neonize-linux-amd64.so"
#: What certifies WhatsApp's servers, in the library as it comes.
_THEIR_ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
#: What certifies the double.
ROOT = KeyPair(hashlib.sha256(b"the root of a stand-in for tests").digest())

_RELATIVE = 8  # R_X86_64_RELATIVE
#: First words of the tables, by which they are found.
_SINGLE = (b"xmlstreamstart", b"xmlstreamend")
_DOUBLE = (
    (b"read-self", b"active"),
    (b"reject", b"dirty"),
    (b"64", b"ptt_playback_speed_enabled"),
    (b"1724", b"profile_picture"),
)


def installed() -> Path | None:
    """The package of the wheel that can be run here."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    found = PathFinder.find_spec("neonize")
    for place in (found.submodule_search_locations or ()) if found else ():
        if (Path(place) / LIBRARY).exists():
            return Path(place)
    return None


def required(environ: Mapping[str, str] = os.environ) -> None:
    """Skip the test file (call it at its top) where the wheel is not, or fail if it must be."""
    if installed() is not None:
        return
    import pytest  # noqa: PLC0415  the double is also used without pytest

    from support.services import PROMISE  # noqa: PLC0415  the same

    missing = "neonize with a library for Linux on x86-64 is not installed"
    promised = environ.get(PROMISE) == "1" and sys.platform == "linux"
    if promised and platform.machine() == "x86_64":
        pytest.fail(f"{missing}, and {PROMISE}=1 says that it is", pytrace=False)
    pytest.skip(missing, allow_module_level=True)


def _there() -> Path:
    place = installed()
    if place is None:
        raise LookupError("neonize is not installed")
    return place


def expose() -> None:
    """Make `neonize.proto` importable without all that `neonize` itself imports."""
    if "neonize" not in sys.modules:
        bare = types.ModuleType("neonize")
        bare.__path__ = [str(_there())]
        bare.__spec__ = PathFinder.find_spec("neonize")
        bare.__spec__ = PathFinder.find_spec("neonize")  # others may look whether it is there
        sys.modules["neonize"] = bare
        importlib.import_module("neonize.proto")


@cache
def copy_with_root() -> Path:
    """A directory for PYTHONPATH; made once on this machine, whoever asks first."""
    package = _there()
    library = package / LIBRARY
    state = library.stat()
    told = repr((str(package), state.st_size, state.st_mtime_ns, ROOT.public))
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    base = Path(tempfile.gettempdir()) / f"ponte-whatsapp-web-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    if base.stat().st_uid != os.getuid():
        raise PermissionError(f"{base} is of another user")
    place = base / name
    with (base / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not place.exists():
            _copy(package, place)
    return place


def _copy(package: Path, place: Path) -> None:
    library = (package / LIBRARY).read_bytes()
    if library.count(_THEIR_ROOT) != 1:
        raise LookupError(f"{library.count(_THEIR_ROOT)} root keys in {LIBRARY}, not one")
    made = Path(tempfile.mkdtemp(dir=place.parent))
    leave_out = shutil.ignore_patterns("__pycache__", LIBRARY)
    shutil.copytree(package, made / "neonize", ignore=leave_out)
    (made / "neonize" / LIBRARY).write_bytes(library.replace(_THEIR_ROOT, ROOT.public))
    made.rename(place)


@dataclass(frozen=True, slots=True)
class Words:
    """What is abbreviated to one byte, and to two."""

    single: list[str]
    double: list[list[str]]


@cache
def words() -> Words:
    image = _Image((_there() / LIBRARY).read_bytes())
    start = image.table(*_SINGLE) - _Image.ENTRY  # before the first word stands an empty one
    return Words(
        list(image.texts(start, 236)),
        [list(image.texts(image.table(*first), 256)) for first in _DOUBLE],
    )


class _Image:
    """A 64-bit ELF image of a Go library, as far as arrays of constant strings need it."""

    #: A string in memory: its address and its length.
    ENTRY = 16

    def __init__(self, data: bytes) -> None:
        self._data = data
        #: (address, offset in the file, length)
        self._segments: list[tuple[int, int, int]] = []
        dynamic: dict[int, int] = {}
        (start,) = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        for number in range(count):
            kind, _, offset, address, _, length = struct.unpack_from(
                "<IIQQQQ", data, start + number * size
            )
            if kind == 1:
                self._segments.append((address, offset, length))
            elif kind == 2:
                dynamic |= dict(struct.iter_unpack("<QQ", data[offset : offset + length]))
        first = self._offset(dynamic[7])
        moved = struct.iter_unpack("<QQq", data[first : first + dynamic[8]])
        self._pointers = {at: to for at, info, to in moved if info & 0xFFFFFFFF == _RELATIVE}
        self._pointing: dict[int, list[int]] = {}
        for at, to in self._pointers.items():
            self._pointing.setdefault(to, []).append(at)

    def table(self, first: bytes, second: bytes) -> int:
        """The address of the array in which these two follow each other."""
        place = self._data.find(first)
        while place >= 0:
            for at in self._pointing.get(self._address(place), ()):
                if self._text(at) == first and self._text(at + self.ENTRY) == second:
                    return at
            place = self._data.find(first, place + 1)
        raise LookupError(f"no table of words with {first!r}")

    def texts(self, address: int, count: int) -> Iterator[str]:
        for number in range(count):
            yield self._text(address + number * self.ENTRY).decode("utf-8", "replace")

    def _text(self, at: int) -> bytes:
        to = self._pointers.get(at)
        if to is None:
            return b""
        (length,) = struct.unpack_from("<Q", self._data, self._offset(at + 8))
        start = self._offset(to)
        return self._data[start : start + length]

    def _offset(self, address: int) -> int:
        for start, offset, length in self._segments:
            if start <= address < start + length:
                return address - start + offset
        raise LookupError(f"nothing at {address:#x}")

    def _address(self, offset: int) -> int:
        for start, begin, length in self._segments:
            if begin <= offset < begin + length:
                return offset - begin + start
        return -1
