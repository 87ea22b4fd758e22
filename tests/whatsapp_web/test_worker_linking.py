"""How a worker links a number, connects again, and ends, over the real library."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bridge.whatsapp.web.worker.calls import now_ms
from support.web_worker import Refused, Worker, link, linked, resumed
from support.whatsapp_web import WhatsAppWeb, required
from support.whatsapp_web.nodes import Node

required()

NUMBER = "5511900000001"


async def test_a_number_is_linked_by_qr_code(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        phone = double.phone(NUMBER, name="Loja", business="Loja Azul")
        assert worker.frames == [] or worker.frames[0]["type"] == "hello"
        assert await worker.open() == {"paired": False}
        shown = await worker.event("qr")
        assert shown["count"] == 1
        companion = await phone.scan(shown["code"])
        told = await worker.event("open")
        await companion.connected()
        assert told["jid"] == f"{NUMBER}@s.whatsapp.net"
        assert told["lid"] == str(phone.lid)
        (paired,) = worker.told("paired")
        assert paired["jid"] == f"{NUMBER}@s.whatsapp.net"
        assert paired["business_name"] == "Loja Azul"
        hello = worker.frames[0]
        assert hello["type"] == "hello"
        assert hello["protocol"] == 1
        assert hello["engine"].startswith("neonize 0.")


async def test_a_number_is_linked_by_a_code_that_is_typed(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        phone = double.phone(NUMBER)
        await worker.open()
        await worker.event("qr")
        code = (await worker.ask("pair", {"number": NUMBER}))["code"]
        assert await worker.event("pairing_code") == {"code": code, "number": NUMBER}
        await phone.enter_code(code)
        await worker.event("open")


async def test_its_files_are_nobody_elses_and_it_drags_no_foreign_libraries_along(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            home = tmp_path / "one"
            assert home.stat().st_mode & 0o777 == 0o700
            files = {file.name: file.stat().st_mode & 0o777 for file in home.iterdir()}
            assert {"session.db", "journal.db", "lock"} <= files.keys()
            assert set(files.values()) == {0o600}
            maps = Path(f"/proc/{worker.process.pid}/maps")
            loaded = await asyncio.to_thread(maps.read_text, "utf-8")
            assert "neonize" in loaded
            assert "magic" not in loaded
            assert "libavcodec" not in loaded


async def test_after_a_kill_it_connects_without_a_code(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            await worker.kill()
            await companion.gone()
        async with resumed(double, tmp_path / "one") as worker:
            await companion.connected()
            assert worker.told("qr") == []
            assert (await worker.ask("ping"))["connected"] is True


async def test_a_broken_connection_is_told_and_comes_back(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            before = len(worker.told("open"))
            double.drop()
            told = await worker.event("closed")
            assert (told["cause"], told["again"]) == ("disconnected", True)
            await worker.until(lambda: len(worker.told("open")) > before, "a second open")
            assert companion.is_linked


async def test_unlinked_on_the_phone_it_forgets_the_link_and_goes(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            await phone.unlink()
            told = await worker.event("closed")
            assert (told["cause"], told["code"], told["again"]) == ("logged_out", 401, False)
            assert await worker.gone() == 0
        assert not (tmp_path / "one" / "session.db").exists()
        async with Worker(tmp_path / "one", double.environ) as worker:
            await link(worker, phone)


async def test_logging_out_unlinks_it_on_the_phone(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            assert await worker.ask("logout") == {}
            assert not companion.is_linked
            assert await worker.gone() == 0
        assert not (tmp_path / "one" / "session.db").exists()


async def test_replaced_by_another_client_it_tells_and_goes(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            conflict = Node("conflict", {"type": "replaced"})
            await companion.connection.send(Node("stream:error", {}, [conflict]))
            double.start(companion.connection.hang_up())
            told = await worker.event("closed", lambda one: one["cause"] == "replaced")
            assert (told["code"], told["again"]) == (440, False)
            assert await worker.gone() == 0
        assert (tmp_path / "one" / "session.db").exists()


@pytest.mark.parametrize(
    ("reason", "fields", "cause", "code"),
    [
        pytest.param(405, {}, "outdated", 405, id="a version that is too old"),
        pytest.param(402, {"code": "101", "expire": "3600"}, "banned", None, id="banned a while"),
        pytest.param(403, {}, "logged_out", 403, id="the main device is gone"),
        pytest.param(401, {}, "logged_out", 401, id="unlinked meanwhile"),
        pytest.param(409, {}, "refused", 409, id="a client that is not liked"),
    ],
)
async def test_a_refused_login_is_told_with_its_cause(tmp_path, reason, fields, cause, code):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            await worker.kill()
        double.refuse_logins(reason, **fields)
        async with Worker(tmp_path / "one", double.environ) as worker:
            await worker.open()
            told = await worker.event("closed", lambda one: not one["again"])
            assert told["cause"] == cause
            if code is not None:
                assert told["code"] == code
            assert await worker.gone() == 0


async def test_a_ban_says_when_it_ends(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            await worker.kill()
        double.refuse_logins(402, code="101", expire="3600")
        async with Worker(tmp_path / "one", double.environ) as worker:
            before = now_ms()
            await worker.open()
            told = await worker.event("closed")
            assert before + 3_500_000 < told["expires_ms"] < now_ms() + 3_700_000


async def test_codes_that_nobody_scans_end_it(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        await worker.open(qr_seconds=2)
        await worker.event("qr")
        told = await worker.event("closed")
        assert (told["cause"], told["code"], told["again"]) == ("qr_timeout", 428, False)
        assert await worker.gone() == 0


async def test_a_connection_lost_while_a_code_is_shown_ends_it(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        await worker.open()
        await worker.event("qr")
        double.drop()
        told = await worker.event("closed")
        assert (told["cause"], told["again"]) == ("unreachable", False)
        assert await worker.gone() == 0


async def test_whatsapp_out_of_reach_ends_it_with_a_reason(tmp_path):
    async with WhatsAppWeb() as double:
        environ = {**double.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}
        async with Worker(tmp_path / "one", environ) as worker:
            await worker.open()
            told = await worker.event("closed")
            assert (told["cause"], told["again"]) == ("unreachable", False)
            assert "refused" in told["reason"]
            assert await worker.gone() == 0


async def test_asked_to_close_it_leaves_whatsapp_and_goes(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            assert await worker.ask("close") == {}
            assert await worker.gone() == 0
            await companion.gone()


async def test_sigterm_ends_it(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            worker.process.send_signal(signal.SIGTERM)
            assert await worker.gone() == 0
            await companion.gone()


async def test_it_goes_when_its_socket_is_closed(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            worker.hang_up()
            assert await worker.gone() == 0


_PARENT = """
import socket, subprocess, sys, time
ours, its = socket.socketpair()
child = subprocess.Popen(
    [sys.executable, "-m", "bridge.whatsapp.web.worker", "--fd", str(its.fileno())],
    pass_fds=[its.fileno()], start_new_session=True, stdout=subprocess.DEVNULL)
holder = subprocess.Popen(
    ["sleep", "60"], pass_fds=[ours.fileno()], stdout=subprocess.DEVNULL)
ours.recv(4)
print(child.pid, holder.pid, flush=True)
time.sleep(60)
"""


async def test_it_does_not_outlive_a_parent_that_is_killed(tmp_path):
    """Even while somebody else holds Ponte's end of the socket open."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, stdout=asyncio.subprocess.PIPE, env=environ
    )
    worker, holder = map(int, (await parent.stdout.readline()).split())
    watch = os.pidfd_open(worker)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, gone.set)
    try:
        parent.kill()
        await parent.wait()
        async with asyncio.timeout(30):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(watch)
        os.close(watch)
        os.kill(holder, signal.SIGKILL)


_SPAWNING = """
import os, socket, subprocess, sys
ours, its = socket.socketpair()
child = subprocess.Popen(
    [sys.executable, "-m", "bridge.whatsapp.web.worker", "--fd", str(its.fileno())],
    pass_fds=[its.fileno()], start_new_session=True, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


async def test_it_does_not_outlive_a_parent_that_is_killed_while_it_starts(tmp_path):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SPAWNING, stdout=asyncio.subprocess.PIPE, env=environ
    )
    watch = os.pidfd_open(int(await parent.stdout.readline()))
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, gone.set)
    try:
        await parent.wait()
        async with asyncio.timeout(30):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(watch)
        os.close(watch)


async def test_a_second_worker_for_a_number_is_turned_away(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as first:
        await first.open()
        async with Worker(tmp_path / "one", double.environ) as second:
            with pytest.raises(Refused) as refused:
                await second.open()
            assert refused.value.error["code"] == "locked"
            await first.kill()
            await second.open()
