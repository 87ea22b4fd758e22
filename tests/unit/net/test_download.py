"""Files that are downloaded: complete and under their name, or not there at all."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import (
    BridgeError,
    ForbiddenAddress,
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerGone,
    PeerRefused,
    PeerTimeout,
    TooBig,
)
from bridge.net.http import Downloaded, Http


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder / "photo.jpg"


async def fetch(http: Http, url: str, into: Path, **options: Any) -> Downloaded:
    settings = {"limit": 10**7, "timeout": 5.0, "peer": "WhatsApp", **options}
    return await http.download(url, into, **settings)


def answering(said: bytes):
    async def script(line) -> None:
        while True:
            await line.request()
            await line.say(said)

    return script


def moved(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def file(data: bytes, mime: str = "image/jpeg") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
async def test_a_file_arrives_complete(http, peer, into, size: int) -> None:
    data = os.urandom(size)
    there = await peer(answering(file(data, "Image/JPEG; name=x")))
    got = await fetch(http, there.url, into)
    assert got == Downloaded(
        path=into, size=size, mime="image/jpeg", sha256=hashlib.sha256(data).hexdigest()
    )
    assert into.read_bytes() == data
    assert list(into.parent.iterdir()) == [into]


async def test_a_file_of_exactly_the_limit_passes(http, peer, into) -> None:
    there = await peer(answering(file(b"x" * 100)))
    assert (await fetch(http, there.url, into, limit=100)).size == 100


@pytest.mark.parametrize(
    "said",
    [
        file(b"x" * 101),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        % len(gzip.compress(bytes(10**6)))
        + gzip.compress(bytes(10**6)),
    ],
    ids=["announced", "until the end", "chunked", "compressed"],
)
async def test_a_file_over_the_limit_is_given_up_and_removed(http, peer, into, said) -> None:
    there = await peer(answering(said))
    with pytest.raises(TooBig, match="WhatsApp is larger than 100 bytes"):
        await fetch(http, there.url, into, limit=100)
    assert list(into.parent.iterdir()) == []


async def test_a_file_announced_too_big_is_not_even_read(http, peer, into) -> None:
    there = await peer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"))
    with pytest.raises(TooBig):
        await fetch(http, there.url, into)


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_file_cut_in_the_middle_is_removed(http, peer, into, how: str) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_500_000)
        if how == "reset":
            line.reset()

    there = await peer(script)
    with pytest.raises(PeerBroke):
        await fetch(http, there.url, into)
    assert list(into.parent.iterdir()) == []


async def test_a_file_that_trickles_runs_out_of_time(http, peer, into) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_500_000)
        await line.gone()

    there = await peer(script)
    with pytest.raises(PeerTimeout):
        await fetch(http, there.url, into, timeout=0.4)
    assert list(into.parent.iterdir()) == []


async def test_the_time_limit_holds_for_all_redirects_together(http, peer, into) -> None:
    async def script(line) -> None:
        while True:
            await line.request()
            await asyncio.sleep(0.15)
            await line.say(moved("/on"))

    there = await peer(script)
    with pytest.raises(PeerTimeout):
        await fetch(http, there.url, into, timeout=0.5, redirects=50)


async def test_a_cancelled_download_leaves_nothing(http, peer, into) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_500_000)
        await line.gone()

    there = await peer(script)
    task = asyncio.ensure_future(fetch(http, there.url, into))
    while not list(into.parent.iterdir()):  # noqa: ASYNC110  the disk sends no events
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(into.parent.iterdir()) == []


async def test_a_disk_that_fails_is_told_and_may_be_retried(http, peer, tmp_path) -> None:
    there = await peer(answering(file(b"x")))
    with pytest.raises(PeerDown, match="spool") as caught:
        await fetch(http, there.url, tmp_path / "missing" / "photo.jpg")
    assert caught.value.cause == "spool.failed"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (204, PeerBroke),
        (206, PeerBroke),
        (302, PeerBroke),
        (400, PeerRefused),
        (401, PeerRefused),
        (403, PeerRefused),
        (404, PeerGone),
        (410, PeerGone),
        (429, PeerBusy),
        (500, PeerBroke),
        (503, PeerBroke),
    ],
)
async def test_what_a_status_means_for_a_file(
    http, peer, into, status: int, expected: type[BridgeError]
) -> None:
    said = f"HTTP/1.1 {status} So\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"
    there = await peer(answering(said.encode()))
    with pytest.raises(expected, match=str(status)) as caught:
        await fetch(http, there.url, into)
    assert caught.value.retry_after == (9.0 if status == 429 or expected is PeerBroke else None)
    assert list(into.parent.iterdir()) == []


SECRETS = {"Authorization": "Bearer s3cr3t", "api_access_token": "s3cr3t", "Accept": "image/*"}


async def test_credentials_follow_a_redirect_at_the_same_host(http, peer, into) -> None:
    async def script(line) -> None:
        await line.request()
        await line.say(moved("/elsewhere?signed=1"))
        await line.request()
        await line.say(file(b"x"))

    there = await peer(script)
    await fetch(http, there.url, into, headers=SECRETS)
    assert there.heads[1].startswith("GET /elsewhere?signed=1 ")
    assert there.heads[1].count("s3cr3t") == 2


async def test_credentials_stay_behind_once_a_redirect_leaves_the_host(http, peer, into) -> None:
    back: list[str] = []
    origin_script_calls = 0

    async def origin(line) -> None:
        nonlocal origin_script_calls
        while True:
            await line.request()
            origin_script_calls += 1
            await line.say(moved(storage.url) if origin_script_calls == 1 else file(b"x"))

    async def elsewhere(line) -> None:
        await line.request()
        await line.say(moved(back[0]))

    storage = await peer(elsewhere)
    there = await peer(origin)
    back.append(f"{there.url}/again")
    await fetch(http, there.url, into, headers=SECRETS)
    assert there.heads[0].count("s3cr3t") == 2
    assert "s3cr3t" not in storage.heads[0]
    assert "image/*" in storage.heads[0]
    assert "s3cr3t" not in there.heads[1]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:9/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.2]/",
        "file:///etc/passwd",
        "http://user:password@127.0.0.1/",
        "http://[broken/",
    ],
)
async def test_a_redirect_to_where_we_must_not_go_is_not_followed(
    http, peer, into, target: str
) -> None:
    there = await peer(answering(moved(target)))
    with pytest.raises(ForbiddenAddress):
        await fetch(http, there.url, into)
    assert len(there.heads) == 1


async def test_redirects_are_not_followed_for_ever(http, peer, into) -> None:
    there = await peer(answering(moved("/on")))
    with pytest.raises(PeerRefused, match="more than 5 times"):
        await fetch(http, there.url, into)
    assert len(there.heads) == 6
