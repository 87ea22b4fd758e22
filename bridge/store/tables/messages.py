"""What is known of messages beside the ledger: menus, templates, reactions, votes, history."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel


class Menu(SQLModel, table=True):
    """The newest choice that a chat was offered as numbered text; its answer is mapped back."""

    __tablename__ = "menu"

    chat_id: int = Field(primary_key=True)
    #: JSON list of `core.outgoing.Option`.
    options: str
    #: The Chatwoot message that asked, where one did.
    chatwoot_id: int | None = None
    offered_at: int


class Template(SQLModel, table=True):
    """An approved template of a number, as the channel last told it."""

    __tablename__ = "template"

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    name: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    category: str | None = None
    #: JSON list, as the channel tells it.
    components: str = "[]"
    told_at: int


class Reaction(SQLModel, table=True):
    """The emoji that somebody has on a message now; none: it was taken away."""

    __tablename__ = "reaction"

    instance_id: str = Field(primary_key=True)
    #: The WhatsApp id of the message; in a group "<chat>:<WhatsApp id>".
    target: str = Field(primary_key=True)
    #: Who reacts: in a group one of their identity keys, elsewhere "chat:<id>"; or "us".
    sender: str = Field(primary_key=True)
    emoji: str | None = None
    at: int = Field(index=True)


class Vote(SQLModel, table=True):
    """What somebody has chosen in a poll now."""

    __tablename__ = "vote"

    instance_id: str = Field(primary_key=True)
    #: The WhatsApp id of the poll; in a group "<chat>:<WhatsApp id>".
    target: str = Field(primary_key=True)
    sender: str = Field(primary_key=True)
    #: Who that is, for people.
    name: str | None = None
    #: JSON list of hex SHA-256 digests of the options' texts.
    options: str
    at: int = Field(index=True)


class History(SQLModel, table=True):
    """A chunk of older messages as the channel told it, for an import to come."""

    __tablename__ = "history"
    __table_args__ = (Index("history_instance", "instance_id", "told_at"),)

    #: Without a key of the instance's row: all chunks at once would be too long a transaction.
    instance_id: str = Field(primary_key=True)
    #: A digest of the chunk, so that a repeated one is kept once.
    id: str = Field(primary_key=True)
    #: zlib-compressed JSON.
    payload: bytes
    told_at: int
