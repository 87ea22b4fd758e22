"""What may simply be done again in Chatwoot, and what it means that something is gone there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from bridge.errors import Certainty, PeerBusy, PeerError, PeerGone, Scope
from bridge.relay.directory import Entry, Side


@contextmanager
def repeatable() -> Iterator[None]:
    """Calls whose effect we look for before we act again: an unknown outcome does no harm."""
    try:
        yield
    except PeerError as error:
        error.certainty = Certainty.NOT_DONE
        raise


async def insist_on_inbox(
    entry: Entry, side: Side, gone: PeerGone, restore: Callable[[Entry], Awaitable[None]]
) -> None:
    """Raise when something is gone since the inbox itself was deleted; it is made again."""
    try:
        with repeatable():
            await side.chatwoot.inbox(side.inbox_id)
    except PeerGone:
        await restore(entry)
        raise PeerBusy(
            "The inbox had been deleted in Chatwoot and was made again.",
            code="chatwoot.inbox_restored",
            scope=Scope.ONE,
            retry_after=0,
        ) from gone
