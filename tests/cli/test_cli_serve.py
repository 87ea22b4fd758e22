from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from support.command_line import COMMAND, environment, run, written_config

KEY = "a-key-that-is-long-enough"
PATIENCE = 30


@dataclass(slots=True, kw_only=True)
class Running:
    """A `ponte serve` in a process of its own."""

    process: asyncio.subprocess.Process
    url: str = ""
    log: list[dict[str, object]] = field(default_factory=list)

    async def says(self, event: str) -> dict[str, object]:
        """Read its log on to an event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while line := await self.process.stderr.readline():
                self.log.append(json.loads(line))
                if self.log[-1]["event"] == event:
                    return self.log[-1]
        raise AssertionError((event, self.log))

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def serving(folder: Path, **more: Mapping[str, object]) -> AsyncIterator[Running]:
    config = written_config(
        folder,
        {
            "server": {"port": 0} | dict(more.get("server", {})),
            "auth": {"api_key": KEY},
            "storage": {"data_dir": str(folder / "data")},
            "network": {"allowed_private_hosts": ["127.0.0.1"]},
        },
    )
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "serve",
        "--config",
        str(config),
        cwd=folder,
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    running = Running(process=process)
    try:
        running.url = str((await running.says("service.listening"))["url"])
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "is not set"),
        ("429683C4C977415CAAFCCE10F7D57E11", "is a published example"),
        ("too-short", "is shorter than"),
    ],
)
def test_serve_without_a_good_key_says_what_to_do_and_stops(key, why, tmp_path):
    env = environment() if key is None else environment(PONTE_AUTH__API_KEY=key)
    said = run("serve", folder=tmp_path, env=env)
    assert said.code == 2
    assert why in said.err
    assert "ponte config key" in said.err
    assert "PONTE_AUTH__API_KEY" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "data").exists()


def test_serve_on_a_port_that_is_taken_says_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = environment(PONTE_AUTH__API_KEY=KEY, PONTE_SERVER__PORT=str(port))
        said = run("serve", folder=tmp_path, env=env)
    assert said.code == 2
    assert f"ponte: Ponte cannot listen on 127.0.0.1 port {port}" in said.err
    assert "Traceback" not in said.err


async def test_a_second_serve_on_the_same_data_stops(tmp_path):
    async with serving(tmp_path):
        said = await asyncio.to_thread(
            run, "serve", "--config", "config.toml", folder=tmp_path, env=environment()
        )
    assert said.code == 2
    assert "Another Ponte works with" in said.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(number, tmp_path):
    async with serving(tmp_path) as running:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{running.url}/healthz") as answer,
        ):
            assert answer.status == HTTPStatus.OK
        running.process.send_signal(number)
        assert await running.ends() == 0
        await running.says("service.stopped")
    assert [line["event"] for line in running.log] == [
        "service.started",
        "service.listening",
        "service.stopping",
        "service.stopped",
    ]
    assert running.log[-1]["clean"] is True


async def test_a_request_under_way_is_answered_before_it_ends(tmp_path):
    async with serving(tmp_path) as running, slow_create(running.url) as (answer, chatwoot):
        running.process.send_signal(signal.SIGTERM)
        await running.says("service.stopping")
        chatwoot.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        status, told = await answer
        assert (status, told["response"]["code"]) == (400, "chatwoot.not_chatwoot")
        assert await running.ends() == 0


async def test_a_second_signal_ends_it_at_once(tmp_path):
    async with (
        serving(tmp_path, server={"drain_seconds": 600}) as running,
        slow_create(running.url) as (answer, _),
    ):
        running.process.send_signal(signal.SIGTERM)
        await running.says("service.stopping")
        running.process.send_signal(signal.SIGTERM)
        assert await running.ends() == -signal.SIGTERM
        assert await answer is None


@contextlib.asynccontextmanager
async def slow_create(
    url: str,
) -> AsyncIterator[tuple[asyncio.Task[tuple[int, dict] | None], asyncio.StreamWriter]]:
    """A request that the service cannot answer before its Chatwoot has answered: us."""
    asked: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    async def chatwoot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set_result(writer)

    server = await asyncio.start_server(chatwoot, "127.0.0.1", 0)
    body = {
        "instanceName": "loja",
        "integration": "WHATSAPP-BUSINESS",
        "token": "EAA-some-token",
        "number": "412900001234567",
        "chatwootAccountId": "1",
        "chatwootToken": "some-token",
        "chatwootUrl": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
    }

    async def create(http: aiohttp.ClientSession) -> tuple[int, dict] | None:
        path, headers = f"{url}/instance/create", {"apikey": KEY}
        try:
            async with http.post(path, json=body, headers=headers) as answer:
                return answer.status, await answer.json()
        except aiohttp.ServerDisconnectedError:
            return None

    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        answer = group.create_task(create(http))
        async with asyncio.timeout(PATIENCE):
            writer = await asked
        try:
            yield answer, writer
        finally:
            writer.close()
            server.close()
