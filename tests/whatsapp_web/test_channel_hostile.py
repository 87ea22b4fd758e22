"""A worker that is not to be trusted: the library in it reads what strangers write."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.clock import SystemClock
from bridge.core.connection import LinkState
from bridge.core.content import Media, MediaKind
from bridge.core.message import Event, Unhandled
from bridge.errors import BridgeError
from bridge.whatsapp.web.kept import LONG, KeptEvent, KeptEvents
from support.toy_phone import Ear, toy_line

IMAGE = Media(
    media=MediaKind.IMAGE, handle='{"imageMessage": {"directPath": "/x"}}', mime="image/png"
)
JUNK: tuple[Any, ...] = (None, True, -1, 2**62, 1e300, "", "\0\u202e", [[]], {"a": {}}, "x" * 9000)


async def test_a_link_in_a_files_place_gives_nothing_away(tmp_path: Path) -> None:
    secret = tmp_path / "secret.key"
    spool = tmp_path / "spool"

    def download(args: dict[str, Any]) -> dict[str, Any]:
        Path(args["path"]).symlink_to(secret)
        return {"size": 3, "mime": "image/png", "sha256": "ab" * 32}

    async with toy_line(tmp_path / "data") as line:
        await asyncio.to_thread(secret.write_bytes, b"key")
        await asyncio.to_thread(spool.mkdir)
        await line.opened()
        line.phone.answers["download"] = download
        with pytest.raises(BridgeError):
            await line.channel.fetch(IMAGE, spool / "in-1", limit=10)
        assert await asyncio.to_thread(lambda: list(spool.iterdir())) == []
        assert await asyncio.to_thread(secret.read_bytes) == b"key"


async def test_nonsense_in_events_is_borne(tmp_path: Path) -> None:
    """Whatever stands in a field: nothing crashes, and what is kept is accounted for."""
    async with toy_line(tmp_path) as line:
        await line.opened()
        for odd in JUNK:
            line.phone.tell("qr", code=odd, count=odd)
            line.phone.tell("pairing_code", code=odd, number=odd)
            line.phone.tell("open", jid=odd, lid=odd, push_name=odd)
            line.phone.tell("typing", chat=odd, sender=odd, state=odd, from_me=odd)
            line.phone.tell("closed", cause="disconnected", code=odd, reason=odd, again=True)
            line.phone.tell("open", jid=odd)
            line.phone.tell(str(odd)[:50], data=odd)
            for name in (
                "message",
                "receipt",
                "call",
                "history",
                "settled",
                "undecryptable",
                "odd",
            ):
                fields = ("id", "chat", "sender", "message", "ids", "keys", "from", "path", "key")
                line.phone.keep(name, **dict.fromkeys(fields, odd))
        await line.phone.until(lambda: line.phone.journal == [])
        assert (await line.channel.link()).state is LinkState.OPEN
        assert line.phone.lives == 1
        assert len(line.ear.events) == 7 * len(JUNK)
        assert all(isinstance(one, Unhandled) for one in line.ear.events)


async def test_a_very_long_event_is_read_beside_the_event_loop(tmp_path: Path) -> None:
    """Somebody may write a megabyte that takes a second to read."""
    where: list[int] = []

    def parse(_name: str, _data: dict[str, Any]) -> list[Event]:
        where.append(threading.get_ident())
        return []

    kept = KeptEvents(number="shop", parse=parse, aside=tmp_path, clock=SystemClock())
    kept.watch(Ear())
    told: asyncio.Queue[KeptEvent] = asyncio.Queue()
    for seq, size in enumerate((LONG, LONG + 1)):
        told.put_nowait(KeptEvent(seq=seq, name="message", data={}, size=size))

    class Acknowledged(Exception):
        pass

    def acknowledge(_seq: int) -> None:
        raise Acknowledged

    with pytest.raises(Acknowledged):
        await kept.take_over(told, acknowledge)
    ours = threading.get_ident()
    assert [one == ours for one in where] == [True, False]


async def test_a_path_that_the_worker_names_is_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.key"
    async with toy_line(tmp_path / "data") as line:
        await asyncio.to_thread(secret.write_bytes, b"key")
        await line.opened()
        line.phone.keep("history", path=str(secret), kind="FULL", bytes=3)
        line.phone.keep("history", path="../../../secret.key", kind="FULL", bytes=3)
        await line.phone.until(lambda: line.phone.journal == [])
        await line.channel.forget()
        assert await asyncio.to_thread(secret.read_bytes) == b"key"


async def test_what_it_complains_of_cannot_steer_a_terminal(tmp_path: Path) -> None:
    async with toy_line(tmp_path) as line:
        await line.opened()
        with capture_logs() as logs:
            line.phone.complain("panic: \x1b[2J\x1b]0;title\x07 \u202edone \r now")
            line.phone.die()
            await line.ear.hears("open", 2)
    (said,) = [log["line"] for log in logs if log["event"] == "worker.said"]
    assert said.split() == ["panic:", "[2J", "]0;title", "done", "now"]


async def test_what_it_complains_of_names_no_login_of_a_proxy(tmp_path: Path) -> None:
    async with toy_line(tmp_path) as line:
        await line.opened()
        with capture_logs() as logs:
            line.phone.complain(
                "panic: dial socks5://a-long-user-name-of-a-proxy:pw-7@10.0.0.1:1080"
            )
            line.phone.die()
            await line.ear.hears("open", 2)
    assert "pw-7" not in repr(logs)
    assert "10.0.0.1:1080" in repr(logs)
