"""The edge of the API, as one middleware: trace id, access, errors, audit.

One, because webhooks pass it hundreds of times a second. For these it costs an id, a dictionary
look-up and a header.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from bridge.errors import BridgeError, RequestError
from bridge.http import envelope
from bridge.http.addresses import Network
from bridge.http.auditing import Auditor
from bridge.http.gate import Gate, admit
from bridge.http.origins import Origins
from bridge.http.routing import route_of

log = structlog.get_logger(__name__)

TRACE_HEADER: Final = "X-Request-Id"
_SERVER: Final = "Ponte"  # not the versions of Python and aiohttp
_TRACE: Final = web.RequestKey("trace", str)
_TRACE_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "-_.:")
_TRACE_LENGTH: Final = 64


def trace_of(request: web.Request) -> str:
    """Return the id that ties logs, jobs and this request together."""
    return request[_TRACE]


def edge(
    gate: Gate,
    *,
    auditor: Auditor | None = None,
    trusted_proxies: Sequence[Network] = (),
    origins: Origins = Origins(),  # noqa: B008  (frozen)
) -> Middleware:
    """Make the middleware. aiohttp runs each request in a context of its own, so ids stay apart."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace = _trace(request.headers.get(TRACE_HEADER))
        request[_TRACE] = trace
        structlog.contextvars.bind_contextvars(trace=trace)
        try:
            answer = origins.preflight(request) or await _answer(
                gate, trusted_proxies, request, handler
            )
        except web.HTTPException as redirect:  # errors have become answers already
            redirect.headers.update({TRACE_HEADER: trace, hdrs.SERVER: _SERVER})
            raise
        route = route_of(request)
        if auditor is not None and route is not None and route.audit is not None:
            await auditor.tell(request, route.audit, answer, trace)
        if not answer.prepared:
            if route is not None:
                if route.access.needs_key:  # a key may stand in its very path
                    answer.headers[hdrs.CACHE_CONTROL] = "no-store"
                origins.mark(request, route, answer)
            answer.headers[TRACE_HEADER] = trace
            answer.headers[hdrs.SERVER] = _SERVER
        log.debug(
            "request.answered",
            method=request.method,
            route=_route_name(request),
            status=answer.status,
        )
        return answer

    return guarded


async def _answer(
    gate: Gate, trusted_proxies: Sequence[Network], request: web.Request, handler: Handler
) -> web.StreamResponse:
    try:
        route = route_of(request)
        if route is not None:
            if request.match_info and "%00" in request.rel_url.raw_path:
                raise web.HTTPNotFound  # noqa: TRY301 - no name holds NUL, and no database takes it
            await admit(gate, request, route, trusted_proxies)
        return await handler(request)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        return envelope.told_by_aiohttp(error, request)
    except RequestError as error:
        return envelope.told(error)
    except BridgeError as error:
        log.warning(
            "request.failed",
            method=request.method,
            route=_route_name(request),
            cause=error.cause,
            reason=str(error),
        )
        return envelope.told(error)
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_left(request):
            raise  # aiohttp ends the connection quietly
        log.exception("request.crashed", method=request.method, route=_route_name(request))
        return envelope.told_as_crash(trace_of(request))


def _trace(given: str | None) -> str:
    """Take the caller's id when it can stand in a log and a header as it is, else make one."""
    if given and len(given) <= _TRACE_LENGTH and _TRACE_CHARACTERS.issuperset(given):
        return given
    return secrets.token_hex(16)


def _route_name(request: web.Request) -> str:
    """Name the route by its template: the path itself may hold a webhook's secret."""
    route = route_of(request)
    return "unknown" if route is None else route.template


def _has_left(request: web.Request) -> bool:
    transport = request.transport
    return transport is None or transport.is_closing()
