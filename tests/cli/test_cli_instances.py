"""`ponte instances connect`, `restart` and `logout` against a service with a lent phone."""

from __future__ import annotations

import asyncio
import signal
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import segno

from bridge.cli import connecting
from bridge.cli.remote import Answered
from bridge.core.connection import LinkState, QrShown
from bridge.sim.graph import Route, faults
from support.bridge_house import NAME, House, bridge_house
from support.command_line import COMMAND, Said, ask, config_of, environment
from support.qr_channel import QrPhone, QrPhones
from support.sessions import QR_ORDER, open_up, reaches


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "POLL_SECONDS", 0.02)


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@pytest.fixture
async def house(tmp_path: Path, phones: QrPhones) -> AsyncIterator[House]:
    (tmp_path / "data").mkdir(mode=0o700)
    async with bridge_house(tmp_path / "data", order=QR_ORDER, channels=phones.kinds) as found:
        yield found


@pytest.fixture
def phone(phones: QrPhones) -> QrPhone:
    return phones[NAME]


@pytest.fixture
async def shown(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[str]:
    """The codes that a command draws, as they come."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str]()
    draw = connecting.lines

    def lines(code: str, *, colours: bool) -> Iterator[str]:
        yield from draw(code, colours=colours)
        loop.call_soon_threadsafe(queue.put_nowait, code)

    monkeypatch.setattr(connecting, "lines", lines)
    return queue


def connect(config: Path, *more: object) -> asyncio.Future[Said]:
    return asyncio.ensure_future(ask("instances", "connect", NAME, "-c", config, *more))


async def following(shown: asyncio.Queue[str]) -> str:
    async with asyncio.timeout(10):
        return await shown.get()


async def test_codes_are_drawn_until_one_is_scanned(house, config, phone, shown):
    command = connect(config)
    assert await following(shown) == "2@code-1"
    phone.show_code()
    assert await following(shown) == "2@code-2"
    phone.scan()
    said = await command

    assert said.code == 0
    assert said.out.count("Linked devices") == 1
    assert "The next code; the one before is no longer valid:" in said.out
    assert said.out.endswith("loja is connected as +5511987650009 (Loja).\n")
    assert "\x1b" not in said.out
    assert "--png FILE" in said.err
    assert phone.calls == ["connect"]


async def test_a_number_gets_a_pairing_code_with_each_code(house, config, phone, shown):
    command = connect(config, "--number", "+55 11 98765-0009")
    await following(shown)
    phone.scan()
    said = await command

    assert said.code == 0
    assert "type this pairing code on the phone: PAIR-0009" in said.out
    assert phone.calls == ["connect 5511987650009"]


async def test_why_there_is_no_pairing_code_is_told_and_the_code_is_drawn(
    house, config, phone, shown
):
    phone.is_silent = True
    command = connect(config, "--number", "+55 11 98765-0009")
    await phone.called("connect 5511987650009")
    phone.tell(QrShown(code="2@code-1", no_pairing_code="Wait some hours."))
    await following(shown)
    phone.scan()
    said = await command

    assert said.code == 0
    assert "Wait some hours." in said.err
    assert phone.calls == ["connect 5511987650009"]


async def test_what_a_number_waits_for_is_told_meanwhile(
    tmp_path, phones, phone, shown, monkeypatch
):
    loop, said = asyncio.get_running_loop(), asyncio.Event()

    def note(text: str) -> None:
        if "The proxy does not answer." in text:
            loop.call_soon_threadsafe(said.set)

    monkeypatch.setattr(connecting, "note", note)
    (tmp_path / "data").mkdir(mode=0o700)
    options = {"api": {"qr_wait_seconds": 0.2}}
    async with bridge_house(
        tmp_path / "data", order=QR_ORDER, channels=phones.kinds, options=options
    ) as house:
        phone.is_silent = True
        command = connect(config_of(house, tmp_path))
        await phone.called("connect")
        phone.drop(503, "The proxy does not answer.", again=True)
        async with asyncio.timeout(10):
            await said.wait()
        phone.show_code()
        await following(shown)
        phone.scan()
        assert (await command).code == 0


async def test_a_connected_number_says_so_at_once(house, config, phone):
    await open_up(house, phone)

    said = await connect(config)

    assert (said.code, said.out) == (0, "loja is connected as +5511987650009 (Loja).\n")


async def test_nobody_scans(house, config, phone, shown):
    command = connect(config)
    await following(shown)
    phone.give_up()
    said = await command

    assert said.code == 1
    assert "loja is not connected: Nobody scanned the last QR code." in said.err


async def test_an_attempt_that_ends_tells_why(house, config, phone, shown):
    command = connect(config)
    await following(shown)
    phone.drop(403, "This number is\x1b[2J banned.")
    said = await command

    assert said.code == 1
    assert "loja is not connected: This number is�[2J banned." in said.err


async def test_a_channel_that_is_not_installed_is_told_in_the_services_words(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir(mode=0o700)
    async with bridge_house(tmp_path / "data", order=QR_ORDER) as house:
        said = await connect(config_of(house, tmp_path))

    assert (said.code, said.out) == (1, "")
    assert "WHATSAPP-BAILEYS" in said.err


async def test_the_picture_is_its_owners_alone_and_goes_in_the_end(house, config, phone, tmp_path):
    picture = tmp_path / "code.png"
    written = asyncio.Event()
    loop, write = asyncio.get_running_loop(), connecting._write

    def writing(path: Path, png: bytes) -> None:
        write(path, png)
        loop.call_soon_threadsafe(written.set)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connecting, "_write", writing)
        command = connect(config, "--png", picture)
        await asyncio.wait_for(written.wait(), 10)
        bytes_, mode = await asyncio.to_thread(
            lambda: (picture.read_bytes(), stat.S_IMODE(picture.stat().st_mode))
        )
        phone.scan()
        said = await command

    assert bytes_.startswith(b"\x89PNG")
    assert mode == 0o600
    assert f"The picture is in {picture}" in said.out
    assert not await asyncio.to_thread(picture.exists)


async def test_a_file_that_was_there_before_is_left_alone(config, tmp_path):
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"a picture of mine")
    said = await connect(config, "--png", mine)

    assert said.code == 2
    assert "is there already" in said.err
    assert mine.read_bytes() == b"a picture of mine"


async def test_a_picture_that_cannot_be_written_is_a_wrong_setup(house, config, tmp_path):
    said = await connect(config, "--png", tmp_path / "no" / "code.png")

    assert said.code == 2
    assert "cannot be written" in said.err


async def test_ctrl_c_leaves_the_attempt_alone(house, config, phone):
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("instances", "connect", NAME, "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        await process.stdout.readuntil("█".encode())
        process.send_signal(signal.SIGINT)
        _, complaint = await process.communicate()

    assert process.returncode == 130
    assert "ponte instances logout loja" in complaint.decode()
    assert "Traceback" not in complaint.decode()
    assert phone.calls == ["connect"]


async def test_json_is_the_first_answer_and_nothing_is_waited_for(house, config):
    said = await connect(config, "--json")

    assert said.code == 0
    assert (said.json["code"], said.json["count"]) == ("2@code-1", 1)


async def test_a_cloud_number_needs_no_code(tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    async with bridge_house(tmp_path / "data") as house:
        config = config_of(house, tmp_path)
        said = await connect(config)
        assert said.code == 0
        assert "needs no QR code" in said.out

        house.graph.faults.always(Route.NUMBER, faults.error(190))
        said = await connect(config)
        assert (said.code, said.out) == (1, "")


async def test_a_restart_keeps_the_number_connected(house, config, phone):
    await open_up(house, phone)

    said = await ask("instances", "restart", NAME, "-c", config)

    assert said.code == 0
    assert phone.calls[-1] == "restart"
    assert "was made anew: open" in said.out


async def test_a_restart_without_a_session_says_where_the_code_is(house, config):
    said = await ask("instances", "restart", NAME, "-c", config)

    assert said.code == 0
    assert "ponte instances connect" in said.out


async def test_a_logout_is_asked_for_and_ends_the_session(house, config, phone):
    await open_up(house, phone)
    assert (await ask("instances", "logout", NAME, "-c", config, answers="n\n")).code == 1
    assert "logout" not in phone.calls

    said = await ask("instances", "logout", NAME, "-c", config, "--yes")

    assert (said.code, said.out) == (0, "loja is logged out.\n")
    assert phone.calls[-1] == "logout"
    assert (await reaches(house, LinkState.CLOSED)).code == 401


@pytest.mark.parametrize("colours", [True, False])
def test_a_drawing_holds_every_module_and_its_margin(colours):
    code = "2@" + "x" * 230
    symbol = segno.make(code, micro=False, error="l", boost_error=False)
    drawing = list(connecting.lines(code, colours=colours))
    dark = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
    rows: list[list[bool]] = []
    for line in drawing:
        cells = [dark[char] for char in line if char in dark]
        rows += [[upper is colours for upper, _ in cells], [lower is colours for _, lower in cells]]

    wanted = [[bool(cell) for cell in row] for row in symbol.matrix_iter(border=2)]
    assert rows[: len(wanted)] == wanted
    assert not any(cell for row in rows[len(wanted) :] for cell in row)
    assert all(line.startswith("\x1b[30;107m") is colours for line in drawing)


@pytest.mark.parametrize("code", ["", "x" * 5000, "2@código", "2@\x1b[2J\u2028"])
def test_what_is_no_code_is_not_drawn(code):
    with pytest.raises(Answered):
        list(connecting.lines(code, colours=False))
