"""Panels that run in a browser call us from a page of another origin: who may (CORS).

No cookie ever opens anything here, and a page has to know a key, so letting every origin call is
safe; Evolution API does so, and its panels rely on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from bridge.http.routing import Route

ANY: Final = "*"
_HEADERS: Final = "apikey, authorization, client-token, content-type, x-api-dialect, x-request-id"
_EXPOSED: Final = "Retry-After, X-Request-Id, X-Total-Count"
#: Seconds for which a browser need not ask again.
_MAX_AGE: Final = "600"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """`allowed` holds origins (``https://panel.example``), or `ANY`."""

    allowed: frozenset[str] = frozenset()

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks beforehand; None for everything else."""
        if request.method != hdrs.METH_OPTIONS:
            return None
        refused = request.match_info.http_exception
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD)
        if wanted is None or not isinstance(refused, web.HTTPMethodNotAllowed):
            return None
        answer = web.Response(status=HTTPStatus.NO_CONTENT)
        if self._admit(request, answer):
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join(
                sorted(refused.allowed_methods)
            )
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _HEADERS
            answer.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
        return answer

    def mark(self, request: web.Request, route: Route, answer: web.StreamResponse) -> None:
        """Let a page read the answer. Webhooks are called by servers and need no such leave."""
        is_for_pages = route.access.needs_key or route.path == "/"
        if is_for_pages and hdrs.ORIGIN in request.headers and self._admit(request, answer):
            answer.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED

    def _admit(self, request: web.Request, answer: web.StreamResponse) -> bool:
        if ANY in self.allowed:
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY
            return True
        answer.headers[hdrs.VARY] = hdrs.ORIGIN
        origin = request.headers.get(hdrs.ORIGIN, "")
        if origin not in self.allowed:
            return False
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        return True
