"""Instances and their Chatwoot inboxes, in Evolution API v2's words."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from bridge.errors import NotFound
from bridge.http.dialects import evolution_v2 as v2
from bridge.http.envelope import json_response
from bridge.http.gate import caller
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_body, parse_query
from bridge.relay.directory import Directory, Entry
from bridge.relay.instances import Instances
from bridge.relay.provisioning import Provisioning


class Filter(BaseModel):
    """Which instances to list; all of them without a filter."""

    instanceName: str | None = None  # noqa: N815
    instanceId: str | None = None  # noqa: N815
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRoutes:
    instances: Instances
    directory: Directory
    provisioning: Provisioning
    public_url: str
    verify_token: str
    reopen: bool

    async def create(self, request: web.Request) -> web.Response:
        body = await parse_body(request, v2.CreateInstance)
        made = await self.instances.create(v2.order(body, reopen=self.reopen))
        answer = v2.created(
            made,
            webhook_meta=f"{self.public_url.rstrip('/')}/webhook/meta",
            verify_token=body.verifyToken or self.verify_token,
            hook=self._hook(made.entry),
        )
        return json_response(answer, status=HTTPStatus.CREATED)

    async def list(self, request: web.Request) -> web.Response:
        wanted = parse_query(request, Filter)
        asks = caller(request)
        rows = [
            v2.row(entry, self.instances.known_link(entry))
            for entry in self.directory.all()
            if asks.instance in (None, entry.instance.name)
            and wanted.instanceName in (None, entry.instance.name)
            and wanted.instanceId in (None, entry.id)
            and wanted.number in (None, entry.instance.number)
        ]
        missing = wanted.instanceId or wanted.number
        if not rows and missing:
            raise NotFound(f'Instance "{missing}" not found', code="instance.unknown")
        return json_response(rows)

    async def state(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        link = await self.instances.link(entry)
        answer: dict[str, Any] = {"instanceName": entry.instance.name, "state": link.state}
        if link.reason:
            answer["reason"] = link.reason
        return json_response({"instance": answer})

    async def delete(self, request: web.Request) -> web.Response:
        await self.instances.delete(self._entry(request))
        return json_response(
            {"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}}
        )

    async def set_credentials(self, request: web.Request) -> web.Response:
        body = await parse_body(request, v2.SetCredentials)
        entry = self._entry(request)
        link = await self.instances.set_credentials(
            entry, token=body.token, app_secret=body.appSecret, verify_token=body.verifyToken
        )
        return json_response(
            {"instance": {"instanceName": entry.instance.name, "state": link.state}},
            status=HTTPStatus.CREATED,
        )

    async def set_chatwoot(self, request: web.Request) -> web.Response:
        body = await parse_body(request, v2.SetChatwoot)
        entry = await self.instances.set_chatwoot(
            self._entry(request), v2.chatwoot_order(body, reopen=self.reopen)
        )
        found = v2.found_chatwoot(entry.inbox, self._hook(entry))
        return json_response(found, status=HTTPStatus.CREATED)

    async def find_chatwoot(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        return json_response(v2.found_chatwoot(entry.inbox, self._hook(entry)))

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def _hook(self, entry: Entry) -> str:
        return self.provisioning.webhook_base(entry.instance)

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
                request=v2.CreateInstance,
                responses={HTTPStatus.CREATED: dict[str, Any]},
            ),
            Route(
                method="GET",
                path="/instance/fetchInstances",
                handler=self.list,
                summary="List instances",
                description="With an instance's key: that instance only. Tokens are masked.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                query=Filter,
                responses={HTTPStatus.OK: list[dict[str, Any]]},
            ),
            Route(
                method="GET",
                path="/instance/connectionState/{instance}",
                handler=self.state,
                summary="Ask how the number is connected",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: dict[str, Any]},
            ),
            Route(
                method="DELETE",
                path="/instance/delete/{instance}",
                handler=self.delete,
                summary="Delete an instance",
                description="The inbox and its conversations stay in Chatwoot.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: dict[str, Any]},
            ),
            Route(
                method="POST",
                path="/instance/credentials/{instance}",
                handler=self.set_credentials,
                summary="Give the number a new WhatsApp token",
                description="What was paused because the old one was refused goes out, in order.",
                tag="Instances",
                access=Access.INSTANCE_KEY,
                request=v2.SetCredentials,
                responses={HTTPStatus.CREATED: dict[str, Any]},
            ),
            Route(
                method="POST",
                path="/chatwoot/set/{instance}",
                handler=self.set_chatwoot,
                summary="Set up, change or switch off the Chatwoot side",
                tag="Chatwoot",
                access=Access.INSTANCE_KEY,
                request=v2.SetChatwoot,
                responses={HTTPStatus.CREATED: dict[str, Any]},
            ),
            Route(
                method="GET",
                path="/chatwoot/find/{instance}",
                handler=self.find_chatwoot,
                summary="Show the Chatwoot side",
                tag="Chatwoot",
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: dict[str, Any]},
            ),
        )
