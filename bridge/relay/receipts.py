"""How far our messages have come: statuses into the ledger, and back to the agent.

`read` and `failed` are reported to Chatwoot; `delivered` only where that is wanted, since Chatwoot
shows it as a clock (chatwoot-api.md 1.8). What settles an uncertain send later clears its red mark.
A message that went out in several parts is as far as its last part, and failed with any of them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping

import orjson

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.faults import ChatwootTooOld
from bridge.clock import to_ms
from bridge.core.message import DeliveryState, StatusReported, UpstreamFault
from bridge.core.receipts import OPEN, RETRIED, advances
from bridge.engine.accept import is_new
from bridge.engine.queue import (
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.errors import BridgeError, PeerGone
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.early import Early
from bridge.relay.linking import learn_of
from bridge.relay.notes import harmless, note_job
from bridge.relay.people import Heard
from bridge.relay.window import told
from bridge.store.engine import Unit
from bridge.store.queries import ledger
from bridge.whatsapp.cloud.faults import from_status

REPORT = "report"


class Receipts:
    """Accepts statuses, and runs the jobs that report them."""

    def __init__(
        self,
        queue: Queue,
        directory: Directory,
        *,
        show_delivered: bool = False,
        explain: Callable[[UpstreamFault], BridgeError] = from_status,
    ) -> None:
        """`explain` turns the code of a failed status into a failure that we know."""
        self._explain = explain
        self._show_delivered = show_delivered
        self._queue = queue
        self._directory = directory
        self._watched: dict[int, asyncio.Event] = {}
        self._early = Early()

    def watch(self, row_id: int) -> asyncio.Event:
        """An event that is set when a status for this ledger row has been stored."""
        return self._watched.setdefault(row_id, asyncio.Event())

    def unwatch(self, row_id: int) -> None:
        self._watched.pop(row_id, None)

    def _why(self, status: StatusReported) -> tuple[str, str]:
        """The cause (for the text in the agent's language) and the sentence of a failed status."""
        if status.fault is None:
            return "whatsapp.failed", "WhatsApp could not deliver it."
        error = self._explain(status.fault)
        return error.cause, str(error)

    def _tell(self, row_id: int, lane: str) -> None:
        watched = self._watched.get(row_id)
        if watched is not None:
            watched.set()
        self._queue.release_lane(lane)

    def accept(self, unit: Unit, entry: Entry, status: StatusReported, now: int) -> None:
        """Keep a status; everything that follows from it is in the same commit."""
        unit.count(Road.STATUS, "accepted")
        row = ledger.by_status(unit.db, entry.id, status.id, status.tag)
        if row is None:
            self._early.keep(entry.id, status)
        if row is None or _is_nobodys(row, status):
            unit.count(Road.STATUS, "ignored", "status.not_our_message")
            return
        # Only now: anybody may send receipts for ids that they make up, and no row stays of those.
        if not is_new(unit, f"status:{entry.id}:{status.id}:{status.state}", now):
            unit.count(Road.STATUS, "ignored", "duplicate")
            return
        if row["whatsapp_id"] is None:
            ledger.sent(unit.db, row["id"], status.id, now)
        heard = Heard(evidence=status.id, at=to_ms(status.at), now=now)
        learn_of(self._queue, unit, entry, [status.recipient], heard, trace_id=None)
        self._climb(unit, entry, row, status, now)

    def sent(self, unit: Unit, entry: Entry, row_id: int, whatsapp_id: str, now: int) -> None:
        """Keep that the channel took a part, and what was told of it before we knew its id."""
        ledger.sent(unit.db, row_id, whatsapp_id, now)
        self._catch_up(unit, entry, whatsapp_id, now)

    def has_early(self, entry: Entry, whatsapp_id: str) -> bool:
        """Whether a status waits for this message, so WhatsApp has it; belongs into a commit."""
        return bool(self._early.of(entry.id, whatsapp_id))

    def shown(self, unit: Unit, entry: Entry, whatsapp_id: str, now: int) -> None:
        """Tell agents how far a message has come that stands in Chatwoot after it was sent."""
        row = ledger.by_status(unit.db, entry.id, whatsapp_id, None)
        news = self._news(row["state"]) if row is not None else None
        if row is not None and row["state"] == DeliveryState.FAILED and row["origin"] != "phone":
            cause, reason = row["cause"] or "whatsapp.failed", row["reason"] or ""
            self.fail(unit, entry, row, cause=cause, reason=reason, now=now)
        if row is not None and news is not None and _speaks_for_all(unit.db, row, row["state"]):
            self.report(unit, entry, row, news, now=now)
        self._catch_up(unit, entry, whatsapp_id, now)

    def _catch_up(self, unit: Unit, entry: Entry, whatsapp_id: str, now: int) -> None:
        early = self._early.of(entry.id, whatsapp_id)
        if early:
            unit.after_commit.append(lambda: self._early.forget(entry.id, whatsapp_id))
        for status in early:
            row = ledger.by_status(unit.db, entry.id, whatsapp_id, None)
            if row is not None and not _is_nobodys(row, status):
                unit.count(Road.STATUS, "accepted")
                self._climb(unit, entry, row, status, now)

    def _climb(
        self, unit: Unit, entry: Entry, row: sqlite3.Row, status: StatusReported, now: int
    ) -> None:
        if not advances(row["state"], status.state):
            unit.count(Road.STATUS, "ignored", "status.not_newer")
            return
        cause, reason = self._why(status) if status.state is DeliveryState.FAILED else (None, None)
        ledger.set_state(unit.db, row["id"], status.state, now, cause=cause, reason=reason)
        unit.count(Road.STATUS, "delivered")
        self._follow(unit, entry, row, status, now)

    def _follow(
        self, unit: Unit, entry: Entry, row: sqlite3.Row, status: StatusReported, now: int
    ) -> None:
        lane = lanes.to_whatsapp(row["chat_id"])
        unit.after_commit.append(lambda: self._tell(row["id"], lane))
        if row["state"] in OPEN | {RETRIED} and row["job_id"] is not None:
            self._queue.wake(unit, row["job_id"], due_at=now)  # it waited for just this
        if row["chatwoot_id"] is None:
            is_out = row["state"] == "uncertain" and status.state is not DeliveryState.FAILED
            if is_out and row["job_id"] is not None:
                # What Ponte itself said went out after all: its job ends well, and shows it.
                self._queue.revive(unit, row["job_id"], states=("dead",), now=now)
            return
        if status.state is DeliveryState.FAILED:
            cause, reason = self._why(status)
            self.fail(unit, entry, row, cause=cause, reason=reason, now=now)
            return
        news = self._news(status.state)
        if news is None and row["state"] in ("uncertain", "failed"):
            news = "sent"
        # Asked last: of most statuses agents are told nothing.
        if news is not None and _speaks_for_all(unit.db, row, status.state):
            self.report(unit, entry, row, news, now=now)

    def _news(self, state: str) -> str | None:
        """What Chatwoot shows of a state, so far as it is shown at all."""
        if state in (DeliveryState.READ, DeliveryState.PLAYED):
            return "read"
        is_shown = self._show_delivered and state == DeliveryState.DELIVERED
        return "delivered" if is_shown else None

    def fail(
        self,
        unit: Unit,
        entry: Entry,
        row: sqlite3.Row | dict[str, int],
        *,
        cause: str,
        reason: str,
        now: int,
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Mark the agent's message as failed. From the moment Chatwoot knows, Retry works.

        `values` are those of the text that the agent reads.
        """
        if row["job_id"] is not None:
            unit.db.execute("UPDATE job SET failure=1 WHERE id=?", (row["job_id"],))
        said = told(unit.db, entry.id, entry.language, cause, reason, values)
        self.report(unit, entry, row, "failed", now=now, error=said.mark)
        if said.note is not None and not _is_elsewhere(entry, row):
            self._queue.add(unit, _note_below(entry, row, said.note, now))

    def report(
        self,
        unit: Unit,
        entry: Entry,
        row: sqlite3.Row | dict[str, int],
        status: str,
        *,
        now: int,
        error: str | None = None,
    ) -> None:
        """Have a status PATCHed onto the Chatwoot message of a ledger row."""
        if _is_elsewhere(entry, row):
            return
        self._queue.add(unit, report_job(entry, row, status, now=now, error=error))

    async def run(self, job: Job) -> Outcome:
        """Report one status; safe to repeat."""
        entry = self._directory.by_id(job.instance_id)
        if entry is None or entry.chatwoot is None:
            return Ignored(rule="instance.gone")
        if entry.inbox is not None and entry.inbox.predates(job.accepted_at):
            return Ignored(rule="chatwoot.moved", reason="It was about a message of another inbox.")
        order = orjson.loads(job.payload)
        try:
            await entry.chatwoot.update_message_status(
                order["conversation"], order["message"], order["status"], order["error"]
            )
        except (PeerGone, ChatwootTooOld):
            return await self._without_route(entry, entry.chatwoot, order, job)
        return Delivered(write=_reported(order))

    async def _without_route(
        self, entry: Entry, chatwoot: Chatwoot, order: dict[str, object], job: Job
    ) -> Outcome:
        """The message is gone, or this Chatwoot (before 4.2) knows no statuses: leave a note."""
        conversation = order["conversation"]
        if order["status"] != "failed" or not isinstance(conversation, int):
            return Ignored(rule="chatwoot.no_status", reason="The message is gone.")
        source = f"PONTE:failed:{job.id}"
        text = say(entry.language, "note.failed", reason=order["error"])
        try:
            if not job.is_suspect or not await chatwoot.find_message(conversation, source, None):
                await chatwoot.create_message(
                    conversation,
                    content=harmless(text),
                    message_type="outgoing",
                    private=True,
                    source_id=source,
                )
        except PeerGone:
            return Ignored(rule="chatwoot.conversation_gone")
        return Delivered(write=_reported(order))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None


def _speaks_for_all(db: sqlite3.Connection, row: sqlite3.Row, state: str) -> bool:
    """Whether a message is as far as this part of it, since none behind it is less far.

    People read from top to bottom. And none has failed: a mark that says so must stay.
    """
    newest = {one["part"]: one["state"] for one in ledger.parts(db, row["job_id"])}
    others = {part: one for part, one in newest.items() if part != row["part"]}
    if DeliveryState.FAILED in others.values():
        return False
    behind = [one for part, one in others.items() if part > row["part"]]
    return not any(one == "superseded" or advances(one, state) for one in behind)


def _is_nobodys(row: sqlite3.Row, status: StatusReported) -> bool:
    """What our own phone sent cannot be sent again by us, so nobody is told that it failed."""
    return row["origin"] == "phone" and status.state is DeliveryState.FAILED


def _is_elsewhere(entry: Entry, row: sqlite3.Row | dict[str, int]) -> bool:
    """In the inbox of now, these ids are those of somebody else's message."""
    return entry.inbox is not None and entry.inbox.predates(row["created_at"])


def _note_below(entry: Entry, row: sqlite3.Row | dict[str, int], text: str, now: int) -> NewJob:
    return note_job(
        entry,
        chat_id=row["chat_id"],
        conversation_id=row["conversation_id"],
        about=row["chatwoot_id"],
        text=text,
        now=now,
    )


def report_job(
    entry: Entry,
    row: sqlite3.Row | Mapping[str, int | None],
    status: str,
    *,
    now: int,
    error: str | None = None,
) -> NewJob:
    return NewJob(
        kind=REPORT,
        lane=lanes.reports(entry.id, row["chat_id"]),
        road=Road.INTERNAL,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=orjson.dumps(
            {
                "conversation": row["conversation_id"],
                "message": row["chatwoot_id"],
                "status": status,
                "error": error,
                "job": row["job_id"],
            }
        ),
        now=now,
        instance_id=entry.id,
        chat_id=row["chat_id"],
    )


def _reported(order: dict[str, object]) -> Callable[[Unit], None] | None:
    """After a failure is on the agent's screen, and only then, Retry may send again."""
    if order["status"] != "failed" or order["job"] is None:
        return None

    def write(unit: Unit) -> None:
        unit.db.execute("UPDATE job SET failure=2 WHERE id=? AND failure=1", (order["job"],))

    return write
