"""Durable work: jobs, seen keys, the message ledger, tallies."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel


class Job(SQLModel, table=True):
    """One piece of work in a lane. Ended jobs stay as the trace until retention takes them."""

    __tablename__ = "job"
    __table_args__ = (
        # Heads of lanes; small, since it holds waiting jobs only.
        Index(
            "job_waiting", "lane", "position", "rank", "id", sqlite_where=text("state='waiting'")
        ),
        Index("job_ended", "state", "ended_at", sqlite_where=text("state<>'waiting'")),
        # Accept numbers are never used twice, not even after a purge.
        {"sqlite_autoincrement": True},
    )

    #: The accept number: order of acknowledgement.
    id: int | None = Field(default=None, primary_key=True)
    lane: str
    #: Order within the lane: position, then rank (a Chatwoot message id), then id.
    position: int
    rank: int = 0
    kind: str
    #: The road it belongs to, for counting: inbound, outbound, status, internal.
    road: str
    instance_id: str | None = Field(default=None, index=True)
    chat_id: int | None = Field(default=None, index=True)
    #: The server that it calls, and the account on it: what breakers and pauses are about.
    peer: str
    account: str
    #: What the outside calls it: a WhatsApp or Chatwoot message, for `ponte why` and Retry.
    ref: str | None = Field(default=None, index=True)
    payload: bytes
    state: str = "waiting"
    attempts: int = 0
    accepted_at: int
    due_at: int
    #: Since when the outcome of an attempt is unknown.
    unknown_since: int | None = None
    #: First failure of the present attempt series, for parking.
    failing_since: int | None = None
    #: How it ended: the rule that ignored it, or the cause of death.
    cause: str | None = None
    #: The sentence for people.
    reason: str | None = None
    #: 0 none, 1 a failure to report to the agent, 2 reported (Chatwoot answered 200).
    failure: int = 0
    ended_at: int | None = None
    #: JSON list of [ms, step, detail].
    trace: str = "[]"
    trace_id: str | None = None


class Seen(SQLModel, table=True):
    """A dedupe key. Kinds: see `engine.accept`."""

    __tablename__ = "seen"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(primary_key=True)
    at: int = Field(index=True)


class Ledger(SQLModel, table=True):
    """Which WhatsApp message is which Chatwoot message; written before a send, never after."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ledger_whatsapp", "instance_id", "whatsapp_id"),
        Index("ledger_chatwoot", "instance_id", "chatwoot_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    instance_id: str
    chat_id: int = Field(index=True)
    job_id: int | None = Field(default=None, index=True)
    origin: str
    part: int = 0
    whatsapp_id: str | None = None
    chatwoot_id: int | None = None
    conversation_id: int | None = None
    #: Our key that travels with a send.
    tag: str | None = Field(default=None, unique=True)
    #: intent, sent, delivered, read, failed, unknown, uncertain; received for customers' messages.
    state: str
    state_at: int
    cause: str | None = None
    reason: str | None = None
    created_at: int = Field(index=True)


class Tally(SQLModel, table=True):
    """Events by road, outcome and cause: accepted = delivered + ignored + dead + waiting."""

    __tablename__ = "tally"

    road: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    cause: str = Field(primary_key=True)
    n: int = 0


class Fact(SQLModel, table=True):
    """Single facts about the whole service: clean stop, last sign of life, restored."""

    __tablename__ = "fact"

    name: str = Field(primary_key=True)
    value: str
