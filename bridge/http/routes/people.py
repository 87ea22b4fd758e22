"""Who somebody is, and how we know."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.errors import NotFound
from bridge.http.envelope import json_response
from bridge.http.routing import Access, Route
from bridge.http.validation import parse_query
from bridge.relay.who import who
from bridge.store.engine import Store

TAG = "Operations"


class Asked(BaseModel):
    """A number, a JID, a LID, a BSUID, or a Chatwoot contact id."""

    person: str = Field(min_length=1, max_length=256)


class Key(TypedDict):
    key: str
    since: str | None
    evidence: str


class Shown(TypedDict):
    """Two keys that an event showed together first; `evidence` says which."""

    one: str
    other: str
    evidence: str
    first: str | None
    is_theirs: bool


class Former(TypedDict):
    person: int
    since: str | None


class Merge(TypedDict):
    """Two Chatwoot contacts."""

    base: int
    merged: int
    state: str
    why: str
    at: str | None


class Chat(TypedDict):
    chat: int
    instance: str | None
    conversation: int | None
    status: str | None
    address: dict[str, str]
    last_wrote: str | None


class Portrait(TypedDict):
    """One person of one Chatwoot account."""

    person: int
    account: str
    since: str | None
    keys: list[Key]
    links: list[Shown]
    merged_from: list[Former]
    contact: int | None
    other_contacts: list[int]
    merges: list[Merge]
    chats: list[Chat]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    store: Store

    async def who(self, request: web.Request) -> web.Response:
        """Nothing is masked: whoever has the global key reads all of it."""
        found = await who(self.store, parse_query(request, Asked).person)
        if not found:
            raise NotFound("Nobody is known by this.", code="person.unknown")
        return json_response(found)

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/who",
                handler=self.who,
                summary="Tell who somebody is, and how that is known",
                tag=TAG,
                access=Access.GLOBAL_KEY,
                responses={HTTPStatus.OK: list[Portrait]},
                query=Asked,
                errors=(HTTPStatus.NOT_FOUND,),
            ),
        )
