"""Another WhatsApp Web revision than the one that the engine was built with (a break-glass).

WhatsApp may cut a revision off before a newer wheel exists. The revision is a constant in the
binary, so a copy of the binary with another number is used instead (neonize.md 7).
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Final

from bridge.whatsapp.web.worker.failures import BadRequest, Failure
from bridge.whatsapp.web.worker.library import Wheel

#: The two parts of the version that stand before the revision.
_BEFORE: Final = struct.pack("<II", 2, 3000)
_REVISIONS: Final = range(1_000_000_000, 2_000_000_000)


def patched(wheel: Wheel, revision: int, homes: Path) -> Path:
    """The directory of a copy with this revision, made when there is none. Raises `Failure`."""
    if revision not in _REVISIONS:
        raise BadRequest(f"a revision has ten digits and starts with 1, not {revision!s:.12}")
    home = homes / f"engine-{wheel.version}-{revision}"
    try:
        if _fits(home, wheel):
            return home
        return _make(wheel, revision, home)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Failure("broken", f"no copy of the engine can be made: {reason}") from error


def _fits(home: Path, wheel: Wheel) -> bool:
    binary = home / wheel.binary.name
    return binary.is_file() and binary.stat().st_size == wheel.binary.stat().st_size


def _make(wheel: Wheel, revision: int, home: Path) -> Path:
    data = bytearray(wheel.binary.read_bytes())
    struct.pack_into("<I", data, _place(bytes(data)), revision)
    home.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        (draft / wheel.binary.name).write_bytes(data)
        shutil.copyfile(wheel.home / "_binder.py", draft / "_binder.py")
        try:
            os.rename(draft, home)  # noqa: PTH104 - fails where the directory is not empty
        except OSError:
            if not _fits(home, wheel):  # not a worker that was faster: an older, broken copy
                shutil.rmtree(home)
                os.rename(draft, home)  # noqa: PTH104
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return home


def _place(data: bytes) -> int:
    """Where the revision stands. Raises `Failure` unless there is exactly one such place."""
    hits = []
    start = data.find(_BEFORE)
    while start >= 0:
        place = start + len(_BEFORE)
        if place + 4 <= len(data) and struct.unpack_from("<I", data, place)[0] in _REVISIONS:
            hits.append(place)
        start = data.find(_BEFORE, start + 1)
    if len(hits) != 1:
        raise Failure(
            "broken",
            f"the engine's revision stands at {len(hits)} places in this version, not at one; "
            "remove the setting",
        )
    return hits[0]
