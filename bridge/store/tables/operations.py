"""What happened to instances and who did it: connections, events, trials, audit."""

from __future__ import annotations

from sqlmodel import Field, Index, SQLModel


class Connection(SQLModel, table=True):
    """The last known state of an instance's connection, so that it survives a restart."""

    __tablename__ = "connection"

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    state: str
    #: Evolution's number of the reason, and the reason in words.
    code: int | None = None
    reason: str | None = None
    owner_jid: str | None = None
    profile_name: str | None = None
    picture_url: str | None = None
    #: When the state began, and when the connection last ended (ms).
    changed_at: int
    closed_at: int | None = None


class Event(SQLModel, table=True):
    """One thing that happened to an instance, in Evolution's names; what later is delivered."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_instance", "instance_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    #: No foreign key: that an instance was deleted is told after it.
    instance_id: str
    instance_name: str
    #: The wire name, ``connection.update``.
    name: str
    #: JSON; never holds a QR code, a pairing code or a key.
    data: str
    at: int = Field(index=True)


class Subscription(SQLModel, table=True):
    """An instance made on demand: until when it may live (evolution-instance-typebot.md 8, 004)."""

    __tablename__ = "subscription"

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    #: As `core.trial.TrialState` has them.
    state: str
    #: When a trial or a cancelled one ends (ms); None: it does not.
    due: int | None = None
    warned_at: int | None = None
    #: The name that the partner gave, and the kind of device it asked for: what lists filter by.
    label: str
    mobile: bool = False
    updated_at: int


class Audit(SQLModel, table=True):
    """One administrative action and how it ended."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(index=True)
    #: ``global key``, ``partner``, ``instance NAME`` or ``ponte`` itself.
    actor: str
    #: Where the request came from; None: from within.
    address: str | None = None
    #: Stable: ``instance.create``, ``settings.set`` ...
    action: str
    instance: str | None = Field(default=None, index=True)
    status: int
    #: The code of the failure, when it failed.
    code: str | None = None
    trace_id: str | None = None
