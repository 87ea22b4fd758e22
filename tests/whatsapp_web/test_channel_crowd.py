"""Many numbers without a phone must not take the machine; those with one are not kept out."""

from __future__ import annotations

from pathlib import Path

from bridge.core.connection import LinkState
from bridge.whatsapp.web.showing import Showing
from support.toy_phone import Line, Times, toy_line


def test_so_many_show_a_code_and_the_next_one_when_one_of_them_is_done() -> None:
    showing = Showing(2)
    assert [showing.begin(name) for name in ("a", "b", "a", "c")] == [True, True, True, False]
    showing.end("a")
    showing.end("a")
    assert [showing.begin(name) for name in ("c", "a")] == [True, False]


def crowd(line: Line) -> Showing:
    """All places are taken."""
    showing = line.channel.supervisor._ground.showing
    assert showing.begin("another number")
    return showing


async def test_who_finds_no_place_is_told_why_and_leaves_no_process(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(most_codes=1)) as line:
        showing = crowd(line)
        await line.channel.connect()
        await line.ear.hears("closed 503")
        await line.phone.until(lambda: line.phone.lives == 0)
        link = await line.channel.link()
        assert "whatsapp_web.most_codes" in (link.reason or "")
        assert link.state is LinkState.CLOSED

        showing.end("another number")
        await line.channel.connect()
        await line.ear.hears("qr 1")
        assert not showing.begin("another number")
        await line.channel.leave()
        assert showing.begin("another number")


async def test_a_number_with_a_phone_needs_no_place(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(most_codes=1)) as line:
        crowd(line)
        await line.opened()


async def test_a_scanned_code_gives_its_place_back(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(most_codes=1)) as line:
        await line.channel.connect()
        await line.ear.hears("qr 1")
        line.phone.scan()
        await line.ear.hears("open")
        crowd(line)
