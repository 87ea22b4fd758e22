"""Z-API's routes for partners: they make instances on demand, subscribe, cancel and list them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from aiohttp import web

from bridge.core.connection import LinkState
from bridge.core.trial import Trial
from bridge.errors import Unauthorized
from bridge.http.auditing import concerns
from bridge.http.dialects import zapi
from bridge.http.envelope import json_response
from bridge.http.routes.zapi import BASE, MAX_BODY, TAG, read_body
from bridge.http.routing import ID, TOKEN, Access, Route
from bridge.http.validation import parse_query
from bridge.relay.connections import Connections
from bridge.relay.directory import Directory, Entry
from bridge.relay.trials import Trials

ON_DEMAND: Final = "/instances/integrator/on-demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRoutes:
    trials: Trials
    directory: Directory
    connections: Connections
    due_as: Literal["string", "number"]

    async def create(self, request: web.Request) -> web.Response:
        body = await read_body(request, zapi.OnDemand)
        token = secrets.token_hex(24).upper()
        order = zapi.order(body, id_=secrets.token_hex(16).upper(), token=token)
        concerns(request, order.name)
        done = await self.trials.create(order, label=body.name, mobile=bool(body.isDevice))
        answer: dict[str, Any] = {
            "id": order.name,
            "token": done.made.key,
            "due": zapi.due_as(done.due, form=self.due_as),
        }
        if done.made.not_active:
            answer["notActive"] = [one.name for one in done.made.not_active]
        if done.made.warnings:
            answer["warnings"] = list(done.made.warnings)
        return json_response(answer)

    async def list(self, request: web.Request) -> web.Response:
        wanted = parse_query(request, zapi.Listing)
        page = await self.trials.page(
            text=wanted.query,
            mobile=None if wanted.middleware is None else wanted.middleware == "mobile",
            number=wanted.page,
            size=wanted.pageSize,
        )
        rows = []
        for trial in page.trials:
            entry = self.directory.by_id(trial.instance_id)
            if entry is not None:  # it may have been deleted just now
                connected = self.connections.view(entry).state is LinkState.OPEN
                rows.append(zapi.row(entry.instance, trial, connected=connected, token=None))
        return json_response(
            {
                "total": page.total,
                "totalPage": -(-page.total // wanted.pageSize),
                "pageSize": wanted.pageSize,
                "page": wanted.page,
                "content": rows,
            }
        )

    async def subscribe(self, request: web.Request) -> web.Response:
        trial = await self.trials.subscribe(self._partners(request))
        return self._told(
            trial, "The instance is subscribed: it stays until the subscription is cancelled."
        )

    async def cancel(self, request: web.Request) -> web.Response:
        trial = await self.trials.cancel(self._partners(request))
        return self._told(
            trial, "The instance ends at the time in due, unless it is subscribed again."
        )

    def _told(self, trial: Trial, message: str) -> web.Response:
        answer = {
            "value": True,
            "state": trial.state,
            "due": zapi.due_as(trial.due, form=self.due_as),
            "message": message,
        }
        return json_response(answer, status=HTTPStatus.CREATED)

    def _partners(self, request: web.Request) -> Entry:
        """The instance that a partner names by id and token, which have to fit each other.

        Without its token a partner does not learn whether an instance exists. Raises
        `Unauthorized`.
        """
        token, named = request.match_info[TOKEN], request.match_info[ID]
        concerns(request, named)
        entry = self.directory.by_key(token) if token.isascii() else None
        if entry is None or named not in (entry.instance.name, entry.id):
            raise Unauthorized("The id and the token in the path belong to no instance")
        concerns(request, entry.instance.name)
        return entry

    def routes(self) -> tuple[Route, ...]:
        changes = (
            ("POST", "on-demand/subscription", self.subscribe, "subscribe", "Subscribe"),
            ("PUT", "on-demand/subscription/update", self.subscribe, "subscribe", "Subscribe"),
            ("PUT", "subscription/update", self.subscribe, "subscribe", "Subscribe"),
            ("POST", "on-demand/cancel", self.cancel, "cancel", "Cancel the subscription"),
        )
        return (
            Route(
                method="POST",
                path=ON_DEMAND,
                handler=self.create,
                summary="Create an instance on demand, on trial",
                description="It is deleted at the time in `due` unless it is subscribed. Its "
                "token also opens the other routes, as header apikey.",
                tag=TAG,
                access=Access.PARTNER,
                request=zapi.OnDemand,
                max_body=MAX_BODY,
                audit="instance.create",
                responses={HTTPStatus.OK: zapi.Made},
                errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
            ),
            Route(
                method="GET",
                path="/instances",
                handler=self.list,
                summary="List the instances made on demand",
                description="Tokens are stored hashed: they are null here.",
                tag=TAG,
                access=Access.PARTNER,
                query=zapi.Listing,
                responses={HTTPStatus.OK: zapi.InstancePage},
            ),
            *(
                Route(
                    method=method,
                    path=f"{BASE}/integrator/{path}",
                    handler=handler,
                    summary=f"{summary} ({path})" if method == "PUT" else summary,
                    tag=TAG,
                    access=Access.PARTNER,
                    max_body=MAX_BODY,
                    audit=f"trial.{action}",
                    responses={HTTPStatus.CREATED: zapi.Subscribed},
                    errors=(HTTPStatus.CONFLICT,),
                )
                for method, path, handler, action, summary in changes
            ),
        )
