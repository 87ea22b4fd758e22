"""The API keys of an instance: a second one for the change, and dropping the first."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.clock import utc
from bridge.http.dialects.shapes import Done, Named
from bridge.http.envelope import json_response
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_query
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances
from bridge.relay.keyring import Keyring
from bridge.store.queries.keys import KeyRow

TAG = "Keys"
_PATH = "/instance/keys/{instance}"


class Adding(BaseModel):
    """How the key is made."""

    alone: bool = Field(
        default=False, description="All other keys are dropped at once: somebody else has one."
    )


class KeyMade(TypedDict):
    """`hash` is the key itself, as Evolution calls it."""

    instance: Named
    hash: str


class KeyShown(TypedDict):
    since: str
    old: bool


class KeysShown(TypedDict):
    instance: Named
    keys: list[KeyShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRoutes:
    instances: Instances
    keyring: Keyring

    async def add(self, request: web.Request) -> web.Response:
        wanted = parse_query(request, Adding)
        entry = self._entry(request)
        key = await self.keyring.add(entry, alone=wanted.alone)
        return json_response(
            {"instance": {"instanceName": entry.instance.name}, "hash": key},
            status=HTTPStatus.CREATED,
        )

    async def show(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        found = await self.keyring.pair(entry)
        shown = [_shown(found.current, is_old=False)]
        if found.old is not None:
            shown.append(_shown(found.old, is_old=True))
        return json_response({"instance": {"instanceName": entry.instance.name}, "keys": shown})

    async def drop_old(self, request: web.Request) -> web.Response:
        await self.keyring.drop_old(self._entry(request))
        return json_response(
            {"status": "SUCCESS", "error": False, "response": {"message": "Old key dropped"}}
        )

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path=_PATH,
                handler=self.add,
                summary="Make a new key for an instance",
                description="Shown this once. The key before stays valid until it is dropped, "
                "unless the new one is to be alone.",
                query=Adding,
                tag=TAG,
                access=Access.INSTANCE_KEY,
                audit="key.add",
                errors=(HTTPStatus.CONFLICT,),
                responses={HTTPStatus.CREATED: KeyMade},
            ),
            Route(
                method="GET",
                path=_PATH,
                handler=self.show,
                summary="Tell how many keys an instance has, and since when",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: KeysShown},
            ),
            Route(
                method="DELETE",
                path=_PATH,
                handler=self.drop_old,
                summary="Drop the old key of an instance",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                audit="key.drop",
                responses={HTTPStatus.OK: Done},
            ),
        )


def _shown(key: KeyRow, *, is_old: bool) -> KeyShown:
    since = utc(key.made_at).isoformat(timespec="milliseconds")
    return {"since": since, "old": is_old}
