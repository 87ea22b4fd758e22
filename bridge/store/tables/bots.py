"""Typebot flows of instances, and what holds for all of an instance's flows."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class Typebot(SQLModel, table=True):
    __tablename__ = "typebot"

    id: str = Field(primary_key=True)
    instance_id: str = Field(foreign_key="instance.id", ondelete="CASCADE", index=True)
    #: JSON of `core.typebot.Bot`.
    config: str
    created_at: int
    updated_at: int


class TypebotSettings(SQLModel, table=True):
    __tablename__ = "typebot_settings"

    instance_id: str = Field(primary_key=True, foreign_key="instance.id", ondelete="CASCADE")
    #: JSON of `core.typebot.BotSettings`.
    config: str
    created_at: int
    updated_at: int


class Talk(SQLModel, table=True):
    """Who has the word in a chat, and the session of the flow that runs there (`core.handoff`)."""

    __tablename__ = "talk"

    chat_id: int = Field(primary_key=True)
    instance_id: str = Field(index=True)
    #: JSON of `core.handoff.Handoff`; phase, epoch and left stand beside it, to be asked for.
    state: str
    phase: str = Field(index=True)
    epoch: int = 0
    #: The stored flow, or None: one that was started by its address and name alone.
    bot_id: str | None = Field(default=None, index=True)
    url: str | None = None
    typebot: str | None = None
    #: Typebot's ids. Who knows the session's can speak in it: never in logs or addresses.
    session_id: str | None = None
    result_id: str | None = None
    #: JSON of `relay.bot.memory.Memory`: what the flow asked last, what it collected, how it types.
    memory: str = "{}"
    #: The job that ends the session when nobody says anything.
    timer_job: int | None = None
    created_at: int
    updated_at: int


class PendingTurn(SQLModel, table=True):
    """What a person said that no turn has dealt with yet: one row for each chat."""

    __tablename__ = "pending_turn"

    chat_id: int = Field(primary_key=True)
    instance_id: str = Field(index=True)
    #: JSON list of `relay.bot.memory.Heard`, oldest first; empty: it only answers an action.
    heard: str = "[]"
    first_at: int
    due_at: int
    job_id: int
    #: The flow that was triggered, as stored (its id); None: the session's.
    bot_id: str | None = None
