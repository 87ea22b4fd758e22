"""An application from a route table, and a server that loses no request when it stops."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bridge.http.addresses import Network
from bridge.http.auditing import Auditor
from bridge.http.gate import Gate
from bridge.http.middleware import edge
from bridge.http.origins import Origins
from bridge.http.routing import Route, mount

#: Longer than the idle time of the usual reverse proxies (nginx and load balancers: 60 s), so
#: that it is they who close a connection, never we while a request is under way.
KEEPALIVE_SECONDS: Final = 75.0
#: After an early answer (401, 413) the rest of a body is read and thrown away for so long, since
#: most clients look for an answer only when they have sent everything.
LINGERING_SECONDS: Final = 5.0
#: Requests under way get so long to end when the server stops.
SHUTDOWN_SECONDS: Final = 20.0


def make_app(
    routes: Iterable[Route],
    *,
    gate: Gate,
    max_body: int,
    auditor: Auditor | None = None,
    trusted_proxies: Sequence[Network] = (),
    origins: Origins = Origins(),  # noqa: B008  (frozen)
) -> web.Application:
    """Make the application: the routes behind the one middleware.

    `max_body` is in bytes and holds for every route that names no limit of its own.
    """
    guarded = edge(gate, auditor=auditor, trusted_proxies=trusted_proxies, origins=origins)
    app = web.Application(middlewares=[guarded], client_max_size=max_body)
    mount(app, routes, max_body=max_body)
    return app


@asynccontextmanager
async def serving(
    app: web.Application,
    *,
    host: str,
    port: int,
    shutdown_seconds: float = SHUTDOWN_SECONDS,
) -> AsyncIterator[tuple[str, int]]:
    """Serve until the block ends; yields the address, with the port that 0 has become.

    A caller that hangs up cancels nothing: what a handler has begun (a commit, above all) it
    ends. At the end no new connection is taken, idle ones close, requests under way may
    finish within `shutdown_seconds`, and only then the application is cleaned up. Raises
    OSError when the address is taken.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=shutdown_seconds,
        logger=_protocol_log(),
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield bound_host, bound_port
    finally:
        await runner.cleanup()


def _protocol_log() -> logging.Logger:
    log = logging.getLogger(f"{__name__}.protocol")
    if _without_the_request not in log.filters:
        log.addFilter(_without_the_request)
    return log


def _without_the_request(record: logging.LogRecord) -> bool:
    """Make little of requests that are no HTTP: anybody sends them, and the error quotes them."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.exc_info = None
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
    return True
