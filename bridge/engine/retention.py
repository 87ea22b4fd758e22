"""Keeps the database and the spool from growing: what is old enough goes, in small batches.

Each batch is a unit of its own, so that accepting never waits for a purge.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from bridge.clock import Clock
from bridge.engine.erasure import erase_leftovers
from bridge.errors import Unavailable
from bridge.store.engine import Store, Unit
from bridge.store.queries import menus, reactions, retention, votes

log = structlog.get_logger(__name__)

#: Rows of one unit of work.
BATCH = 500
EVERY_MS = 3_600_000
#: A file younger than this is left alone: somebody may just be writing it.
YOUNGEST_MS = 3_600_000
#: A choice that a chat was offered can be answered for a day; an answer may wait for Chatwoot.
MENU_MS = 8 * 24 * 3_600_000

_OF_JOB = re.compile(r"(?:in-|out-|media-)([0-9]{1,18})(?:-[0-9]{1,9})?")
_UNFINISHED = re.compile(r"\..*\.part")


async def purge(
    store: Store,
    *,
    now: int,
    jobs_ms: int,
    dead_ms: int,
    seen_ms: int,
    ledger_ms: int,
    audit_ms: int,
    events_ms: int,
    history_ms: int,
    merges_ms: int,
    batch: int = BATCH,
) -> dict[str, int]:
    """Remove what ended, was seen or written so long ago; returns how many rows of each kind.

    Raises `Unavailable`; what was removed until then stays removed.
    """
    kinds: tuple[tuple[str, Callable[[sqlite3.Connection, int, int], int], int], ...] = (
        ("jobs", retention.purge_jobs, jobs_ms),
        ("dead", retention.purge_dead, dead_ms),
        ("seen", retention.purge_seen, seen_ms),
        ("ledger", retention.purge_ledger, ledger_ms),
        ("audit", retention.purge_audit, audit_ms),
        ("events", retention.purge_events, events_ms),
        ("history", retention.purge_history, history_ms),
        ("merges", retention.purge_merges, merges_ms),
        ("looked_at", lambda db, _before, most: retention.purge_looked_at(db, most), 0),
        ("menus", menus.purge, MENU_MS),
        ("talks", retention.purge_talks, ledger_ms),
        ("reactions", reactions.purge, ledger_ms),
        ("votes", votes.purge, ledger_ms),
    )
    removed = {}
    for name, remove, keep_ms in kinds:
        removed[name] = await _in_batches(store, partial(_unit, remove, now - keep_ms, batch))
    return removed


async def sweep_spool(store: Store, spool: Path, *, now: int) -> int:
    """Remove files that no job will use, and the rests of downloads that a crash cut off."""
    files = await asyncio.to_thread(_old_files, spool, now - YOUNGEST_MS)
    ids = {job_id for _, job_id in files if job_id is not None}
    wanted: set[int] = set()
    ordered = sorted(ids)
    for start in range(0, len(ordered), BATCH):
        some = ordered[start : start + BATCH]
        wanted |= await store.read(partial(retention.needing_files, ids=some))
    return await asyncio.to_thread(
        _remove, [path for path, job_id in files if job_id is None or job_id not in wanted]
    )


async def keep_purging(
    store: Store,
    clock: Clock,
    *,
    jobs_ms: int,
    dead_ms: int,
    seen_ms: int,
    ledger_ms: int,
    audit_ms: int,
    events_ms: int,
    history_ms: int,
    merges_ms: int,
    spool: Path | None = None,
    every_ms: int = EVERY_MS,
) -> None:
    """Purge now and then once an hour, until cancelled. A failing database is tried next time."""
    while True:
        now = clock.ms()
        try:
            removed = await purge(
                store,
                now=now,
                jobs_ms=jobs_ms,
                dead_ms=dead_ms,
                seen_ms=seen_ms,
                ledger_ms=ledger_ms,
                audit_ms=audit_ms,
                events_ms=events_ms,
                history_ms=history_ms,
                merges_ms=merges_ms,
            )
            removed["instances"] = await erase_leftovers(store, spool=spool)
            if spool is not None:
                removed["files"] = await sweep_spool(store, spool, now=now)
        except Unavailable as error:
            log.warning("retention.postponed", error=str(error))
        else:
            if any(removed.values()):
                log.info("retention.purged", **removed)
        await clock.wait(asyncio.Event(), now + every_ms)


async def _in_batches(store: Store, remove: Callable[[Unit], int]) -> int:
    total = 0
    while count := await store.write(remove):
        total += count
    return total


def _unit(
    remove: Callable[[sqlite3.Connection, int, int], int], before: int, batch: int, unit: Unit
) -> int:
    return remove(unit.db, before, batch)


def _old_files(spool: Path, before: int) -> Sequence[tuple[Path, int | None]]:
    """Files that we know by name and that nobody is writing, with their job."""
    found: list[tuple[Path, int | None]] = []
    try:
        for path in spool.iterdir():
            named = _OF_JOB.fullmatch(path.name)
            if named is None and not _UNFINISHED.fullmatch(path.name):
                continue
            if path.lstat().st_mtime * 1000 < before:
                found.append((path, int(named[1]) if named else None))
    except OSError as error:
        log.warning("spool.unreadable", error=error.strerror)
    return found


def _remove(paths: Sequence[Path]) -> int:
    count = 0
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("spool.file_kept", error=error.strerror)
        else:
            count += 1
    return count
