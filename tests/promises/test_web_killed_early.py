"""The service is killed while a number is being connected: nothing is left of it, it goes on."""

from __future__ import annotations

import asyncio
import contextlib

import psutil
import pytest

from support.ponte_process import poll
from support.web_crossing import CONNECTED_SECONDS, WORKER, web_crossing
from support.whatsapp_web import required

required()


def is_worker(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return WORKER in psutil.Process(pid).cmdline()
    return False


@pytest.mark.timeout(120)
async def test_killed_while_a_code_is_shown_it_shows_another_one(zygote, database, tmp_path):
    async with web_crossing(zygote, database, tmp_path / "world", paired=False) as its:
        before = (await its.create())["qrcode"]["code"]
        worker = its.worker()
        assert worker is not None

        await its.ponte.kill()
        await poll(lambda: not is_worker(worker), seconds=CONNECTED_SECONDS)
        await its.ponte.start()

        shown = await its.call("GET", f"/instance/connect/{its.name}")
        assert shown["code"] != before
        await its.phone.scan(shown["code"])
        await its.connected()


@pytest.mark.timeout(120)
async def test_killed_between_the_scan_and_the_connection_it_connects_without_a_code(
    zygote, database, tmp_path
):
    async with web_crossing(zygote, database, tmp_path / "world", paired=False) as its:
        code = (await its.create())["qrcode"]["code"]
        worker = its.worker()
        assert worker is not None
        its.double.refuse_logins(503)
        companion = await its.phone.scan(code)
        await its.double.journal.until(
            lambda: any(node.tag == "failure" for _, node in its.double.journal.trace),
            "it was paired, and its login refused",
        )

        await its.ponte.kill()
        await poll(lambda: not is_worker(worker), seconds=CONNECTED_SECONDS)
        its.double.accept_logins()
        await its.ponte.start()

        await its.connected()
        await companion.connected()
        assert await asyncio.to_thread(
            its.ponte.query, "SELECT COUNT(*) FROM event WHERE name='qrcode.updated'"
        ) == [(1,)]
