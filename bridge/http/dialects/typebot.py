"""The bodies and answers of Evolution's `/typebot` routes (evolution-instance-typebot.md 5.1-5.3).

Both versions are read: v2's camel case and v1's snake case. Blank texts mean "not given".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from bridge.core.typebot import Bot, BotSettings, StoredBot, TriggerOperator, TriggerType
from bridge.http.dialects.coerced import Count, Flag, Word, Words
from bridge.http.dialects.kinds import LONGEST_URL, Wrong, is_blank, web_url
from bridge.http.dialects.views import moment
from bridge.relay.bots import only


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


Long = Annotated[Annotated[str, Field(max_length=1000)] | None, BeforeValidator(_blank)]
Flow = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Jids = Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=1000)]


def _spelled(camel: str, snake: str, **more: Any) -> Any:
    return Field(default=None, validation_alias=AliasChoices(camel, snake), **more)


class Shared(BaseModel):
    """What a flow and an instance's settings have in common."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, strict=True)

    expire: Count = Field(default=None, description="Minutes of silence; 0: never.")
    keyword_finish: Word = _spelled("keywordFinish", "keyword_finish")
    delay_message: Count = _spelled(
        "delayMessage", "delay_message", description="Milliseconds before each bubble."
    )
    unknown_message: Words = _spelled("unknownMessage", "unknown_message")
    listening_from_me: Flag = _spelled("listeningFromMe", "listening_from_me")
    stop_bot_from_me: Flag = _spelled("stopBotFromMe", "stop_bot_from_me")
    keep_open: Flag = _spelled("keepOpen", "keep_open")
    debounce_time: Count = _spelled("debounceTime", "debounce_time", description="Seconds.")
    ignore_jids: Jids | None = _spelled("ignoreJids", "ignore_jids")
    split_messages: Flag = _spelled("splitMessages", "split_messages")
    time_per_char: Count = _spelled("timePerChar", "time_per_char")

    def shared(self) -> dict[str, Any]:
        """The values given."""
        values = {name: getattr(self, name) for name in Shared.model_fields}
        if self.ignore_jids is not None:
            values["ignore_jids"] = tuple(
                dict.fromkeys(j.strip() for j in self.ignore_jids if j.strip())
            )
        return {name: value for name, value in values.items() if value is not None}


class BotBody(Shared):
    """`POST /typebot/create/{instance}` and update."""

    enabled: Flag = None
    description: Annotated[str, Field(max_length=255)] | None = None
    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL), BeforeValidator(_viewer)]
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


def row(stored: StoredBot) -> dict[str, Any]:
    """A flow as Evolution v2 shows it."""
    bot = stored.bot
    return {
        "id": stored.id,
        "enabled": bot.enabled,
        "description": bot.description,
        "url": bot.url,
        "typebot": bot.typebot,
        "expire": bot.expire,
        "keywordFinish": bot.keyword_finish,
        "delayMessage": bot.delay_message,
        "unknownMessage": bot.unknown_message,
        "listeningFromMe": bot.listening_from_me,
        "stopBotFromMe": bot.stop_bot_from_me,
        "keepOpen": bot.keep_open,
        "debounceTime": bot.debounce_time,
        "createdAt": moment(stored.created_at),
        "updatedAt": moment(stored.updated_at),
        "ignoreJids": list(bot.ignore_jids or ()),
        "triggerType": bot.trigger_type,
        "triggerOperator": bot.trigger_operator,
        "triggerValue": bot.trigger_value,
        "splitMessages": bot.split_messages,
        "timePerChar": bot.time_per_char,
        "instanceId": stored.instance_id,
    }


def settings_row(settings: BotSettings | None, fallback: StoredBot | None) -> dict[str, Any]:
    """What holds for all flows; what is not set shows the values that apply."""
    shown = settings or BotSettings()
    return {
        "expire": shown.expire,
        "keywordFinish": shown.keyword_finish,
        "delayMessage": shown.delay_message,
        "unknownMessage": shown.unknown_message,
        "listeningFromMe": shown.listening_from_me,
        "stopBotFromMe": shown.stop_bot_from_me,
        "keepOpen": shown.keep_open,
        "debounceTime": shown.debounce_time,
        "ignoreJids": list(shown.ignore_jids),
        "splitMessages": shown.split_messages,
        "timePerChar": shown.time_per_char,
        "fallbackId": shown.fallback_id or "",
        "fallback": row(fallback) if fallback else None,
    }


def only_row(known: Sequence[StoredBot]) -> Mapping[str, Any]:
    """The one flow that Evolution v1 knows."""
    found = only(known)
    if found is None:
        return {"enabled": False, "url": "", "typebot": "", "expire": 0, "sessions": []}
    bot = found.bot
    return {
        "enabled": bot.enabled,
        "url": bot.url,
        "typebot": bot.typebot,
        "expire": bot.expire or 0,
        "keyword_finish": bot.keyword_finish or "",
        "delay_message": bot.delay_message or 0,
        "unknown_message": bot.unknown_message or "",
        "listening_from_me": bool(bot.listening_from_me),
        "sessions": [],
    }
