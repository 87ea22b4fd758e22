"""The bodies and answers about sessions of flows (evolution-instance-typebot.md 5.1, 5.3, 5.6)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from bridge.http.dialects.coerced import Flag, Word, Words, one_of
from bridge.http.dialects.kinds import is_blank
from bridge.http.dialects.typebot import Labels
from bridge.http.dialects.viewers import Linked
from bridge.relay.bot.events import told_session, told_variables
from bridge.relay.bot.memory import memory_of
from bridge.relay.bot.sessions import Action, Change, Changed, Held, Wanted
from bridge.relay.bot.starts import StartOrder

_MOST_VARIABLES = 200
_MOST_ATTRIBUTES = 50


def _as_text(value: Any) -> Any:
    """Numbers come as JSON numbers too."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _none(value: Any) -> Any:
    return None if is_blank(value) else value


Address = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)],
    BeforeValidator(_as_text, json_schema_input_type=str | int),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Variable(BaseModel):
    """One variable of a flow."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    value: JsonValue = None


class Addressed(BaseModel):
    """Whom a call is about."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    jid: Address = Field(
        validation_alias=AliasChoices("remoteJid", "remote_jid", "number"),
        description="A JID, or a number with its country code.",
    )


class AboutOne(Addressed):
    """The same; with the key of a flow it is that flow's chat, and need not be named."""

    jid: Annotated[Address | None, BeforeValidator(_none)] = Field(  # type: ignore[assignment]
        default=None,
        validation_alias=AliasChoices("remoteJid", "remote_jid", "number"),
        description="A JID, or a number with its country code. With a flow's key it may be left "
        "out: the key names the chat.",
    )


class IgnoreBody(Addressed):
    """`POST /typebot/ignoreJid/{instance}`."""

    action: Annotated[Literal["add", "remove"], one_of("add", "remove")]


class StartBody(Linked, Addressed):
    """`POST /typebot/start/{instance}`."""

    start_session: Flag = Field(
        default=None,
        validation_alias=AliasChoices("startSession", "start_session"),
        description="false: the flow is only played, and hears no answer.",
    )
    variables: Annotated[
        Annotated[list[Variable], Field(max_length=_MOST_VARIABLES)]
        | Annotated[dict[Name, JsonValue], Field(max_length=_MOST_VARIABLES)]
        | None,
        BeforeValidator(_none),
    ] = Field(default=None, description="A list of names and values, or an object.")

    def order(self) -> StartOrder:
        given = self.variables or {}
        if isinstance(given, list):
            given = {one.name: one.value for one in given}
        return StartOrder(
            url=self.url,
            typebot=self.typebot,
            variables=given,
            keeps=self.start_session is not False,
        )


class StatusBody(AboutOne):
    """`POST /typebot/changeStatus/{instance}`."""

    status: Annotated[Change, one_of(*get_args(Change))]


class HandoffBody(AboutOne):
    """`POST /typebot/handoff/{instance}`."""

    action: Annotated[Action | None, one_of(*get_args(Action))] = Field(
        default=None,
        description="handoff (not given): a person of ours gets the conversation; resolve: it is "
        "resolved; pending: the flow ends, and the conversation waits for the next one.",
    )
    team: Word = Field(default=None, description="Name or id of the team.")
    agent: Word = Field(default=None, description="Name, e-mail address or id of the agent.")
    labels: Labels = Field(default=None, description="A list, or one text with commas.")
    note: Words = Field(default=None, description="A private note for agents.")
    attributes: Annotated[dict[Name, JsonValue], Field(max_length=_MOST_ATTRIBUTES)] | None = Field(
        default=None, description="Custom attributes of the conversation."
    )

    def wanted(self) -> Wanted:
        return Wanted(
            action=self.action or "handoff",
            team=self.team,
            agent=self.agent,
            labels=tuple(dict.fromkeys(self.labels or ())),
            attributes=self.attributes or {},
            note=self.note,
        )


class ResumeBody(AboutOne):
    """`POST /typebot/resume/{instance}`."""

    data: JsonValue = Field(
        default=None, description="What the Webhook block gets; its mappings find it below `data`."
    )


class DoneRow(BaseModel):
    """Whom it was done for."""

    instanceName: str  # noqa: N815
    remoteJid: str | None  # noqa: N815
    status: Literal["accepted"]


def session_row(held: Held) -> dict[str, Any]:
    """A session as Evolution v2 shows it; `sessionId` has Typebot's behind a number of ours."""
    row = told_session(held.chat, held.talk)
    return row | {"sessionId": _composite(held)}


def v1_session(held: Held) -> dict[str, Any]:
    """A session as Evolution v1 shows it; times in ms."""
    row = told_session(held.chat, held.talk)
    return {
        "remoteJid": row["remoteJid"],
        "sessionId": _composite(held),
        "status": row["status"],
        "createdAt": held.talk.created_at,
        "updateAt": held.talk.updated_at,
        "prefilledVariables": told_variables(memory_of(held.talk).variables),
    }


def changed_row(name: str, changed: Changed, status: Change) -> dict[str, Any]:
    """What Evolution v2 answers when a session was changed (5.1)."""
    bot: dict[str, Any] = {"remoteJid": changed.jid, "status": status}
    if status == "delete":
        return {"bot": bot}
    if status == "closed":
        return {"bot": {"instanceName": name, "bot": bot}}
    bot["session"] = {"count": changed.count}
    if changed.silenced is not None:
        bot["silencedBy"] = changed.silenced
    return {"bot": {"instanceName": name, "bot": bot}}


def started_row(name: str, body: StartBody, jid: str | None, *, begun: bool) -> dict[str, Any]:
    """What Evolution answers when a flow was started (5.6)."""
    order = body.order()
    shown: dict[str, Any] = {
        "url": order.url,
        "remoteJid": jid,
        "typebot": order.typebot,
        "prefilledVariables": dict(order.variables),
    }
    if not begun:
        shown["pending"] = True
    return {"typebot": {"instanceName": name, "typebot": shown}}


def _composite(held: Held) -> str:
    """A number of ours, and Typebot's id where there is one (5.2)."""
    session = held.talk.session_id
    return f"{held.chat.id}-{session}" if session else str(held.chat.id)
