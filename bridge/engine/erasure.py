"""Nothing stays of an instance that was deleted: rows, people and files.

It goes in small units, so that accepting never waits for it; what a crash cuts off is finished by
`erase_leftovers`, with which retention begins at every start.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from functools import partial
from pathlib import Path

import structlog

from bridge.store.engine import Store, Unit
from bridge.store.queries import deletion

log = structlog.get_logger(__name__)

_OF_JOB = re.compile(r"(?:in-|out-|media-)([0-9]{1,18})(?:-[0-9]{1,9})?")


async def erase(store: Store, instance_id: str, *, spool: Path | None = None) -> None:
    """Delete everything of an instance, its own row first when that is still there.

    The first commit survives a loss of power, and a crash after it does not bring anything back.
    """
    await _erase_rows(store, instance_id, spool)
    await _erase_people(store)


async def erase_leftovers(store: Store, *, spool: Path | None = None) -> int:
    """Finish what earlier deletions left behind; returns for how many instances."""
    gone = await store.read(deletion.leftovers)
    for instance_id in gone:
        await _erase_rows(store, instance_id, spool)
    await _erase_people(store)
    return len(gone)


async def _erase_rows(store: Store, instance_id: str, spool: Path | None) -> None:
    def work(unit: Unit) -> deletion.Deleted:
        return deletion.delete_everything(unit.db, instance_id)

    step = await store.write(work, durable=True)
    jobs = set(step.jobs)
    while not step.finished:
        step = await store.write(work)
        jobs.update(step.jobs)
    if spool is not None and jobs:
        files = await asyncio.to_thread(_remove_files, spool, jobs)
        log.info("instance.erased", instance_id=instance_id, jobs=len(jobs), files=files)


async def _erase_people(store: Store) -> None:
    for scope in await store.read(deletion.unused_scopes):
        after: int | None = 0
        while after is not None:
            after = await store.write(partial(_some_people, scope, after))


def _some_people(scope: str, after: int, unit: Unit) -> int | None:
    return deletion.delete_people(unit.db, scope, after=after)


def _remove_files(spool: Path, jobs: Collection[int]) -> int:
    count = 0
    try:
        for path in spool.iterdir():
            named = _OF_JOB.fullmatch(path.name)
            if named is not None and int(named[1]) in jobs:
                path.unlink(missing_ok=True)
                count += 1
    except OSError as error:  # the hourly sweep tries again
        log.warning("spool.unreadable", error=error.strerror)
    return count
