"""The roll of all instances: what is no secret of them, and the ways to find one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from bridge.store.queries.instances import Sealed

K = TypeVar("K")


class Roll:
    """Changed by `put` and `drop` alone, which cost the same however long it is."""

    def __init__(self) -> None:
        self.by_id: dict[str, Sealed] = {}
        self.by_name: dict[str, Sealed] = {}
        self.by_number: dict[str, Sealed] = {}
        #: By (scope, inbox id); the database keeps them apart.
        self.by_inbox: dict[tuple[str, int], Sealed] = {}
        self._by_key: dict[str, Sealed] = {}
        self._by_old_key: dict[str, Sealed] = {}
        self._by_business: dict[str, dict[str, Sealed]] = {}
        self._names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.by_id)

    def put(self, row: Sealed) -> None:
        """Add an instance, or replace what was known of it."""
        self.drop(row.id)
        self.by_id[row.id] = row
        self.by_name[row.name] = row
        self._by_key[row.key_hash] = row
        if row.number:
            self.by_number[row.number] = row
        if row.old_key_hash:
            self._by_old_key[row.old_key_hash] = row
        if (inbox := _inbox(row)) is not None:
            self.by_inbox[inbox] = row
        if row.business_id:
            self._by_business.setdefault(row.business_id, {})[row.id] = row
        self._names = None

    def drop(self, instance_id: str) -> None:
        row = self.by_id.pop(instance_id, None)
        if row is None:
            return
        # What another instance has taken over meanwhile is that one's.
        _remove(self.by_name, row.name, row)
        _remove(self._by_key, row.key_hash, row)
        _remove(self.by_number, row.number, row)
        _remove(self._by_old_key, row.old_key_hash, row)
        _remove(self.by_inbox, _inbox(row), row)
        if row.business_id:
            others = self._by_business[row.business_id]
            del others[row.id]
            if not others:
                del self._by_business[row.business_id]
        self._names = None

    def by_key(self, key_hash: str) -> Sealed | None:
        """The present key goes before one from before a rotation."""
        return self._by_key.get(key_hash) or self._by_old_key.get(key_hash)

    def by_business(self, business_id: str) -> Collection[Sealed]:
        return self._by_business.get(business_id, {}).values()

    def rows(self) -> Iterator[Sealed]:
        return iter(self.by_id.values())

    def names(self) -> Sequence[str]:
        """The names of those that are ready, in order."""
        if self._names is None:
            self._names = sorted(row.name for row in self.by_id.values() if row.ready)
        return self._names


def _inbox(row: Sealed) -> tuple[str, int] | None:
    if row.url is None or row.inbox_id is None:
        return None
    return f"{row.url}#{row.account_id}", row.inbox_id


def _remove(index: dict[K, Sealed], key: K | None, row: Sealed) -> None:
    if key is not None and index.get(key) is row:
        del index[key]
