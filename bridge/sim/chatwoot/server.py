"""The HTTP edge: counting, failing on demand, authentication, errors, routing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bridge.sim.chatwoot.calls import Call, Route, answer, empty
from bridge.sim.chatwoot.faults import Fault, Faults
from bridge.sim.chatwoot.params import parse
from bridge.sim.chatwoot.records import AgentBot, Json, User
from bridge.sim.chatwoot.refusals import Refused, not_found, unauthorized
from bridge.sim.chatwoot.world import World

_BODY_LIMIT = 256 * 1024 * 1024
_RECENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that was answered. `at` is `time.monotonic()` when its body had been read."""

    route: str
    path: str
    query: str
    params: Json
    #: The access token that was shown, whoever's it is.
    token: str | None = field(repr=False)
    status: int
    at: float
    took: float


class Requests(Counter[str]):
    """How often each route was called, such as `requests["POST messages"]`.

    `recent` keeps the last 500 requests, oldest first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recent: deque[Seen] = deque(maxlen=_RECENT)

    def of(self, route: str) -> list[Seen]:
        return [seen for seen in self.recent if seen.route == route]


@dataclass(slots=True, kw_only=True)
class Server:
    """Serves the routes on a world. `latency` is in seconds and added to every request."""

    world: World
    faults: Faults
    requests: Requests
    latency: float = 0
    foreign_accounts: frozenset[int] = frozenset()

    def app(
        self, routes: list[Route], lifetime: Callable[[web.Application], AsyncIterator[None]]
    ) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.cleanup_ctx.append(lifetime)
        for route in routes:
            app.router.add_route(route.method, route.path, self._serving(route))
        app.router.add_route("*", "/{rest:.*}", self._unrouted)
        return app

    def _serving(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            arrived = time.monotonic()
            call = Call(
                world=self.world,
                faults=self.faults,
                request=request,
                params={},
                actor=None,
                arrived=arrived,
            )
            self.requests[route.key] += 1
            if self.world.base_url is None:
                self.world.base_url = str(request.url.origin())
            response = await self._faulty(route, call, body)
            self.requests.recent.append(
                Seen(
                    route=route.key,
                    path=request.path,
                    query=request.query_string,
                    params=call.params,
                    token=self._token(request),
                    status=response.status,
                    at=arrived,
                    took=time.monotonic() - arrived,
                )
            )
            self.world.changed()
            return response

        return serve

    async def _faulty(self, route: Route, call: Call, body: bytes) -> web.StreamResponse:
        if self.latency:
            await asyncio.sleep(self.latency)
        if route.path.startswith("/sim"):
            return await self._act(route, call, body)
        fault = self.faults.take(route.key, now=self.world.now())
        self.world.changed()
        if fault is None:
            return await self._act(route, call, body)
        return await self._strike(fault, route, call, body)

    async def _strike(
        self, fault: Fault, route: Route, call: Call, body: bytes
    ) -> web.StreamResponse:
        if fault.acts:
            done = await self._act(route, call, body)
            return await fault.strike(call.request) or done
        return await fault.strike(call.request) or await self._act(route, call, body)

    async def _act(self, route: Route, call: Call, body: bytes) -> web.StreamResponse:
        request = call.request
        try:
            call.actor = self._authenticate(route, request)
            call.params = parse(request.query_string, request.headers.get("Content-Type", ""), body)
            return await route.handler(call)
        except Refused as refused:
            if refused.body is None:
                return empty(status=refused.status)
            return answer(refused.body, status=refused.status)

    async def _unrouted(self, request: web.Request) -> web.StreamResponse:
        self.requests[f"{request.method} unknown"] += 1
        return answer({"status": 404, "error": "Not Found"}, status=404)

    # who asks (chatwoot-api.md 1.0 and 1.13)

    def _authenticate(self, route: Route, request: web.Request) -> User | AgentBot | None:
        if route.access == "public":
            return None
        actor = self._actor(request)
        if isinstance(actor, AgentBot) and not self._is_open_to_bots(route):
            raise unauthorized("Access to this endpoint is not authorized for bots")
        if route.access == "profile":
            return actor
        self._check_account(request.match_info["account"], actor)
        if route.access == "admin" and not (
            isinstance(actor, User) and actor.role == "administrator"
        ):
            raise unauthorized()
        return actor

    def _actor(self, request: web.Request) -> User | AgentBot:
        token = self._token(request)
        if token is None:
            text = "You need to sign in or sign up before continuing."
            raise Refused(401, {"errors": [text]})
        actor = self.world.tokens.get(token)
        if actor is None:
            raise unauthorized("Invalid Access Token")
        return actor

    def _token(self, request: web.Request) -> str | None:
        headers = request.headers
        for spelling in ("api_access_token", "api-access-token"):
            if headers.get(spelling):
                return headers[spelling]
        scheme, _, credential = headers.get("Authorization", "").partition(" ")
        if self.world.profile.widens_access and scheme.lower() == "bearer":
            return credential.strip()
        return None

    def _is_open_to_bots(self, route: Route) -> bool:
        if route.access == "newer-bot":
            return self.world.profile.widens_access
        return route.access == "bot"

    def _check_account(self, account: str, actor: User | AgentBot) -> None:
        if account != str(self.world.account_id):
            if account.isdecimal() and int(account) in self.foreign_accounts:
                raise unauthorized("You are not authorized to access this account")
            raise not_found()
        if self.faults.suspended:
            raise unauthorized("Account is suspended")
        if isinstance(actor, AgentBot) and not any(
            inbox.bot is actor for inbox in self.world.inboxes.values()
        ):
            raise unauthorized("Bot is not authorized to access this account")
