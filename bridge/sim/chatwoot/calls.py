"""One request as the handlers see it, and the answers they give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import orjson
from aiohttp import web

from bridge.sim.chatwoot.faults import Faults
from bridge.sim.chatwoot.records import (
    AgentBot,
    Contact,
    Conversation,
    Inbox,
    Json,
    Message,
    User,
)
from bridge.sim.chatwoot.refusals import not_found, unauthorized
from bridge.sim.chatwoot.world import World

#: Who may call: everybody who has a token of the account, administrators only, also agent bots
#: (from the beginning, or since "newer"), or anybody at all.
Access: TypeAlias = Literal["user", "admin", "bot", "newer-bot", "profile", "public"]


@dataclass(slots=True, kw_only=True)
class Call:
    """`params` are query and body together; `arrived` is when the body had been read."""

    world: World
    faults: Faults
    request: web.Request
    params: Json
    actor: User | AgentBot | None
    arrived: float

    def number(self, name: str) -> int:
        """An id of the path; what is no number is a missing record."""
        value = self.request.match_info[name]
        if not value.isdecimal() or len(value) > 18:  # noqa: PLR2004 -- a bigint has no more digits
            raise not_found()
        return int(value)

    @property
    def is_admin(self) -> bool:
        return isinstance(self.actor, User) and self.actor.role == "administrator"

    def sees(self, inbox: Inbox) -> bool:
        """Agents see the inboxes they are members of; administrators and bots all."""
        actor = self.actor
        return not isinstance(actor, User) or self.is_admin or actor.id in inbox.members

    def inbox(self, name: str = "inbox") -> Inbox:
        return self._visible(self.world.inboxes.get(self.number(name)))

    def inbox_param(self, name: str = "inbox_id") -> Inbox:
        return self._visible(self.world.inboxes.get(as_int(self.params.get(name))))

    def _visible(self, row: Inbox | None) -> Inbox:
        if row is None:
            raise not_found()
        if not self.sees(row):
            raise unauthorized()
        return row

    def contact(self) -> Contact:
        row = self.world.contacts.get(self.number("contact"))
        if row is None:
            raise not_found()
        return row

    def conversation(self) -> Conversation:
        row = self.world.conversations.get(self.number("conversation"))
        if row is None:
            raise not_found()
        if not self.sees(row.inbox):
            raise unauthorized()
        return row

    def message(self) -> Message:
        chat = self.conversation()
        row = self.world.messages.get(self.number("message"))
        if row is None or row.conversation is not chat:
            raise not_found()
        return row


Handler: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`name` is what `sim.requests` and `sim.faults` call it, after the method."""

    method: str
    path: str
    name: str
    handler: Handler
    access: Access = "user"

    @property
    def key(self) -> str:
        return f"{self.method} {self.name}"


def routes(
    method: str, path: str, name: str, handler: Handler, access: Access = "user"
) -> list[Route]:
    """The routes of one handler; "PATCH" stands for PUT as well, as in Rails."""
    methods = ("PATCH", "PUT") if method == "PATCH" else (method,)
    return [Route(method=m, path=path, name=name, handler=handler, access=access) for m in methods]


ACCOUNT = "/api/v1/accounts/{account}"


def answer(body: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/json", charset="utf-8"
    )


def empty(*, status: int = 200) -> web.Response:
    return web.Response(status=status)


def as_int(value: Any) -> int:
    """A numeric parameter; 0 (which no record has) when it is none."""
    if isinstance(value, bool):
        return 0
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
