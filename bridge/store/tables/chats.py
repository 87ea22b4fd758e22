"""People, the keys by which we know them, their Chatwoot contacts and their chats."""

from __future__ import annotations

from sqlmodel import Field, Index, SQLModel, UniqueConstraint


class Person(SQLModel, table=True):
    """A set of identity keys. The scope is the Chatwoot account, else the instance."""

    __tablename__ = "person"

    id: int | None = Field(default=None, primary_key=True)
    scope: str = Field(index=True)
    merged_into: int | None = None
    created_at: int


class IdentityKey(SQLModel, table=True):
    """One key (`phone:`, `bsuid:`, `lid:`) of a person, with the event that taught it."""

    __tablename__ = "identity_key"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    person_id: int = Field(index=True)
    evidence: str
    learnt_at: int


class IdentityLink(SQLModel, table=True):
    """Two keys that one event showed together: why they are one person's. `one` < `other`.

    Or a BSUID and a business account that told of it (`core.identity_graph`).
    """

    __tablename__ = "identity_link"
    __table_args__ = (Index("identity_link_other", "scope", "other"),)

    scope: str = Field(primary_key=True)
    one: str = Field(primary_key=True)
    other: str = Field(primary_key=True)
    #: The first event that showed them together, and when it says it happened (ms).
    evidence: str
    first_at: int
    #: The newest such event's time (ms); messages of the person's chats may be newer.
    last_at: int


class Contact(SQLModel, table=True):
    """A person's Chatwoot contact. The row is also the claim to create it (design.md 4)."""

    __tablename__ = "contact"

    scope: str = Field(primary_key=True)
    person_id: int = Field(primary_key=True)
    contact_id: int | None = Field(default=None, index=True)
    claimed_by: str | None = None
    claimed_at: int = 0
    #: The name that we wrote; while Chatwoot shows it, a better one may replace it.
    name: str | None = None
    #: How the person stands in the address book of the number's phone, and since when (ms).
    address_name: str | None = None
    address_at: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    #: SHA-256 (hex) of the picture that we gave the contact last, and WhatsApp's id of it.
    picture: str | None = None
    picture_id: str | None = None


class OtherContact(SQLModel, table=True):
    """A further Chatwoot contact of a person, to be merged or left alone as the settings say."""

    __tablename__ = "other_contact"

    scope: str = Field(primary_key=True)
    contact_id: int = Field(primary_key=True)
    person_id: int = Field(index=True)
    found_at: int


class ContactMerge(SQLModel, table=True):
    """One merge of two Chatwoot contacts: what was to move, and what did."""

    __tablename__ = "contact_merge"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    scope: str = Field(index=True)
    instance_id: str | None = Field(default=None, index=True)
    #: None: met in a message.
    plan_id: int | None = Field(default=None, index=True)
    person_id: int | None = Field(default=None, index=True)
    base_id: int
    mergee_id: int
    #: Why they are one person, and why this one is the base; for people.
    why: str
    #: JSON: both contacts as they were before, and what moves (conversations, source_ids, labels).
    moved: str = "{}"
    #: planned, intent (about to be merged), done, skipped, failed.
    state: str = Field(index=True)
    reason: str | None = None
    created_at: int = Field(index=True)
    ended_at: int | None = None


class MergePlan(SQLModel, table=True):
    """The duplicates of a whole Chatwoot account, shown before they are merged."""

    __tablename__ = "merge_plan"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    scope: str = Field(index=True)
    instance_id: str = Field(index=True)
    #: planning, planned, applying, applied, failed, dropped.
    state: str
    #: How many contacts were looked at.
    seen: int = 0
    #: The next page of Chatwoot's list to look at; 0: all were.
    page: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    reason: str | None = None
    created_at: int
    ended_at: int | None = None


class PlanContact(SQLModel, table=True):
    """A contact that was looked at for a plan, by one of its keys; gone when the plan is made."""

    __tablename__ = "plan_contact"

    plan_id: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    contact_id: int = Field(primary_key=True)
    instance_id: str = Field(primary_key=True, index=True)


class Room(SQLModel, table=True):
    """What was said in the bot contact's conversation, so that nothing is said twice."""

    __tablename__ = "room"

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    #: The Chatwoot message that shows the QR code; 0: one may, whose id nobody learnt. Codes
    #: themselves are never stored.
    qr_message_id: int | None = None
    #: How often the connection was lost since a moment (ms), for one notice instead of many.
    losses: int = 0
    losses_since: int | None = None
    #: JSON: alert -> when it was told (ms), or of dead letters: when the newest that was told died;
    #: taken away when it is over.
    alerts: str = "{}"


class Chat(SQLModel, table=True):
    """One person on one instance. Its id names the two lanes."""

    __tablename__ = "chat"
    __table_args__ = (
        UniqueConstraint("instance_id", "person_id"),
        # Lanes are named by it: an id is never used twice.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    instance_id: str = Field(index=True)
    person_id: int = Field(index=True)
    #: JSON of `core.message.Party`: the address as last seen; it follows from `sightings`.
    party: str = "{}"
    #: The contact inbox that our conversations hang on; written once.
    source_id: str | None = Field(default=None, index=True)
    conversation_id: int | None = Field(default=None, index=True)
    status: str | None = None
    assignee_id: int | None = None
    #: Chatwoot's own `updated_at` of what we know; older news never overwrites newer.
    conversation_updated_at: float = 0
    #: When we last knew for certain; 0 asks Chatwoot before the next use.
    fresh_at: int = 0
    last_inbound_at: int = 0
    merged_into: int | None = None
    created_at: int
    #: Of the bound conversation, as webhooks told: since when it is resolved (ms), its team and
    #: labels (JSON list; None: not known).
    resolved_at: int | None = None
    team_id: int | None = None
    team_name: str | None = None
    labels: str | None = None
    #: A digest of the profile (number, name ...) that the contact was last given.
    profile: str | None = None
    #: JSON of `core.sightings.Sightings`; empty: written by an older version.
    sightings: str = Field(default="{}", sa_column_kwargs={"server_default": "{}"})
