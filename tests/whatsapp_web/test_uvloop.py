"""`ponte serve` uses uvloop where it is installed; its transports are of other classes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvloop

from support.toy_phone import toy_line


async def _connected_and_left(folder: Path) -> list[str]:
    async with toy_line(folder) as line:
        await line.opened()
        line.phone.complain("a word on standard error")
        await line.channel.leave()
        return line.ear.told


def test_a_worker_lives_and_ends(tmp_path):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(_connected_and_left(tmp_path)) == ["open"]
