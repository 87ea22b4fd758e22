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
