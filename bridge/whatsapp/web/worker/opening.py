"""What `open` asks for: its arguments, and the files of the number (docs/whatsapp-web.md)."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.whatsapp.web.worker import revision
from bridge.whatsapp.web.worker.calls import Start, now_ms
from bridge.whatsapp.web.worker.engine import STORE
from bridge.whatsapp.web.worker.failures import BadRequest, Failure
from bridge.whatsapp.web.worker.journal import Journal
from bridge.whatsapp.web.worker.library import Wheel
from bridge.whatsapp.web.worker.number import Limits
from bridge.whatsapp.web.worker.settling import settle


def text(args: Mapping[str, Any], name: str) -> str:
    given = args.get(name)
    if not isinstance(given, str) or not given or "\0" in given:
        raise BadRequest(f"{name} is a text")
    return given


def start(args: Mapping[str, Any]) -> Start:
    proxy = args.get("proxy")
    if proxy is not None and not isinstance(proxy, str):
        raise BadRequest("proxy is an address")
    return Start(
        device_name=text(args, "device_name"),
        proxy=proxy or None,
        history=args.get("history") is True,
    )


def limits(args: Mapping[str, Any]) -> Limits:
    """Smaller ones may be asked for."""
    most = Limits()
    return Limits(
        qr_seconds=min(_positive(args, "qr_seconds", most.qr_seconds), most.qr_seconds),
        waiting=int(min(_positive(args, "most_waiting", most.waiting), most.waiting)),
    )


def _positive(args: Mapping[str, Any], name: str, default: float) -> float:
    given = args.get(name)
    return given if isinstance(given, int | float) and given > 0 else default


def make(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
    except OSError as error:
        raise Failure("broken", f"the directory cannot be used: {error.strerror}") from error


def lock(path: Path) -> int:
    """Held as long as this process lives. Raises `Failure`."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure("broken", f"the directory cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise Failure("locked", "another worker has this number", passing=True) from error
    return fd


async def patched(wheel: Wheel, wanted: Any, homes: Path) -> Path | None:
    if wanted is None:
        return None
    if not isinstance(wanted, int):
        raise BadRequest("revision is a number")
    return await asyncio.to_thread(revision.patched, wheel, wanted, homes)


def journal(home: Path, waiting: int) -> Journal:
    """With the fate of what a worker left behind in it. The engine must not run yet."""
    now = now_ms()
    opened = Journal.open(home / "journal.db", now_ms=now, events=waiting)
    settle(opened, home / STORE, now_ms=now)
    return opened
