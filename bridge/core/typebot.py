"""A Typebot flow that an instance may hand conversations to, as it is configured.

Source: evolution-instance-typebot.md 5.2. A field that is None takes the value of the instance's
`BotSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final, Literal, TypeAlias

TriggerType: TypeAlias = Literal["all", "keyword", "none", "advanced"]
TriggerOperator: TypeAlias = Literal["equals", "contains", "startsWith", "endsWith", "regex"]
#: What becomes of the text that starts a flow (5.7).
FirstMessage: TypeAlias = Literal["official", "answer", "match", "ignore"]
#: What becomes of the conversation when a flow has ended.
OnEnd: TypeAlias = Literal["open", "keep", "resolve"]
Restart: TypeAlias = Literal["trigger", "hours", "never"]

#: The largest values: ten years of minutes; of ms before a bubble; of the seconds of a burst.
MOST_MINUTES: Final = 5_256_000
MOST_DELAY: Final = 60_000
MOST_DEBOUNCE: Final = 300


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
    #: From here on ours (docs/typebot.md). `keyword_finish` and `goodbye`: see `core.trigger`.
    ignore_case: bool | None = None
    ignore_accents: bool | None = None
    first_message: FirstMessage | None = None
    hand_off: bool | None = None
    on_end: OnEnd | None = None
    end_team: str | None = None
    end_agent: str | None = None
    end_labels: tuple[str, ...] | None = None
    #: After the end another flow starts: when triggered, after `restart_hours`, or never.
    restart: Restart | None = None
    restart_hours: float | None = None
    #: So long a pause lasts at most, in hours; 0: until somebody gives the word back.
    pause_hours: float | None = None
    goodbye: str | None = None
    expire_message: str | None = None
    error_message: str | None = None
    groups: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """What holds for every flow of an instance that does not say otherwise."""

    expire: int = 0
    keyword_finish: str = ""
    delay_message: int = 0
    unknown_message: str = ""
    listening_from_me: bool = False
    stop_bot_from_me: bool = False
    keep_open: bool = False
    debounce_time: int = 1
    ignore_jids: tuple[str, ...] = ()
    split_messages: bool = False
    time_per_char: int = 0
    fallback_id: str | None = None
    ignore_case: bool = True
    ignore_accents: bool = True
    first_message: FirstMessage = "official"
    hand_off: bool = True
    on_end: OnEnd = "open"
    end_team: str = ""
    end_agent: str = ""
    end_labels: tuple[str, ...] = ()
    restart: Restart = "trigger"
    restart_hours: float = 24
    pause_hours: float = 0
    goodbye: str = ""
    expire_message: str = ""
    error_message: str = ""
    groups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBot:
    """A flow with its place in the database. Times are in ms."""

    id: str
    instance_id: str
    bot: Bot
    created_at: int
    updated_at: int


def merged(bot: Bot | None, settings: BotSettings | None) -> BotSettings:
    """What holds for a flow: its own values, else those of its instance, else the defaults.

    Of chats to be left alone both lists count.
    """
    shared = settings or BotSettings()
    if bot is None:
        return shared
    own = {
        one.name: value
        for one in fields(BotSettings)
        if (value := getattr(bot, one.name, None)) is not None
    }
    own["ignore_jids"] = tuple(dict.fromkeys((*shared.ignore_jids, *(bot.ignore_jids or ()))))
    return replace(shared, **own)
