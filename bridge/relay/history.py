"""What a channel tells of the time before the connection is kept for an import, and not shown.

It is counted as ignored: nobody reads it in Chatwoot. Chunks come again (whatsapp-channels.md A.2);
a digest of what a chunk says keeps it once. They go with their instance, or at their age
(`retention.history_days`).
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Final

import orjson

from bridge.core.message import HistoryTold
from bridge.engine.queue import Road
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import history

__all__ = ("LARGEST", "MOST", "accept", "unpacked")

#: Bytes of JSON; a webhook has no more (`http.routes.webhooks.META_BODY`).
LARGEST: Final = 8 * 1024 * 1024
#: Compressed bytes of one instance: about a million messages.
MOST: Final = 64 * 1024 * 1024
#: This happens within a write transaction: speed counts for more than the last few percent.
_LEVEL: Final = 1


def accept(unit: Unit, entry: Entry, event: HistoryTold, now: int) -> None:
    unit.count(Road.SIGNAL, "accepted")
    unit.count(Road.SIGNAL, "ignored", _keep(unit, entry.id, event.payload, now))


def unpacked(payload: bytes) -> dict[str, Any]:
    """A chunk as the channel told it."""
    told: dict[str, Any] = orjson.loads(zlib.decompress(payload))
    return told


def _keep(unit: Unit, instance_id: str, payload: dict[str, Any], now: int) -> str:
    """Keep a chunk if there is room; the rule by which it is counted."""
    said = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    if len(said) > LARGEST:
        return "history.too_large"
    digest = hashlib.sha256(said).hexdigest()
    if history.kept(unit.db, instance_id, digest):
        return "duplicate"
    packed = zlib.compress(said, _LEVEL)
    if history.size(unit.db, instance_id) + len(packed) > MOST:
        return "history.full"
    if not history.add(unit.db, instance_id, digest, packed, now):
        return "instance.gone"
    return "history"
