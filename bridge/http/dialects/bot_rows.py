"""Flows and what holds for all of them, as Evolution shows them (evolution-instance-typebot.md 5).

Its keys are as they are there; those that are ours stand behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.core.typebot import Bot, BotSettings, StoredBot
from bridge.http.dialects.views import moment
from bridge.relay.bot.bots import only


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
    } | ours(bot)


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
    } | ours(shown)


#: Our own fields: as v2 and as v1 spell them.
_OURS: Final = {
    "ignoreCase": "ignore_case",
    "ignoreAccents": "ignore_accents",
    "firstMessage": "first_message",
    "handOff": "hand_off",
    "onEnd": "on_end",
    "endTeam": "end_team",
    "endAgent": "end_agent",
    "endLabels": "end_labels",
    "restart": "restart",
    "restartHours": "restart_hours",
    "pauseHours": "pause_hours",
    "goodbye": "goodbye",
    "expireMessage": "expire_message",
    "errorMessage": "error_message",
    "groups": "groups",
}


def ours(shown: Bot | BotSettings, *, snake: bool = False) -> dict[str, Any]:
    """The fields of a row that Evolution does not have."""
    values = {camel: getattr(shown, name) for camel, name in _OURS.items()}
    values["endLabels"] = None if shown.end_labels is None else list(shown.end_labels)
    return {_OURS[camel] if snake else camel: value for camel, value in values.items()}


def only_row(
    known: Sequence[StoredBot], sessions: Sequence[Mapping[str, Any]] = ()
) -> Mapping[str, Any]:
    """The one flow that Evolution v1 knows, with the sessions of the instance."""
    found = only(known)
    if found is None:
        return {"enabled": False, "url": "", "typebot": "", "expire": 0, "sessions": [*sessions]}
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
        "sessions": [*sessions],
    } | ours(bot, snake=True)
