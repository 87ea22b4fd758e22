"""Instances: created, listed, deleted, given new credentials; in the dialect of whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from bridge.core.instance import Dialect
from bridge.errors import NotFound
from bridge.http.auditing import concerns
from bridge.http.dialects import choosing
from bridge.http.dialects.choosing import V1Shape
from bridge.http.dialects.create import read_create
from bridge.http.dialects.described import CreateBody
from bridge.http.dialects.rendering import CREATED, ROWS, Answer, renderer
from bridge.http.dialects.shapes import Done, State
from bridge.http.dialects.views import Addresses, View
from bridge.http.envelope import json_response
from bridge.http.gate import Caller, caller
from bridge.http.reading import read_json
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_body, parse_query
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory, Entry
from bridge.relay.instances import InboxFate, Instances

#: Rows that are written at a stretch, so that other requests are not kept waiting.
_AT_A_STRETCH = 250
_DEFAULT_PAGE = 100
_TOTAL = "X-Total-Count"


class Filter(BaseModel):
    """Which instances to list; all of them without a filter, by name."""

    instanceName: str | None = None  # noqa: N815
    instanceId: str | None = None  # noqa: N815
    number: str | None = None
    page: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="Counted from 1; without it and pageSize all are listed."
    )
    pageSize: Annotated[int, Field(ge=1, le=1000)] | None = None  # noqa: N815

    @property
    def is_open(self) -> bool:
        return self.instanceName is self.instanceId is self.number is None

    @property
    def window(self) -> tuple[int, int | None]:
        """How many to leave out, and how many to show at most."""
        if self.page is None and self.pageSize is None:
            return 0, None
        size = self.pageSize or _DEFAULT_PAGE
        return ((self.page or 1) - 1) * size, size


class Deletion(BaseModel):
    """What becomes of the inbox in Chatwoot, with all its conversations."""

    inbox: Literal["keep", "delete"] = "keep"


class Credentials(BaseModel):
    """Ponte's own: Evolution has no route for them."""

    model_config = ConfigDict(extra="ignore", strict=True)

    token: str = Field(min_length=1, max_length=4096, description="The new Meta access token.")
    appSecret: str | None = Field(default=None, max_length=255)  # noqa: N815
    verifyToken: str | None = Field(default=None, max_length=255)  # noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRoutes:
    """`dialect`, `v1_shape` and `listed_as` are the settings of section `api`."""

    instances: Instances
    directory: Directory
    connections: Connections
    addresses: Addresses
    dialect: str
    v1_shape: V1Shape
    listed_as: Literal["v1", "v2"]
    expose_secrets: bool
    reopen: bool

    async def create(self, request: web.Request) -> web.Response:
        body = await read_json(request)
        dialect = choosing.of_create(
            body,
            chosen=choosing.chosen(request, setting=self.dialect),
            v1_shape=choosing.v1_shape(request, setting=self.v1_shape),
        )
        order = read_create(body, dialect=dialect, reopen=self.reopen)
        concerns(request, order.name)
        made = await self.instances.create(order)
        answer = renderer(dialect).created(made, self.addresses, qrcode=order.qrcode)
        return json_response(answer, status=HTTPStatus.CREATED)

    async def list(self, request: web.Request) -> web.Response:
        wanted = parse_query(request, Filter)
        asks = caller(request)
        chosen = choosing.chosen(request, setting=self.dialect)
        dialect = chosen or Dialect(self.listed_as)
        found, total = await self._found(wanted, asks)
        if not found and not wanted.is_open:
            self._missing(wanted, dialect)
        single = asks.is_global and wanted.instanceName is not None
        answer = await self._rows(found, dialect, exposed=asks.is_global, single=single)
        return json_response(answer, headers={_TOTAL: str(total)})

    async def delete(self, request: web.Request) -> web.Response:
        wanted = parse_query(request, Deletion)
        await self.instances.delete(self._entry(request), inbox=InboxFate(wanted.inbox))
        return json_response(
            {"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}}
        )

    async def set_credentials(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, Credentials)
        connection = await self.instances.set_credentials(
            entry, token=body.token, app_secret=body.appSecret, verify_token=body.verifyToken
        )
        return json_response(
            {"instance": {"instanceName": entry.instance.name, "state": connection.state}},
            status=HTTPStatus.CREATED,
        )

    async def _found(self, wanted: Filter, asks: Caller) -> tuple[Sequence[Entry], int]:
        """What somebody may see of what he asks for, and how many there are on all pages."""
        skip, most = wanted.window
        if wanted.is_open and asks.instance is None:
            shown = await self.directory.page(offset=skip, limit=most)
            return shown, len(self.directory.names())
        fitting = [entry for entry in await self._candidates(wanted, asks) if _fits(entry, wanted)]
        end = None if most is None else skip + most
        return fitting[skip:end], len(fitting)

    async def _candidates(self, wanted: Filter, asks: Caller) -> Sequence[Entry]:
        """The few that may fit; an instance's key sees none but its own."""
        name = wanted.instanceName if asks.instance is None else asks.instance
        if name is not None:
            found = [self.directory.by_name(name)]
        elif wanted.instanceId is not None:
            found = [self.directory.by_id(wanted.instanceId)]
        else:
            ids = await self.instances.of_number(wanted.number or "")
            found = [self.directory.by_id(instance_id) for instance_id in ids]
        return [entry for entry in found if entry is not None and entry.instance.ready]

    @staticmethod
    def _missing(wanted: Filter, dialect: Dialect) -> None:
        """Raise what Evolution does: v2 answers an unknown name with an empty list (2.1)."""
        missing = wanted.instanceId or wanted.number
        if missing is None and dialect is not Dialect.V2:
            missing = wanted.instanceName
        if missing is not None:
            raise NotFound(f'Instance "{missing}" not found', code="instance.unknown")

    async def _rows(
        self, found: Sequence[Entry], dialect: Dialect, *, exposed: bool, single: bool
    ) -> Sequence[Answer] | Answer:
        writes = renderer(dialect)
        views = [
            View(
                entry=entry,
                connection=self.connections.view(entry),
                addresses=self.addresses,
                exposed=exposed and self.expose_secrets,
            )
            for entry in found
        ]
        if len(views) <= _AT_A_STRETCH:
            return writes.rows(views, single=single)
        rows: list[Answer] = []
        for start in range(0, len(views), _AT_A_STRETCH):
            rows += [writes.row(view) for view in views[start : start + _AT_A_STRETCH]]
            await asyncio.sleep(0)
        return rows

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="POST",
                path="/instance/create",
                handler=self.create,
                summary="Create an instance, with its Chatwoot inbox",
                description="Awaited: when it answers 201 the inbox is ready; otherwise nothing "
                "is left of it, and the answer names the step that failed.",
                tag="Instances",
                access=Access.GLOBAL_KEY,
                audit="instance.create",
                dialects=True,
                errors=(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
                request=CreateBody,
                responses={HTTPStatus.CREATED: CREATED},
            ),
            Route(
                method="GET",
                path="/instance/fetchInstances",
                handler=self.list,
                summary="List instances",
                description="With an instance's key: that instance only. Secrets are masked. "
                f"The header {_TOTAL} tells how many there are on all pages.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                dialects=True,
                errors=(HTTPStatus.NOT_FOUND,),
                query=Filter,
                # Evolution v1 answers the global key that names one with the one row itself.
                responses={HTTPStatus.OK: ROWS},
            ),
            Route(
                method="DELETE",
                path="/instance/delete/{instance}",
                handler=self.delete,
                summary="Delete an instance",
                description="When it answers, nothing of it is left here. Its inbox stays in "
                "Chatwoot unless inbox=delete; then Chatwoot is asked first, and unless it accepts "
                "nothing is deleted.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                audit="instance.delete",
                errors=(HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY),
                query=Deletion,
                responses={HTTPStatus.OK: Done},
            ),
            Route(
                method="POST",
                path="/instance/credentials/{instance}",
                handler=self.set_credentials,
                summary="Give the number a new WhatsApp token",
                description="What was paused because the old one was refused goes out, in order.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                audit="instance.credentials",
                request=Credentials,
                responses={HTTPStatus.CREATED: State},
            ),
        )


def _fits(entry: Entry, wanted: Filter) -> bool:
    instance = entry.instance
    return (
        wanted.instanceName in (None, instance.name)
        and wanted.instanceId in (None, instance.id)
        and wanted.number in (None, instance.number)
    )
