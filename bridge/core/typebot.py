"""A Typebot flow that an instance may hand conversations to, as it is configured.

Source: evolution-instance-typebot.md 5.2. A field that is None takes the value of the instance's
`BotSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

TriggerType: TypeAlias = Literal["all", "keyword", "none", "advanced"]
TriggerOperator: TypeAlias = Literal["equals", "contains", "startsWith", "endsWith", "regex"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One flow. `url` is the base URL of the viewer, without a slash at its end.

    `expire` is in minutes (None and 0: never), `delay_message` in ms, `debounce_time` in seconds.
    """

    url: str
    typebot: str
    enabled: bool = True
    description: str | None = None
    trigger_type: TriggerType = "all"
    trigger_operator: TriggerOperator | None = None
    trigger_value: str | None = None
    expire: int | None = None
    keyword_finish: str | None = None
    delay_message: int | None = None
    unknown_message: str | None = None
    listening_from_me: bool | None = None
    stop_bot_from_me: bool | None = None
    keep_open: bool | None = None
    debounce_time: int | None = None
    ignore_jids: tuple[str, ...] | None = None
    split_messages: bool | None = None
    time_per_char: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """What holds for every flow of an instance that does not say otherwise."""

    expire: int = 0
    keyword_finish: str = ""
    delay_message: int = 1000
    unknown_message: str = ""
    listening_from_me: bool = False
    stop_bot_from_me: bool = False
    keep_open: bool = False
    debounce_time: int = 0
    ignore_jids: tuple[str, ...] = ()
    split_messages: bool = False
    time_per_char: int = 0
    fallback_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBot:
    """A flow with its place in the database. Times are in ms."""

    id: str
    instance_id: str
    bot: Bot
    created_at: int
    updated_at: int
