"""Changing the API key of an instance without a gap: the one before works until it is dropped."""

from __future__ import annotations

import structlog

from bridge.clock import Clock
from bridge.errors import Conflict, NotFound
from bridge.relay.directory import Directory, Entry, gone
from bridge.store.engine import Store, Unit
from bridge.store.queries import keys
from bridge.store.queries.keys import KeyPair, KeyRow
from bridge.store.secrets import hash_key, new_key

log = structlog.get_logger(__name__)


class Keyring:
    """What has been changed counts at once: nothing that was dropped opens the next request."""

    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def add(self, entry: Entry, *, alone: bool = False) -> str:
        """Make a new key, which is shown this once; the one before stays as the old key.

        Raises `Conflict` when there is an old one still: to drop it unasked would cut off whoever
        uses it. Of two calls at once one wins. `alone`: in the same commit all others are dropped.
        """
        key, now = new_key(), self._clock.ms()

        def work(unit: Unit) -> None:
            found = _found(keys.pair(unit.db, entry.id), entry)
            if found.old is not None and not alone:
                raise Conflict(
                    f'The "{entry.instance.name}" instance has two keys already.',
                    f"Drop the old one with DELETE /instance/keys/{entry.instance.name} first.",
                    code="key.two_already",
                )
            fresh = KeyRow(key_hash=hash_key(key), made_at=now)
            old = None if alone else found.current
            keys.save(unit.db, entry.id, KeyPair(current=fresh, old=old))

        await self._store.write(work, durable=True)
        await self._directory.refresh(entry.id)
        log.info("key.added", instance=entry.instance.name, alone=alone)
        return key

    async def drop_old(self, entry: Entry) -> None:
        """Take the old key out of use. Raises `NotFound` when there is none."""

        def work(unit: Unit) -> None:
            found = _found(keys.pair(unit.db, entry.id), entry)
            if found.old is None:
                raise NotFound(
                    f'The "{entry.instance.name}" instance has one key only.',
                    f"Make a new one with POST /instance/keys/{entry.instance.name}; "
                    "the present one becomes the old one then.",
                    code="key.no_old",
                )
            keys.save(unit.db, entry.id, KeyPair(current=found.current, old=None))

        await self._store.write(work, durable=True)
        await self._directory.refresh(entry.id)
        log.info("key.dropped", instance=entry.instance.name)

    async def pair(self, entry: Entry) -> KeyPair:
        """The keys of an instance, as hashes."""
        return _found(await self._store.read(lambda db: keys.pair(db, entry.id)), entry)


def _found(found: KeyPair | None, entry: Entry) -> KeyPair:
    if found is None:  # deleted meanwhile
        raise gone(entry.instance.name)
    return found
