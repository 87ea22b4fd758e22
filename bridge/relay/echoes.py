"""A message of our own number may be one that we sent ourselves, told back to us.

A channel that does so (`echoes_sends`) may tell of it before it answers the send: then the ledger
lacks its id, and the message waits until the send is settled.
"""

from __future__ import annotations

import sqlite3

from bridge.engine.queue import Again, Ignored, Job, Outcome
from bridge.store.queries import ledger
from bridge.whatsapp.channel import Capabilities

#: So long (ms) the answer of a send is awaited, and looked for so often (ms).
WAIT = 60_000
PAUSE = 250


def is_echo(  # noqa: PLR0917
    db: sqlite3.Connection, job: Job, chat_id: int, whatsapp_id: str, now: int, able: Capabilities
) -> bool | None:
    """Whether we sent it; None: a send that was begun before it came is not answered yet."""
    if ledger.is_ours(db, job.instance_id or "", whatsapp_id):
        return True
    waits = (
        able.echoes_sends
        and now < job.accepted_at + WAIT
        and ledger.is_sending(db, chat_id, since=job.accepted_at - WAIT, until=job.accepted_at)
    )
    return None if waits else False


def echo(job: Job, now: int, *, is_certain: bool) -> Outcome:
    """What becomes of a message that is ours, or may be."""
    if is_certain:
        return Ignored(rule="echo", reason="We sent it ourselves.")
    return Again(
        due_at=now + PAUSE,
        why="it may be what we are sending",
        unknown_since=job.unknown_since,
    )
