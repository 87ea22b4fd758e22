"""People, the keys by which we know them, their Chatwoot contacts and their chats."""

from __future__ import annotations

from sqlmodel import Field, SQLModel, UniqueConstraint


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
    #: JSON of `core.message.Party`: the address as last seen.
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
