"""The bodies of Evolution's `/typebot` routes (evolution-instance-typebot.md 5.1-5.3).

Both versions are read: v2's camel case and v1's snake case. Blank texts mean "not given".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

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
from bridge.http.dialects.coerced import Flag, Word, Words, is_count
from bridge.http.dialects.kinds import LONGEST_URL, Wrong, is_blank, web_url

_MOST_HOURS: Final = 87_600
_MOST_LABELS: Final = 50


def _blank(value: Any) -> Any:
    return None if is_blank(value) else value


def _trigger(value: Any) -> Any:
    return "all" if is_blank(value) else value


def _viewer(value: Any) -> str:
    try:
        return web_url(value, "url", where="typebot_url", base=True) or ""
    except Wrong as wrong:
        refusal = ValueError(wrong.sentence)
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


Long = Annotated[Annotated[str, Field(max_length=1000)] | None, BeforeValidator(_blank)]
Viewer = Annotated[
    Annotated[str, Field(min_length=1, max_length=LONGEST_URL)], BeforeValidator(_viewer)
]
Flow = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Jids = Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=1000)]
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
    keyword_finish: Word = _spelled(
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
    unknown_message: Words = _spelled("unknownMessage", "unknown_message")
    listening_from_me: Flag = _spelled("listeningFromMe", "listening_from_me")
    stop_bot_from_me: Flag = _spelled("stopBotFromMe", "stop_bot_from_me")
    keep_open: Flag = _spelled(
        "keepOpen", "keep_open", description="No other flow starts once one has ended."
    )
    debounce_time: Seconds = _spelled(
        "debounceTime", "debounce_time", description="Seconds in which a burst is gathered."
    )
    ignore_jids: Jids | None = _spelled("ignoreJids", "ignore_jids")
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
    first_message: Annotated[FirstMessage | None, BeforeValidator(_blank)] = _spelled(
        "firstMessage",
        "first_message",
        description="What becomes of the text that starts a flow. official: an input that comes "
        "first of all takes it; answer: the first input that takes text does; match: the same, if "
        "it fits; ignore: nothing.",
    )
    hand_off: Flag = _spelled(
        "handOff", "hand_off", description="The flow is silent when a person of ours has the word."
    )
    on_end: Annotated[OnEnd | None, BeforeValidator(_blank)] = _spelled(
        "onEnd",
        "on_end",
        description="What becomes of the conversation at the end of a flow that does not say so.",
    )
    end_team: Word = _spelled(
        "endTeam", "end_team", description="The team that gets the conversation then: name or id."
    )
    end_agent: Word = _spelled(
        "endAgent",
        "end_agent",
        description="The agent who gets the conversation then: name, e-mail or id.",
    )
    end_labels: Labels = _spelled(
        "endLabels", "end_labels", description="Labels that the conversation gets then."
    )
    restart: Annotated[Restart | None, BeforeValidator(_blank)] = Field(
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
    goodbye: Words = Field(
        default=None,
        validation_alias=AliasChoices("goodbye", "finishMessage", "finish_message"),
        description="Said when one of the words of keywordFinish ended the session.",
    )
    expire_message: Words = _spelled(
        "expireMessage", "expire_message", description="Said when a session expires."
    )
    error_message: Words = _spelled(
        "errorMessage",
        "error_message",
        description="Said when the flow cannot go on, before a person of ours takes over.",
    )
    groups: Flag = Field(default=None, description="The flow speaks in groups, too.")

    def shared(self) -> dict[str, Any]:
        """The values given."""
        values = {name: getattr(self, name) for name in Shared.model_fields}
        if self.ignore_jids is not None:
            values["ignore_jids"] = tuple(
                dict.fromkeys(j.strip() for j in self.ignore_jids if j.strip())
            )
        if self.end_labels is not None:
            values["end_labels"] = tuple(dict.fromkeys(self.end_labels))
        return {name: value for name, value in values.items() if value is not None}


class BotBody(Shared):
    """`POST /typebot/create/{instance}` and update."""

    enabled: Flag = None
    description: Annotated[str, Field(max_length=255)] | None = None
    url: Viewer
    typebot: Flow = Field(description="The public id of the flow.")
    trigger_type: Annotated[TriggerType, BeforeValidator(_trigger)] = Field(
        default="all", validation_alias=AliasChoices("triggerType", "trigger_type")
    )
    trigger_operator: Annotated[TriggerOperator | None, BeforeValidator(_blank)] = _spelled(
        "triggerOperator", "trigger_operator"
    )
    trigger_value: Long = _spelled("triggerValue", "trigger_value")

    def bot(self) -> Bot:
        return Bot(
            url=self.url,
            typebot=self.typebot,
            enabled=self.enabled is not False,
            description=self.description,
            trigger_type=self.trigger_type,
            trigger_operator=self.trigger_operator,
            trigger_value=self.trigger_value,
            **self.shared(),
        )


class OnlyBody(Shared):
    """`POST /typebot/set/{instance}` of Evolution v1: one flow for all messages, or none."""

    enabled: Flag = None
    url: Long = None
    typebot: Word = None


class SettingsBody(Shared):
    """`POST /typebot/settings/{instance}`; what is missing stays as it is."""

    fallback_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, validation_alias=AliasChoices("typebotIdFallback", "fallbackId")
    )

    def change(self, before: BotSettings) -> BotSettings:
        changed = replace(before, **self.shared())
        if "fallback_id" in self.model_fields_set:
            changed = replace(changed, fallback_id=(self.fallback_id or "").strip() or None)
        return changed


class IgnoreBody(BaseModel):
    """`POST /typebot/ignoreJid/{instance}`."""

    model_config = ConfigDict(extra="ignore")

    remoteJid: str = Field(min_length=1, max_length=255)  # noqa: N815
    action: Literal["add", "remove"]
