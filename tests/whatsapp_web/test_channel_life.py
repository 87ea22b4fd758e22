"""A number's connection over a toy engine: how it begins, breaks, comes back and ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from bridge.clock import ManualClock, SystemClock
from bridge.core.connection import Closed, LinkState, Opened, QrShown
from bridge.core.instance import BAILEYS, Behaviour, Proxy
from bridge.core.outgoing import OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerDown, PeerError
from bridge.whatsapp.channel import (
    Channel,
    Describes,
    MarksRead,
    RejectsCalls,
    Remembers,
    Revokes,
    Session,
    ShowsTyping,
)
from bridge.whatsapp.web import endings
from bridge.whatsapp.web.channel import WebChannel
from bridge.whatsapp.web.kind import web_kind
from support.instances import instance
from support.toy_phone import OWNER, Ear, Line, Times, failure, toy_line


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with toy_line(tmp_path) as made:
        yield made


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_web_channel_can_do_all_that_a_channel_may_be_asked_for() -> None:
    for able in (Session, MarksRead, Revokes, Remembers, ShowsTyping, Describes, RejectsCalls):
        assert issubclass(WebChannel, able), able
    channel: type[Channel] = WebChannel
    assert channel is WebChannel


# -- connecting ---------------------------------------------------------------------------------


async def test_a_number_without_a_session_shows_codes_and_opens_once_one_is_scanned(
    line: Line,
) -> None:
    await line.channel.connect()
    await line.ear.hears("qr 1")
    line.phone.show_code()
    await line.ear.hears("qr 2")
    assert (await line.channel.link()).state is LinkState.CONNECTING
    line.phone.scan()
    await line.ear.hears("open")
    assert line.ear.told == ["qr 1", "qr 2", "open"]
    assert line.ear.signals[0] == QrShown(code="2@code-1", count=1)
    assert line.ear.signals[2] == Opened(jid=OWNER, profile_name="Loja")
    assert (await line.channel.link()).state is LinkState.OPEN


async def test_a_paired_number_opens_without_a_code(line: Line) -> None:
    await line.opened()
    assert line.ear.told == ["open"]
    opening = line.phone.last("open")
    assert opening == {
        "dir": str(line.folder),
        "device_name": "Ponte",
        "revision": None,
        "proxy": None,
        "history": False,
        "connect": True,
    }


async def test_the_proxy_and_the_name_of_the_device_travel_in_the_first_question_alone(
    tmp_path: Path,
) -> None:
    proxy = Proxy(host="2001:db8::1", port=1080, protocol="socks5", username="u", password="p@:/")
    async with toy_line(tmp_path, proxy=proxy, device_name="Loja Centro") as line:
        await line.opened()
        opening = line.phone.last("open")
        assert opening["proxy"] == "socks5://u:p%40%3A%2F@[2001:db8::1]:1080"
        assert opening["device_name"] == "Loja Centro"
        assert "2001" not in str(line.phone.births)


async def test_a_worker_gets_little_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PONTE_SECRET", "s3cret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    async with toy_line(tmp_path) as line:
        await line.opened()
        names = line.phone.births[0]["environ"]
    assert "PONTE_SECRET" not in names
    assert {"PATH", "LC_ALL", "NEONIZE_BOT_TAG", "MALLOC_ARENA_MAX", "GOMEMLIMIT"} <= set(names)


async def test_connecting_while_connected_does_nothing(line: Line) -> None:
    await line.opened()
    await line.channel.connect()
    await line.channel.connect(number="5511987650001")
    assert len(line.phone.births) == 1
    assert line.ear.told == ["open"]


async def test_a_number_gets_a_pairing_code_with_the_first_code_and_after_every_rotation(
    line: Line,
) -> None:
    await line.channel.connect(number="5511987650001")
    await line.ear.until(lambda: len(line.ear.signals) >= 2)
    line.phone.show_code()
    await line.ear.hears("qr 2")
    assert [one.pairing_code for one in line.ear.signals if isinstance(one, QrShown)] == [
        None,
        "PAIR-0001",
        "PAIR-0001",
    ]


async def test_another_number_in_the_same_attempt_gets_another_code(line: Line) -> None:
    await line.channel.connect()
    await line.ear.hears("qr 1")
    await line.channel.connect(number="5511987650001")
    await line.ear.until(lambda: len(line.ear.signals) >= 2)
    await line.channel.connect(number="5511987650002")
    await line.ear.until(lambda: len(line.ear.signals) >= 3)
    assert line.ear.signals[2] == QrShown(code="2@code-1", pairing_code="PAIR-0002", count=1)
    assert len(line.phone.births) == 1


async def test_nobody_scanned_in_time(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(qr_seconds=0.3)) as line:
        await line.channel.connect()
        await line.ear.hears("limit")
        assert line.ear.told == ["qr 1", "limit"]
        await line.phone.until(lambda: line.phone.lives == 0)
        await line.channel.connect()
        await line.ear.hears("qr 1", 2)


async def test_a_crash_does_not_prolong_the_time_in_which_codes_are_shown(tmp_path: Path) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, Times(qr_seconds=60), clock=clock) as line:
        await line.channel.connect()
        await line.ear.hears("qr 1")
        clock.advance(40)
        line.phone.crash()
        await line.ear.hears("qr 1", 2)
        clock.advance(20)
        await line.ear.hears("limit")
        assert line.ear.told == ["qr 1", "closed 500 again", "qr 1", "limit"]


# -- trouble that passes ------------------------------------------------------------------------


async def test_a_worker_that_is_killed_comes_back_by_itself(line: Line) -> None:
    await line.opened()
    first = line.phone.pid
    assert line.channel.supervisor.pid == first
    line.phone.crash()
    await line.ear.hears("open", 2)
    assert line.ear.told == ["open", "closed 500 again", "open"]
    assert line.channel.supervisor.pid == line.phone.pid != first
    assert not is_alive(first)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\xff\xff\xff\xff", id="a frame of 4 GB"),
        pytest.param(b"\x00\x00\x00\x03abc", id="no JSON"),
        pytest.param(b"\x00\x00\x00\x02[]", id="no object"),
        pytest.param(b"\x00\x00\x00\x0e" + b'{"type":"odd"}', id="an unknown frame"),
        pytest.param(b"\x00\x00\x00\x13" + b'{"type":"ev","x":1}', id="an event without a name"),
    ],
)
async def test_a_worker_that_talks_nonsense_is_replaced(line: Line, said: bytes) -> None:
    await line.opened()
    line.phone.raw(said)
    await line.ear.hears("open", 2)
    assert line.ear.told == ["open", "closed 500 again", "open"]


async def test_a_worker_that_gives_no_sign_of_life_is_replaced(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(heartbeat_seconds=0.3)) as line:
        await line.opened()
        await line.phone.was_asked("ping", 2)
        line.phone.freeze()
        await line.ear.hears("open", 2)
        assert line.ear.told == ["open", "closed 408 again", "open"]
        assert not is_alive(line.phone.births[0]["born"])


async def test_a_worker_that_shows_nothing_in_time_is_replaced(tmp_path: Path) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, Times(start_seconds=60), clock=clock) as line:
        line.phone.is_idle = True
        await line.channel.connect()
        await line.phone.was_asked("open")
        line.phone.is_idle = False
        clock.advance(60)
        await line.ear.hears("qr 1")
        assert line.ear.told == ["closed 408 again", "qr 1"]


async def test_a_worker_that_does_not_say_hello_is_replaced(tmp_path: Path) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, Times(start_seconds=60), clock=clock) as line:
        line.phone.is_mute = True
        await line.channel.connect()
        await line.phone.until(lambda: len(line.phone.births) > 0)
        line.phone.is_mute = False
        clock.advance(60)
        await line.ear.hears("qr 1")
        assert line.ear.told[0] == "closed 408 again"


async def test_a_connection_that_does_not_open_after_pairing_is_made_anew(tmp_path: Path) -> None:
    async with toy_line(tmp_path, Times(pairing_seconds=0.3)) as line:
        await line.channel.connect()
        await line.ear.hears("qr 1")
        line.phone.scan(opens=False)
        await line.ear.hears("open")
        assert line.ear.told == ["qr 1", "closed 515 again", "open"]


async def test_the_break_after_pairing_is_told_as_such(line: Line) -> None:
    await line.channel.connect()
    await line.ear.hears("qr 1")
    line.phone.scan(opens=False)
    line.phone.close("stream_error", again=True, code=515)
    line.phone.open()
    await line.ear.hears("open")
    assert line.ear.told == ["qr 1", "closed 515 again", "open"]
    assert len(line.phone.births) == 1


async def test_the_engine_connects_again_by_itself_after_a_break(line: Line) -> None:
    await line.opened()
    line.phone.close("disconnected", again=True)
    await line.ear.hears("closed 408 again")
    with pytest.raises(PeerDown, match="not connected") as caught:
        await line.channel.send(Party(lid="77"), OutgoingText(body="oi"), key="k")
    assert caught.value.cause == "whatsapp.disconnected"
    line.phone.open()
    await line.ear.hears("open", 2)
    assert len(line.phone.births) == 1


async def test_a_network_that_cannot_be_reached_is_tried_again(line: Line) -> None:
    line.phone.is_idle = line.phone.paired = True
    await line.channel.connect()
    await line.phone.was_asked("open")
    line.phone.close("unreachable")
    await line.ear.hears("closed 503 again")
    line.phone.is_idle = False
    await line.ear.until(lambda: "open" in line.ear.told or line.phone.lives > 0)
    line.phone.crash()
    await line.ear.hears("open")


async def test_a_session_that_a_former_worker_still_holds_is_tried_again(line: Line) -> None:
    line.phone.answers["open"] = lambda _: (
        failure("locked") if len(line.phone.births) < 3 else {"paired": False}
    )
    await line.channel.connect()
    await line.ear.hears("qr 1")
    assert line.ear.told == ["closed 500 again", "closed 500 again", "qr 1"]


async def test_an_engine_that_cannot_be_started_at_all_is_tried_again(tmp_path: Path) -> None:
    kind = web_kind(
        Times(), tmp_path, clock=SystemClock(), chance=lambda: 1.0, command=["/nowhere/engine"]
    )
    channel, _ = kind.make(instance("loja", integration=BAILEYS))
    assert isinstance(channel, WebChannel)
    ear = Ear()
    channel.watch(ear)
    await channel.connect()
    await ear.hears("closed 500 again")
    await channel.leave()


# -- trouble that takes a person ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "told", "words"),
    [
        ("logged_out", "closed 401", "QR code"),
        ("replaced", "closed 440", "Stop it"),
        ("banned", "closed 403", "until 2027-01-15 08:00 UTC"),
        ("outdated", "closed 405", "whatsapp_web.revision"),
        ("qr_timeout", "limit", None),
    ],
)
async def test_what_takes_a_person_starts_no_worker(
    line: Line, cause: str, told: str, words: str | None
) -> None:
    await line.opened()
    line.phone.close(cause, expires_ms=1_800_000_000_000)
    await line.ear.hears(told)
    await line.phone.until(lambda: line.phone.lives == 0)
    last = line.ear.signals[-1]
    if words is not None:
        assert isinstance(last, Closed)
        assert words in last.reason
    assert (await line.channel.link()).state is LinkState.CLOSED
    assert len(line.phone.births) == 1
    await line.channel.connect()
    await line.ear.hears("open", 2)


@pytest.mark.parametrize(
    ("code", "words"),
    [("no_engine", "`ponte doctor`"), ("broken", "data_dir")],
)
async def test_a_session_that_cannot_be_opened_says_what_to_do(
    line: Line, code: str, words: str
) -> None:
    line.phone.answers["open"] = lambda _: failure(code)
    await line.channel.connect()
    await line.ear.hears("closed 500")
    last = line.ear.signals[-1]
    assert isinstance(last, Closed)
    assert words.replace("\\", "") in last.reason
    assert len(line.phone.births) == 1


# -- endings that somebody wants ----------------------------------------------------------------


async def test_leaving_asks_the_worker_to_go_and_keeps_the_session(line: Line) -> None:
    await line.opened()
    pid = line.phone.pid
    await line.channel.leave()
    assert "close" in line.phone.ops
    assert not is_alive(pid)
    assert line.channel.supervisor.pid is None
    assert line.ear.told == ["open"]
    await line.channel.leave()


async def test_a_worker_that_does_not_go_is_killed(line: Line) -> None:
    await line.opened()
    line.phone.answers["close"] = lambda _: None
    pid = line.phone.pid
    await line.channel.leave()
    assert not is_alive(pid)


async def test_leaving_goes_on_when_whoever_waits_for_it_is_cancelled(line: Line) -> None:
    await line.opened()
    line.phone.answers["close"] = lambda _: None
    leaving = asyncio.ensure_future(line.channel.leave())
    await line.phone.was_asked("close")
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await line.phone.until(lambda: line.phone.lives == 0)


async def test_a_restart_breaks_the_connection_and_makes_it_anew(line: Line) -> None:
    await line.opened()
    await line.channel.restart()
    await line.ear.hears("open", 2)
    assert line.ear.told == ["open", "open"]
    assert len(line.phone.births) == 2


async def test_a_restart_lets_the_worker_write_down_what_it_has(line: Line) -> None:
    await line.opened()
    await line.channel.restart()
    await line.ear.hears("open", 2)
    assert line.phone.ops.count("close") == 1


async def test_a_restart_while_a_worker_ends_does_not_wait(tmp_path: Path) -> None:
    async with toy_line(tmp_path, clock=ManualClock(), chance=1.0) as line:
        await line.opened()
        line.phone.close("refused", code=500)
        attempt = line.channel.supervisor._attempt
        assert attempt is not None
        async with asyncio.timeout(10):
            while not attempt.is_over:  # noqa: ASYNC110  (nobody is told before it has gone)
                await asyncio.sleep(0)
        assert line.channel.supervisor._attempt is attempt
        await line.channel.restart()
        await line.ear.hears("open", 2)


async def test_a_restart_between_two_workers_gives_codes_their_whole_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, Times(qr_seconds=60), clock=clock, chance=1.0) as line:
        await line.channel.connect()
        await line.ear.hears("qr 1")
        clock.advance(50)
        line.phone.close("refused", code=500)
        await line.ear.hears("closed 500 again")
        await line.channel.restart()
        await line.ear.hears("qr 1", 2)
        clock.advance(50)
        line.phone.show_code()
        await line.ear.hears("qr 2")
        clock.advance(10)
        await line.ear.hears("limit")


async def test_a_logout_before_anything_is_known_of_the_session_does_not_pretend(
    line: Line,
) -> None:
    with pytest.raises(PeerDown):
        await line.channel.logout()
    assert line.ear.told == []


async def test_a_restart_connects_what_is_not_connected(line: Line) -> None:
    await line.channel.restart()
    await line.ear.hears("qr 1")


async def test_a_logout_tells_the_phone(line: Line) -> None:
    await line.opened()
    await line.channel.logout()
    await line.ear.hears("closed 401")
    assert not line.phone.paired
    assert line.phone.lives == 0
    await line.channel.connect()
    await line.ear.hears("qr 1")


async def test_a_logout_counts_when_the_worker_tells_of_it_and_goes_without_an_answer(
    line: Line,
) -> None:
    def unlinked(_args: object) -> None:
        line.phone.paired = False
        line.phone.close("logged_out", code=401)
        line.phone.die(0)

    await line.opened()
    line.phone.answers["logout"] = unlinked
    await line.channel.logout()
    assert line.ear.told == ["open", "closed 401"]
    assert line.ear.signals[-1] == endings.LOGGED_OUT_BY_US


async def test_a_logout_during_which_the_worker_dies_fails_and_the_number_comes_back(
    line: Line,
) -> None:
    await line.opened()
    line.phone.answers["logout"] = lambda _: line.phone.crash()
    with pytest.raises(PeerError):
        await line.channel.logout()
    await line.ear.hears("open", 2)


async def test_a_logout_that_the_phone_is_not_told_of_fails_and_the_number_stays(
    line: Line,
) -> None:
    await line.opened()
    line.phone.answers["logout"] = lambda _: failure("timeout")
    with pytest.raises(PeerError):
        await line.channel.logout()
    assert line.ear.told == ["open"]
    line.phone.close("disconnected", again=True)
    await line.ear.hears("closed 408 again")
    with pytest.raises(PeerDown):
        await line.channel.logout()
    line.phone.open()
    await line.ear.hears("open", 2)


async def test_a_logout_ends_an_attempt_that_nobody_has_scanned(line: Line) -> None:
    await line.channel.connect()
    await line.ear.hears("qr 1")
    await line.channel.logout()
    assert line.ear.told == ["qr 1", "closed 401"]
    assert "logout" not in line.phone.ops
    assert line.phone.lives == 0


async def test_files_without_a_phone_are_no_session_to_log_out_of(line: Line) -> None:
    line.phone.answers["open"] = lambda _: {"paired": True}
    await line.channel.connect()
    await line.ear.hears("qr 1")
    await line.channel.logout()
    assert line.ear.told == ["qr 1", "closed 401"]


async def test_a_worker_that_hangs_does_not_keep_others_from_starting(tmp_path: Path) -> None:
    clock, turn = ManualClock(), asyncio.Semaphore(1)
    async with toy_line(tmp_path, clock=clock) as one, toy_line(tmp_path, clock=clock) as two:
        for line in (one, two):
            supervisor = line.channel.supervisor
            supervisor._ground = replace(supervisor._ground, turn=turn)
        one.phone.is_mute = True
        await one.channel.connect()
        await one.phone.until(lambda: len(one.phone.births) == 1)
        await two.channel.connect()
        assert two.channel.supervisor.pid is None
        clock.advance(5)
        await two.ear.hears("qr 1")
        assert one.ear.told == []


async def test_an_open_connection_of_a_minute_makes_the_next_failure_the_first(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with toy_line(tmp_path, clock=clock, chance=1.0) as line:
        with capture_logs() as logs:
            for held in (0, 59, 60):
                line.phone.paired = True
                await line.channel.connect()
                await line.ear.hears("open", len(line.phone.births) or 1)
                await line.ear.until(lambda: line.channel.supervisor.is_open)
                clock.advance(held)
                opened, closed = line.ear.told.count("open"), len(line.ear.told)
                line.phone.crash()
                await line.ear.until(lambda closed=closed: len(line.ear.told) > closed)
                await line.channel.connect()  # in a hurry
                await line.ear.hears("open", opened + 1)
        waits = [log["seconds"] for log in logs if log["event"] == "worker.start_postponed"]
    assert waits == [0, 1.0, 0]


async def test_a_worker_that_crashes_again_and_again_says_so_and_why_and_is_not_hurried(
    tmp_path: Path,
) -> None:
    def poison(_args: object) -> dict[str, bool]:
        line.phone.complain("panic: runtime error: index out of range")
        for number in range(20):
            line.phone.complain(f"frame {number}")
        line.phone.die()
        return {"paired": True}

    clock = ManualClock()
    async with toy_line(tmp_path, clock=clock, chance=1.0) as line:
        line.phone.answers["open"] = poison
        with capture_logs() as logs:
            await line.channel.connect()
            for times in range(1, 7):
                await line.ear.hears("closed 500 again", times)
                clock.advance(60)
            line.phone.answers.clear()
            line.phone.paired = True
            clock.advance(60)
            await line.ear.hears("open")
    reasons = [one.reason for one in line.ear.signals if isinstance(one, Closed)]
    assert ["times in a row" in reason for reason in reasons] == [False] * 3 + [True] * 3
    assert "4 times in a row" in reasons[3]
    said = [log for log in logs if log["event"] == "worker.keeps_ending"]
    assert [log["times"] for log in said] == [4, 5, 6]
    assert said[0]["why"][0] == "panic: runtime error: index out of range"
    waits = [log["seconds"] for log in logs if log["event"] == "worker.start_postponed"]
    assert waits == [0, 1.0, 2.0, 4.0, 8.0, 16.0]


async def test_fifty_workers_leave_nothing_behind(line: Line) -> None:
    async def crash(times: int) -> None:
        for _ in range(times):
            opened = line.ear.told.count("open")
            line.phone.crash()
            await line.ear.hears("closed 500 again", len(line.phone.births))
            await line.channel.connect()  # in a hurry
            await line.ear.hears("open", opened + 1)

    await line.opened()
    await crash(2)
    files, tasks = await asyncio.to_thread(psutil.Process().num_fds), len(asyncio.all_tasks())
    await crash(50)
    assert await asyncio.to_thread(psutil.Process().num_fds) <= files
    assert len(asyncio.all_tasks()) <= tasks + 2  # one may be about to end
    children = await asyncio.to_thread(psutil.Process().children)
    workers = [one.pid for one in children if one.pid in {b["born"] for b in line.phone.births}]
    assert workers == [line.phone.pid]


async def test_forgetting_deletes_the_folder_of_the_number(line: Line) -> None:
    await line.opened()

    def fill() -> None:
        (line.folder / "history").mkdir(parents=True)
        (line.folder / "session.db").write_bytes(b"keys")

    await asyncio.to_thread(fill)
    await line.channel.forget()
    assert not await asyncio.to_thread(line.folder.exists)
    assert await asyncio.to_thread(line.folder.parent.exists)
    assert line.phone.lives == 0
    await line.channel.forget()


async def test_what_a_worker_complains_of_is_logged_without_secrets(line: Line) -> None:
    await line.opened()
    with capture_logs() as logs:
        line.phone.complain("panic: for 5511987650009 key dGhpcyBpcyBhIHNlY3JldCBrZXkgb2Y=")
        line.phone.die()
        await line.ear.hears("open", 2)
    ended = next(log for log in logs if log["event"] == "worker.ended")
    assert ended["last_words"] == ["panic: for … key …"]
    assert "98765" not in str(logs)


async def test_a_number_that_is_always_online_says_so(tmp_path: Path) -> None:
    async with toy_line(tmp_path, behaviour=Behaviour(always_online=True)) as line:
        await line.opened()
        assert await line.phone.was_asked("presence") == {"available": True}
        await line.channel.behave(Behaviour())
        await line.phone.was_asked("presence", 2)
        assert line.phone.last("presence") == {"available": False}


async def test_a_number_shows_as_away_once_it_is_open_and_bears_a_refusal(line: Line) -> None:
    line.phone.answers["presence"] = lambda _: failure("failed")
    await line.opened()
    assert await line.phone.was_asked("presence") == {"available": False}
    await line.phone.was_asked("profile")
    assert line.ear.told == ["open"]


async def test_the_picture_follows_the_opening(line: Line) -> None:
    line.phone.answers["profile"] = lambda args: {"picture_url": f"https://pps/{args['jid']}"}
    await line.opened()
    await line.ear.hears("open", 2)
    assert line.ear.signals[1] == Opened(
        jid=OWNER, profile_name="Loja", picture_url=f"https://pps/{OWNER}"
    )
