"""The bodies of Evolution's `/typebot` routes (evolution-instance-typebot.md 5.1-5.3).

Both versions are read: v2's camel case and v1's snake case. Null is "not given", and so is a blank
for what is no text; an empty text is one: nothing is said, and no word ends the flow (5.2).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any, Final, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from bridge.core.typebot import (
    MOST_DEBOUNCE,
    MOST_DELAY,
    MOST_MINUTES,
    Bot,
    BotSettings,
    FirstMessage,
    OnEnd,
    Restart,
    TriggerOperator,
    TriggerType,
)
from bridge.http.dialects.coerced import Flag, Line, Lines, Switch, is_count, one_of
from bridge.http.dialects.kinds import Wrong, is_blank, texts
from bridge.http.dialects.viewers import Flow, Linked, Viewer

_MOST_HOURS: Final = 87_600
_MOST_LABELS: Final = 50
#: A flow has these always.
_ALWAYS: Final = frozenset({"url", "typebot", "enabled", "trigger_type"})


def _as_text(value: Any) -> Any:
    """Numbers come as JSON numbers too: the keyword of a menu is often one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if is_blank(value) else value


def _jids(value: Any) -> Any:
    """A list, or one text with commas or line breaks; numbers will do."""
    if isinstance(value, str):
        value = re.split(r"[,;\n]", value)
    try:
        found = texts(value, "ignoreJids", most=255)
    except Wrong as wrong:
        refusal = ValueError(wrong.sentence)
    else:
        return None if found is None else list(found)
    raise refusal


def _hours(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value) if value.strip() else None
    except ValueError:
        return value


def _labels(value: Any) -> Any:
    """A list, or one text with commas; an empty list says: none."""
    if isinstance(value, str):
        value = [one for one in value.split(",") if one.strip()]
    return value


Long = Annotated[
    Annotated[str, Field(max_length=1000)] | None,
    BeforeValidator(_as_text, json_schema_input_type=str | int | None),
]
About = Annotated[
    Annotated[str, Field(max_length=255)] | None,
    BeforeValidator(_as_text, json_schema_input_type=str | int | None),
]
Jids = Annotated[
    list[str] | None,
    BeforeValidator(_jids, json_schema_input_type=list[str | int | None] | str | None),
]
Minutes = Annotated[Annotated[int, Field(ge=0, le=MOST_MINUTES)] | None, is_count(MOST_MINUTES)]
Delay = Annotated[Annotated[int, Field(ge=0, le=MOST_DELAY)] | None, is_count(MOST_DELAY)]
Seconds = Annotated[Annotated[int, Field(ge=0, le=MOST_DEBOUNCE)] | None, is_count(MOST_DEBOUNCE)]
Hours = Annotated[
    Annotated[float, Field(ge=0, le=_MOST_HOURS, allow_inf_nan=False)] | None,
    BeforeValidator(_hours),
]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Labels = Annotated[
    Annotated[list[Label], Field(max_length=_MOST_LABELS)] | None, BeforeValidator(_labels)
]


def _spelled(camel: str, snake: str, **more: Any) -> Any:
    return Field(default=None, validation_alias=AliasChoices(camel, snake), **more)


class Shared(BaseModel):
    """What a flow and an instance's settings have in common."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, strict=True)

    expire: Minutes = Field(default=None, description="Minutes of silence; 0: never.")
    keyword_finish: Line = _spelled(
        "keywordFinish",
        "keyword_finish",
        description="Words that end the session, with commas or semicolons between them.",
    )
    delay_message: Delay = _spelled(
        "delayMessage",
        "delay_message",
        description="Milliseconds of typing before each bubble; 0: as the flow's own typing "
        "emulation says.",
    )
    unknown_message: Lines = _spelled("unknownMessage", "unknown_message")
    listening_from_me: Flag = _spelled("listeningFromMe", "listening_from_me")
    stop_bot_from_me: Flag = _spelled("stopBotFromMe", "stop_bot_from_me")
    keep_open: Flag = _spelled(
        "keepOpen", "keep_open", description="No other flow starts once one has ended."
    )
    debounce_time: Seconds = _spelled(
        "debounceTime", "debounce_time", description="Seconds in which a burst is gathered."
    )
    ignore_jids: Jids = _spelled("ignoreJids", "ignore_jids")
    split_messages: Flag = _spelled("splitMessages", "split_messages")
    time_per_char: Delay = _spelled(
        "timePerChar",
        "time_per_char",
        description="Milliseconds of typing for each character, 20 s at most in all.",
    )
    ignore_case: Flag = _spelled(
        "ignoreCase", "ignore_case", description="Triggers pay no regard to upper and lower case."
    )
    ignore_accents: Flag = _spelled(
        "ignoreAccents", "ignore_accents", description="Triggers pay no regard to accents."
    )
    first_message: Annotated[FirstMessage | None, one_of(*get_args(FirstMessage))] = _spelled(
        "firstMessage",
        "first_message",
        description="What becomes of the text that starts a flow. official: an input that comes "
        "first of all takes it; answer: the first input that takes text does; match: the same, if "
        "it fits; ignore: nothing.",
    )
    hand_off: Flag = _spelled(
        "handOff", "hand_off", description="The flow is silent when a person of ours has the word."
    )
    on_end: Annotated[OnEnd | None, one_of(*get_args(OnEnd))] = _spelled(
        "onEnd",
        "on_end",
        description="What becomes of the conversation at the end of a flow that does not say so.",
    )
    end_team: Line = _spelled(
        "endTeam", "end_team", description="The team that gets the conversation then: name or id."
    )
    end_agent: Line = _spelled(
        "endAgent",
        "end_agent",
        description="The agent who gets the conversation then: name, e-mail or id.",
    )
    end_labels: Labels = _spelled(
        "endLabels", "end_labels", description="Labels that the conversation gets then."
    )
    restart: Annotated[Restart | None, one_of(*get_args(Restart))] = Field(
        default=None,
        description="After its end another flow starts when it is triggered, when it is triggered "
        "and restartHours have passed, or never.",
    )
    restart_hours: Hours = _spelled("restartHours", "restart_hours")
    pause_hours: Hours = _spelled(
        "pauseHours",
        "pause_hours",
        description="So long a person of ours silences the flow at most; 0: until the "
        "conversation is resolved or pending again.",
    )
    goodbye: Lines = Field(
        default=None,
        validation_alias=AliasChoices("goodbye", "finishMessage", "finish_message"),
        description="Said when one of the words of keywordFinish ended the session.",
    )
    expire_message: Lines = _spelled(
        "expireMessage", "expire_message", description="Said when a session expires."
    )
    error_message: Lines = _spelled(
        "errorMessage",
        "error_message",
        description="Said when the flow cannot go on, before a person of ours takes over.",
    )
    groups: Flag = Field(default=None, description="The flow speaks in groups, too.")

    def shared(self) -> dict[str, Any]:
        """The values given, null among them."""
        return self._read(Shared)

    def _read(self, part: type[BaseModel]) -> dict[str, Any]:
        names = self.model_fields_set.intersection(part.model_fields)
        values = {name: getattr(self, name) for name in names}
        for name in ("ignore_jids", "end_labels"):
            if values.get(name) is not None:
                values[name] = tuple(dict.fromkeys(values[name]))
        return values


class BotBody(Linked, Shared):
    """`POST /typebot/create/{instance}`."""

    enabled: Switch = None
    description: About = None
    trigger_type: Annotated[TriggerType | None, one_of(*get_args(TriggerType))] = _spelled(
        "triggerType", "trigger_type", description="Not given: all."
    )
    trigger_operator: Annotated[TriggerOperator | None, one_of(*get_args(TriggerOperator))] = (
        _spelled("triggerOperator", "trigger_operator")
    )
    trigger_value: Long = _spelled("triggerValue", "trigger_value")

    def bot(self) -> Bot:
        return self.changed(Bot(url=self.url, typebot=self.typebot))

    def changed(self, before: Bot) -> Bot:
        """A flow with what is given here; null says: as the instance's settings say."""
        given = self._read(type(self))
        return replace(
            before,
            **{k: value for k, value in given.items() if value is not None or k not in _ALWAYS},
        )

    def only(self, before: Bot | None) -> Bot:
        """What `POST /typebot/set` makes of the one flow that there is, or is not yet."""
        new = self.bot()
        return (
            new
            if before is None
            else replace(self.changed(before), enabled=new.enabled, trigger_type=new.trigger_type)
        )


class ChangeBody(BotBody):
    """`PUT /typebot/update/{typebot_id}/{instance}`; what is missing stays as it is.

    Evolution's panels do not know all fields, and leave out those that they do not know.
    """

    url: Viewer | None = None  # type: ignore[assignment]
    typebot: Flow | None = Field(  # type: ignore[assignment]
        default=None, description="The public id of the flow, or the link to it."
    )


class OnlyBody(Shared):
    """`POST /typebot/set/{instance}` of Evolution v1: one flow for all messages, or none."""

    enabled: Switch = None
    url: Long = None
    typebot: Long = None


class SettingsBody(Shared):
    """`POST /typebot/settings/{instance}`; what is missing stays as it is."""

    fallback_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, validation_alias=AliasChoices("typebotIdFallback", "fallbackId")
    )

    def change(self, before: BotSettings) -> BotSettings:
        given = {name: value for name, value in self.shared().items() if value is not None}
        changed = replace(before, **given)
        if "fallback_id" in self.model_fields_set:
            changed = replace(changed, fallback_id=(self.fallback_id or "").strip() or None)
        return changed
