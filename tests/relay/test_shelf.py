"""The flows that turns go by are those of the last commit, whoever reads at the same time."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet

from bridge.core.typebot import Bot, BotSettings
from bridge.relay.bot import flows
from bridge.relay.bot.bots import add
from bridge.relay.bot.flows import Shelf
from bridge.store.engine import Store, Unit
from bridge.store.queries import bots
from bridge.store.secrets import Vault
from support.database import fresh
from support.instances import instance, keep

ID = "id-loja"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(await asyncio.to_thread(fresh, tmp_path))
    await keep(opened, Vault([Fernet.generate_key().decode()]), instance("loja"))
    yield opened
    await opened.close()


async def seen(store: Store, shelf: Shelf) -> list[str]:
    found = await store.read(lambda db: shelf.of(db, ID))
    return [one.bot.typebot for one in found.bots]


async def test_a_change_is_seen_from_its_commit_on(store: Store) -> None:
    shelf = Shelf()

    def work(unit: Unit) -> list[str]:
        add(unit, ID, Bot(url="https://viewer.example.com", typebot="a"), now=1)
        shelf.changed(unit, ID)
        return [one.bot.typebot for one in shelf.of(unit.db, ID).bots]

    assert await seen(store, shelf) == []
    assert await store.write(work) == []  # what has not happened yet is nobody's
    assert await seen(store, shelf) == ["a"]


async def test_a_change_that_fails_is_not_seen(store: Store) -> None:
    shelf = Shelf()

    def work(unit: Unit) -> None:
        add(unit, ID, Bot(url="https://viewer.example.com", typebot="a"), now=1)
        shelf.changed(unit, ID)
        raise ValueError("the disk is full, say")

    with pytest.raises(ValueError, match="say"):
        await store.write(work)
    assert await seen(store, shelf) == []


async def test_a_reader_who_began_before_a_commit_brings_nothing_old_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    began, committed = threading.Event(), threading.Event()

    def work(unit: Unit) -> None:
        add(unit, ID, Bot(url="https://viewer.example.com", typebot="a"), now=1)
        shelf.changed(unit, ID)

    def slowly(db: sqlite3.Connection, instance_id: str) -> BotSettings | None:
        found = bots.settings(db, instance_id)
        if not began.is_set():  # the reader, who has seen the flows as they were
            began.set()
            assert committed.wait(30)
        return found

    monkeypatch.setattr(flows, "bots", SimpleNamespace(**vars(bots) | {"settings": slowly}))
    reader = asyncio.ensure_future(seen(store, shelf))
    await asyncio.to_thread(began.wait, 30)
    await store.write(work)
    committed.set()
    assert await reader == ["a"]
    assert await seen(store, shelf) == ["a"]
