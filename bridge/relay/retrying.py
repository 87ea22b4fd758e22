"""Sending again because somebody said so: Retry, replay, and what must be remembered for them."""

from __future__ import annotations

from bridge.chatwoot.models import Message
from bridge.engine.queue import Queue
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import jobs, seen

#: The kind of jobs that send what people wrote in Chatwoot.
OUTBOUND = "outbound"
#: The kind of jobs that send what no person wrote: bots' messages, greetings, answers to calls. In
#: the same lanes, but they leave a part of what a number may send to people.
AUTOMATIC = "automatic"


def ref_of(entry: Entry, message: Message) -> str:
    """One message of one inbox; a restored Chatwoot reuses ids, so the second belongs to it."""
    inbox = entry.inbox.inbox_id if entry.inbox else 0
    return f"{entry.id}:{inbox}:{message.id}:{int(message.created_at or 0)}"


def tombstone(ref: str) -> str:
    """The key that says: this message was deleted, perhaps before we heard of it."""
    return f"deleted:{ref}"


def by_ponte(instance_id: str, inbox_id: int | None, chatwoot_id: int) -> str:
    """The key that says: we deleted this message in Chatwoot, since it was on WhatsApp."""
    return f"removed:{instance_id}:{inbox_id or 0}:{chatwoot_id}"


def by_agent(row_id: int) -> str:
    """The key that says: an agent deleted the message of this ledger row, in Chatwoot."""
    return f"deleted-row:{row_id}"


def red_mark(ref: str) -> str:
    """The key that says: Chatwoot shows this message as failed, though it is still to be sent."""
    return f"red:{ref}"


def revive(queue: Queue, unit: Unit, job_id: int, *, states: tuple[str, ...], now: int) -> bool:
    """Send a message again because somebody said so: what failed counts no more.

    Nor does what is uncertain, unless the channel's log of sends knows by now that it was sent
    (`relay.fates`). One compare-and-set; for jobs of other kinds it is `Queue.revive`.
    """
    if not queue.revive(unit, job_id, states=states, now=now):
        return False
    unit.db.execute(
        "UPDATE ledger SET state=CASE state WHEN 'uncertain' THEN 'retried' ELSE 'superseded' END"
        " WHERE job_id=? AND state IN ('failed','uncertain')",
        (job_id,),
    )
    return True


def replay(queue: Queue, unit: Unit, job_id: int, *, now: int) -> bool:
    """Put a dead letter back, whatever it is; an agent's message loses its red mark once sent."""
    row = jobs.one(unit.db, job_id)
    if row is None or not revive(queue, unit, job_id, states=("dead",), now=now):
        return False
    if row["kind"] in (OUTBOUND, AUTOMATIC) and row["ref"] is not None:
        seen.remember(unit.db, red_mark(row["ref"]), now)
    return True
