"""A toy route table with its gate, for tests of the HTTP foundation."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from bridge.errors import (
    BridgeError,
    ForbiddenAddress,
    NotFound,
    PeerBusy,
    PeerLocked,
    TooBig,
    Unauthorized,
    Unavailable,
)
from bridge.http.envelope import json_response
from bridge.http.gate import Caller, Claim, caller
from bridge.http.middleware import trace_of
from bridge.http.reading import read_body, read_json
from bridge.http.routing import Access, Handler, Route, is_prefixed
from bridge.http.validation import parse_body, parse_query

GLOBAL_KEY = "the-global-key"
BAKERY_KEY = "the-key-of-the-bakery"
MAX_BODY = 10_000


class Hook(BaseModel):
    url: str = Field(min_length=1)
    enabled: StrictBool
    events: list[Literal["QRCODE_UPDATED", "CONNECTION_UPDATE"]] = []


class Wish(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(alias="instanceName", min_length=1, max_length=20)
    number: str | None = Field(None, pattern=r"^\d+[\.@\w-]+")
    qrcode: StrictBool = False
    days: int = Field(60, ge=0, le=365, alias="daysLimit")
    account: int | str | None = Field(None, alias="chatwootAccountId")
    webhook: Hook | str | None = None
    integration: str = "WHATSAPP-BAILEYS"

    @field_validator("integration")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"WHATSAPP-BAILEYS", "WHATSAPP-BUSINESS"}:
            raise ValueError("Invalid integration")
        return value


class Made(BaseModel):
    name: str
    account: int | str | None


class Asked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    number: str | None = Field(None, description="The number to pair with.")
    page: int = Field(1, ge=1)


class ToyGate:
    """Knows a global key and one instance, called padaria; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, Access, str | None]] = []
        self.claims: list[Claim] = []

    async def check(self, claim: Claim) -> Caller:
        key, access, instance = claim.key, claim.access, claim.instance
        if key is not None:
            assert 0 < len(key.encode()) < 5000  # the real one makes a hash of it
        self.asked.append((key, access, instance))
        self.claims.append(claim)
        if key == BAKERY_KEY and access is Access.INSTANCE_KEY and instance in (None, "padaria"):
            return Caller(instance="padaria")
        if key != GLOBAL_KEY:
            raise Unauthorized
        if instance not in (None, "padaria"):
            raise NotFound(f'The "{instance}" instance does not exist')
        return Caller()


async def create(request: web.Request) -> web.Response:
    wish = await parse_body(request, Wish)
    return json_response({"name": wish.name, "account": wish.account}, status=201)


async def echo(request: web.Request) -> web.Response:
    return json_response(await read_json(request))


async def hook(request: web.Request) -> web.Response:
    return json_response({"bytes": len(await read_body(request))})


async def show(request: web.Request) -> web.Response:
    asked = parse_query(request, Asked)
    return json_response(
        {
            "instance": request.match_info.get("instance"),
            "asker": caller(request).instance,
            "prefixed": is_prefixed(request),
            "asked": asked.model_dump(),
        }
    )


async def home(request: web.Request) -> web.Response:
    return json_response({"trace": trace_of(request)})


async def moved(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/")


FAILURES: dict[str, Callable[[], Exception]] = {
    "crash": lambda: RuntimeError("password=hunter2"),
    "timeout": lambda: TimeoutError("password=hunter2"),
    "connection": lambda: ConnectionResetError("password=hunter2"),
    "locked": lambda: PeerLocked(
        "Chatwoot rejected the token.", code="chatwoot.invalid_token", advice="Make a new one."
    ),
    "busy": lambda: PeerBusy("Chatwoot asks us to wait.", retry_after=2.2),
    "address": lambda: ForbiddenAddress("10.0.0.1 is private.", advice="allowed_private_hosts"),
    "big": lambda: TooBig("The file is too large."),
    "full": lambda: Unavailable("Try again later.", code="store.busy"),
    "unnamed": lambda: BridgeError("Something with a name.", code="odd"),
    "surrogate": lambda: NotFound("no \udcff here"),
}


async def fail(request: web.Request) -> web.Response:
    failure = FAILURES[request.match_info["how"]]()
    raise failure


def toy_routes() -> tuple[Route, ...]:
    def route(method: str, path: str, handler: Handler, access: Access, **more: Any) -> Route:
        told: dict[str, Any] = {"responses": {200: dict[str, Any]}, "tag": "toy"} | more
        return Route(method=method, path=path, handler=handler, access=access, summary=path, **told)

    return (
        route("GET", "/", home, Access.PUBLIC),
        route("GET", "/moved", moved, Access.PUBLIC),
        route("GET", "/fail/{how}", fail, Access.PUBLIC),
        route(
            "POST",
            "/instance/create",
            create,
            Access.GLOBAL_KEY,
            request=Wish,
            responses={201: Made},
            errors=(HTTPStatus.FORBIDDEN,),
            tag="instances",
            audit="instance.create",
        ),
        route("GET", "/instance/fetchInstances", show, Access.INSTANCE_KEY, query=Asked),
        route("GET", "/instance/connect/{instance}", show, Access.INSTANCE_KEY, query=Asked),
        route("POST", "/echo", echo, Access.PUBLIC, request=Wish),
        route("PUT", "/echo", echo, Access.PUBLIC, responses={200: list[Made]}),
        route("POST", "/big", hook, Access.GLOBAL_KEY, max_body=20_000, audit="big.read"),
        route(
            "POST", r"/hook/{secret:[a-z]{3,}}", hook, Access.WEBHOOK, raw_body=True, tag="hooks"
        ),
    )
