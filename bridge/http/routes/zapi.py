"""Z-API's routes for one instance, which is named by its id and token in the path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel

from bridge.core.connection import ConnectionView, LinkState
from bridge.errors import Invalid, Unavailable, WrongType
from bridge.http.dialects import zapi
from bridge.http.envelope import json_response
from bridge.http.gate import caller
from bridge.http.routing import TOKEN, Access, Route
from bridge.http.validation import parse_body
from bridge.relay.activity import inactive_of
from bridge.relay.configuring import Configuring
from bridge.relay.connections import Connections
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances
from bridge.relay.trials import Trials
from bridge.whatsapp.qr import Qr
from bridge.whatsapp.registry import Registry

ModelT = TypeVar("ModelT", bound=BaseModel)

#: No body of these routes is larger (bytes).
MAX_BODY: Final = 256 * 1024
BASE: Final = "/instances/{id}/token/{token}"
TAG: Final = "Z-API"

#: A number with its country's, as E.164 has it.
_PHONE: Final = re.compile(r"[0-9]{8,15}")
#: What the reading routes may answer beside what all of their kind may.
_FAILURES: Final[Mapping[str, tuple[HTTPStatus, ...]]] = {
    "qr-code": (HTTPStatus.BAD_REQUEST,),
    "qr-code/image": (HTTPStatus.BAD_REQUEST,),
    "phone-code/{phone}": (HTTPStatus.BAD_REQUEST,),
    "disconnect": (HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_GATEWAY),
    "restart": (HTTPStatus.BAD_REQUEST,),
}
_DONE: Final[Mapping[int, Any]] = {HTTPStatus.OK: zapi.Value}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZApiRoutes:
    instances: Instances
    configuring: Configuring
    connections: Connections
    registry: Registry
    trials: Trials
    #: Seconds.
    qr_wait: float

    # -- its connection ----------------------------------------------------------------------

    async def status(self, request: web.Request) -> web.Response:
        view = await self.connections.ask(self._entry(request))
        connected = self._is_open(view)
        answer = zapi.Status(
            connected=connected,
            session=connected,
            smartphoneConnected=connected,
            error=None if connected else view.reason or "You are not connected.",
        )
        return json_response(answer.model_dump())

    async def me(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        connected = self._is_open(self.connections.view(entry))
        trial = await self.trials.find(entry)
        token = request.match_info[TOKEN]
        return json_response(zapi.row(entry.instance, trial, connected=connected, token=token))

    async def qr_code(self, request: web.Request) -> web.Response:
        qr = await self._qr(request)
        return json_response({"value": qr.code})

    async def qr_image(self, request: web.Request) -> web.Response:
        qr = await self._qr(request)
        return json_response({"value": qr.base64})

    async def phone_code(self, request: web.Request) -> web.Response:
        phone = request.match_info["phone"]
        if not _PHONE.fullmatch(phone):
            raise Invalid("phone must be 8 to 15 digits, with the country's", code="phone.invalid")
        qr = await self._qr(request, number=phone)
        if qr.pairing_code is None:
            raise Unavailable(
                qr.no_pairing_code or "WhatsApp gave no code to type; scan the QR code instead.",
                code="connection.no_pairing_code",
            )
        return json_response({"code": qr.pairing_code})

    async def disconnect(self, request: web.Request) -> web.Response:
        _refuse_head(request)
        try:
            await self.connections.logout(self._entry(request))
        except Invalid as error:
            if error.cause != "connection.closed":  # then it is done already
                raise
        return json_response({"value": True})

    async def restart(self, request: web.Request) -> web.Response:
        _refuse_head(request)
        try:
            await self.connections.restart(self._entry(request), wait=self.qr_wait)
        except Unavailable as error:
            if error.cause != "connection.no_qr":  # it goes on; the code is asked for later
                raise
        return json_response({"value": True})

    async def _qr(self, request: web.Request, *, number: str | None = None) -> Qr:
        entry = self._entry(request)
        qr = await self.connections.connect(entry, number=number, wait=self.qr_wait)
        if qr is None:
            raise Invalid(
                "You are already connected; disconnect first to show a new code",
                code="connection.already_open",
            )
        return qr

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(caller(request).instance or "")

    @staticmethod
    def _is_open(view: ConnectionView) -> bool:
        return view.state is LinkState.OPEN

    # -- its settings ------------------------------------------------------------------------

    async def set_callbacks(self, names: Sequence[str], request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await read_body(request, zapi.Callback)
        changed = await self.configuring.callbacks(
            entry, lambda before: zapi.with_callbacks(before, names, body.value)
        )
        return self._done(changed)

    async def set_behaviour(
        self, model: type[zapi.Switch | zapi.Words], name: str, request: web.Request
    ) -> web.Response:
        entry = self._entry(request)
        body = await read_body(request, model)
        wanted: dict[str, Any] = {name: body.value}
        changed = await self.configuring.settings(entry, lambda before: replace(before, **wanted))
        return self._done(changed)

    def _done(self, changed: Entry) -> web.Response:
        answer: dict[str, Any] = {"value": True}
        kind = self.registry.kind(changed.instance)
        if inactive := inactive_of(changed.instance, kind=kind):
            answer["notActive"] = [one.name for one in inactive]
        return json_response(answer)

    # -- the table ---------------------------------------------------------------------------

    def routes(self) -> tuple[Route, ...]:
        return (*self._instance_routes(), *self._setting_routes())

    def _instance_routes(self) -> tuple[Route, ...]:
        reads: tuple[tuple[str, _Handler, str, Any, str | None], ...] = (
            ("status", self.status, "How the number is connected", zapi.Status, None),
            ("me", self.me, "The instance and its settings", zapi.Row, None),
            ("qr-code", self.qr_code, "The QR code to scan, as text", zapi.Value, None),
            ("qr-code/image", self.qr_image, "The QR code to scan, as a picture", zapi.Value, None),
            ("phone-code/{phone}", self.phone_code, "A code to type", zapi.Code, None),
            ("disconnect", self.disconnect, "Disconnect", zapi.Value, "connection.logout"),
            ("restart", self.restart, "Connect anew", zapi.Value, "connection.restart"),
        )
        return tuple(
            Route(
                method="GET",
                path=f"{BASE}/{path}",
                handler=handler,
                summary=summary,
                tag=TAG,
                access=Access.PATH_TOKEN,
                audit=audit,
                responses={HTTPStatus.OK: answer},
                errors=_FAILURES.get(path, ()),
            )
            for path, handler, summary, answer, audit in reads
        )

    def _setting_routes(self) -> tuple[Route, ...]:
        webhooks: dict[str, Sequence[str]] = {
            f"update-webhook-{path}": (name,) for path, name in zapi.UPDATES.items()
        } | {"update-every-webhooks": tuple(zapi.CALLBACKS)}
        behaviours: dict[str, tuple[type[zapi.Switch | zapi.Words], str]] = {
            "update-call-reject-auto": (zapi.Switch, "reject_call"),
            "update-call-reject-message": (zapi.Words, "msg_call"),
            "update-auto-read-message": (zapi.Switch, "read_messages"),
            "update-auto-read-status": (zapi.Switch, "read_status"),
        }
        changes: list[tuple[str, _Handler, type[BaseModel]]] = [
            *(
                (path, partial(self.set_callbacks, names), zapi.Callback)
                for path, names in webhooks.items()
            ),
            *(
                (path, partial(self.set_behaviour, model, name), model)
                for path, (model, name) in behaviours.items()
            ),
        ]
        return tuple(
            Route(
                method="PUT",
                path=f"{BASE}/{path}",
                handler=handler,
                summary=path.replace("-", " ").capitalize(),
                tag=TAG,
                access=Access.PATH_TOKEN,
                request=model,
                max_body=MAX_BODY,
                audit="webhook.set" if "webhook" in path else "settings.set",
                responses=_DONE,
                errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
            )
            for path, handler, model in changes
        )


_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def read_body(request: web.Request, model: type[ModelT]) -> ModelT:
    """Their documented 415 comes before anything is read."""
    if request.content_type != "application/json":
        raise WrongType('The body must be JSON: send the header "Content-Type: application/json".')
    return await parse_body(request, model)


def _refuse_head(request: web.Request) -> None:
    """These GETs change something, which a HEAD must not."""
    if request.method != "GET":
        raise web.HTTPMethodNotAllowed(request.method, ["GET"])
