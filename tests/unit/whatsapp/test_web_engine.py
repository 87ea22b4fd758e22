"""What the engine is asked, and when, over a stand-in of the compiled library."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.whatsapp.web.worker.engine import Engine
from bridge.whatsapp.web.worker.failures import Failure


def engine(get_me: Any) -> Engine:
    binder = SimpleNamespace(gocode=SimpleNamespace(GetMe=get_me))
    types = SimpleNamespace(Device=SimpleNamespace(FromString=lambda data: data))
    library: Any = SimpleNamespace(binder=binder, types=types)
    hears: Any = None
    made = Engine(library, hears)
    made.opened()
    return made


async def test_a_connection_that_went_while_we_asked_who_we_are_counts_as_gone() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def get_me(_client: bytes) -> str:
        asked.set()
        go_on.wait(10)
        return "me"

    it = engine(get_me)
    asking = asyncio.ensure_future(it.me())
    await asyncio.to_thread(asked.wait, 10)
    it.phase = "offline"
    go_on.set()
    with pytest.raises(Failure):
        await asking


async def test_slow_calls_do_not_keep_us_from_knowing_who_we_are() -> None:
    it, go_on = engine(lambda _client: "me"), threading.Event()
    slow = [asyncio.ensure_future(it.call(lambda: go_on.wait(10))) for _ in range(20)]
    try:
        assert await it.me() == "me"
    finally:
        go_on.set()
        await asyncio.gather(*slow)
