"""Ten thousand instances: how the service starts with them, lists them, finds and makes one."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bench.house import NUMBER, TOKEN, House, house
from bridge.core.instance import BUSINESS
from bridge.sim.chatwoot import ChatwootSim
from bridge.sim.graph import Number
from bridge.store import schema
from bridge.store.secrets import hash_key, load_vault

#: The crowd, and a service without one to compare with.
SIZES = (0, 10_000)
#: Requests of each kind, and how many instances are made beside the others.
ASKED = 300
CREATED = 20
_NEW = tuple(f"4129000012{number:05}" for number in range(CREATED))
_WAITING = re.compile(r'ponte_waiting\{road="internal"\} ([\d.e+]+)')


async def crowd(run: int, size: int, *, quick: bool) -> list[dict[str, Any]]:
    """One start after a stop: each of `size` instances has to catch up with its Chatwoot inbox."""
    numbers = tuple(Number(phone_number_id=one) for one in (NUMBER, *_NEW))
    async with house(0.005, numbers=numbers, prepare=partial(_fill, size)) as here:
        rows = [_row(run, size, "start", [here.start_seconds], here) | {"CPU s": here.cpu()}]
        if size:
            rows.append(_row(run, size, "all caught up", [await _caught_up(here)], here))
            asked = [(run + n * 6029) % size for n in range(ASKED // (3 if quick else 1))]
            for kind in ("by name, first use", "by name"):
                waits = [await _fetch(here, f"?instanceName={_name(number)}") for number in asked]
                rows.append(_row(run, size, kind, waits, here))
            waits = [await _fetch(here, "?page=1&pageSize=100") for _ in asked]
            rows.append(_row(run, size, "first page of 100", waits, here))
        waits = [await _create(here, number) for number in range(CREATED)]
        rows.append(_row(run, size, "create", waits, here))
        if size:
            waits = [await _fetch(here, "") for _ in range(3)]
            rows.append(_row(run, size, "the whole list", waits, here))
    return rows


def _name(number: int) -> str:
    return f"crowd-{number:05}"


def _fill(size: int, data: Path, chatwoot: ChatwootSim, chatwoot_url: str) -> None:
    """A migrated database with the crowd, as it was a minute ago."""
    vault = load_vault([], data)
    schema.prepare(data / "ponte.db")
    now = round(time.time() * 1000) - 60_000
    token, verify, hook, options = map(vault.seal, (TOKEN, "bench", "h" * 32, "{}"))
    chatwoot_token = vault.seal(chatwoot.admin_token)
    with closing(sqlite3.connect(data / "ponte.db")) as db:
        for number in range(size):
            name = _name(number)
            instance = {
                "id": f"{number:08}-0000-4000-8000-000000000000",
                "name": name,
                "integration": BUSINESS,
                "key_hash": hash_key(name),
                "number": f"4139{number:011}",
                "business_id": f"3988{number:011}",
                "sealed_token": token,
                "sealed_verify_token": verify,
                "sealed_options": options,
                "created_at": now,
                "updated_at": now,
            }
            inbox = {
                "instance_id": instance["id"],
                "enabled": True,
                "url": chatwoot_url,
                "account_id": 1,
                "sealed_token": chatwoot_token,
                "sign_msg": False,
                "reopen_conversation": False,
                "conversation_pending": False,
                "merge_brazil_contacts": False,
                "name_inbox": name,
                "auto_create": True,
                "options": "{}",
                "sealed_hook": hook,
                "inbox_id": 100_000 + number,
                "made_by_us": True,
                "lock_to_single": False,
                "provisioned_at": now,
                "updated_at": now,
            }
            _insert(db, "instance", instance)
            _insert(db, "chatwoot_inbox", inbox)
        _insert(db, "fact", {"name": "alive_at", "value": str(now)})
        db.commit()


def _insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ",".join("?" * len(values))
    db.execute(f"INSERT INTO {table}({','.join(values)}) VALUES({marks})", tuple(values.values()))


async def _fetch(here: House, query: str) -> float:
    begun = time.perf_counter()
    async with here.session.get(f"{here.url}/instance/fetchInstances{query}") as answer:
        body = await answer.read()
        if answer.status != HTTPStatus.OK or len(body) < 100:
            raise RuntimeError(f"{answer.status} {body[:500]!r}")
    return time.perf_counter() - begun


async def _create(here: House, number: int) -> float:
    body = {
        "instanceName": f"new-{number}",
        "integration": BUSINESS,
        "token": TOKEN,
        "number": _NEW[number],
    }
    begun = time.perf_counter()
    async with here.session.post(f"{here.url}/instance/create", json=body) as answer:
        if answer.status != HTTPStatus.CREATED:
            raise RuntimeError(await answer.text())
    return time.perf_counter() - begun


async def _caught_up(here: House) -> float:
    """Seconds from readiness until nobody has to catch up any more."""
    begun = time.perf_counter()
    async with asyncio.timeout(600):
        while True:
            async with here.session.get(f"{here.url}/metrics") as answer:
                found = _WAITING.search(await answer.text())
            if found is not None and not float(found[1]):
                return time.perf_counter() - begun
            await asyncio.sleep(0.5)


def _row(run: int, size: int, kind: str, waits: Sequence[float], here: House) -> dict[str, Any]:
    ordered = sorted(waits)
    return {
        "way": f"{size} instances: {kind}",
        "latency": 0.005,
        "concurrency": 1,
        "run": run,
        "p50": ordered[len(ordered) // 2] * 1000,
        "p99": ordered[int(len(ordered) * 0.99)] * 1000,
        "MB": here.resident_mb(),
    }
