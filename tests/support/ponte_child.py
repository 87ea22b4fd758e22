"""The service as a process of its own, and the zygote that forks one in ten milliseconds.

``python -m support.ponte_child <fd>`` has imported everything, has lived through a first talk, and
waits on the socket `fd` for orders (JSON, with the write end of a pipe and a log file). For each
it forks a child that serves with the given settings and tells events through the pipe, one JSON
object a line: `started` with its pid, `ready`, `armed`, `crashed`, `failed`. The end of the pipe
is the end of the child; all children end with the zygote, and the zygote with its parent.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import io
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler as WebHandler

from bridge import app, logs
from bridge.engine.queue import Job, Outcome, Retry
from bridge.engine.worker import Handler
from bridge.http.server import serving
from bridge.settings import Settings
from bridge.whatsapp.registry import ChannelKind
from support.absent_web import NOT_INSTALLED
from support.bridge_house import bridge_house
from support.steps import CrashPoints

_ORDER_LIMIT = 2**20


class _Stepped:
    """A job handler whose every await is a step."""

    def __init__(self, kind: str, handler: Handler, points: CrashPoints) -> None:
        self._kind = kind
        self._points = points
        self._run = handler.run
        self.died = handler.died

    async def run(self, job: Job) -> Outcome:
        return await self._points.watch(self._kind, self._run(job))


class _Events:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, event: dict[str, Any]) -> None:
        """One small write: whole, or not at all."""
        os.write(self._descriptor, orjson.dumps(event) + b"\n")


async def _serve(order: dict[str, Any], events: _Events, lifeline: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(lifeline, os._exit, 1)  # the zygote is gone
    settings = Settings(**order["settings"])
    channels = NOT_INSTALLED if order["environ"] is None else None
    async with AsyncExitStack() as stack:
        if order.get("crash") is None:
            await stack.enter_async_context(app.serve(settings, channels=channels))
        else:
            points = _points(order["crash"], events, loop)
            await _serve_stepping(settings, points, channels, stack)
        events.tell({"ready": True})
        await stop.wait()


async def _serve_stepping(
    settings: Settings,
    points: CrashPoints,
    channels: Mapping[str, ChannelKind] | None,
    stack: AsyncExitStack,
) -> None:
    """As `app.serve`, with crash points in job handlers, webhooks and around settling."""
    service = await stack.enter_async_context(
        app.running(
            settings,
            wrap=lambda kind, handler: _Stepped(kind, handler, points),
            channels=channels,
        )
    )
    settle = service.queue.settle

    async def settle_stepping(job: Job, outcome: Outcome | Retry) -> None:
        await points.watch(f"settle {job.kind}", settle(job, outcome))

    service.queue.settle = settle_stepping  # type: ignore[method-assign]
    service.app.middlewares.insert(0, _accepting(points))
    await stack.enter_async_context(
        serving(service.app, host=settings.server.host, port=settings.server.port)
    )


def _accepting(points: CrashPoints) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def accept(request: web.Request, handler: WebHandler) -> web.StreamResponse:
        place = f"accept {request.path.split('/webhook')[0].strip('/') or 'meta'}"
        return await points.watch(place, handler(request))

    return accept


def _points(
    wanted: dict[str, Any], events: _Events, loop: asyncio.AbstractEventLoop
) -> CrashPoints:
    points = CrashPoints(
        at=wanted["at"],
        places=frozenset(wanted["places"]),
        tell=events.tell,
        armed=wanted["armed"],
        moment=wanted["moment"],
    )

    def arm() -> None:
        points.armed = True
        events.tell({"armed": True})

    loop.add_signal_handler(signal.SIGUSR1, arm)
    return points


def _child(order: dict[str, Any], events: _Events, log: int, lifeline: int) -> NoReturn:
    status = 1
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.enable()
        os.environ.update(order["environ"] or {})
        events.tell({"started": os.getpid()})
        logs.configure(order["log_level"], "json")
        asyncio.run(_serve(order, events, lifeline))
        status = 0
    except BaseException as error:  # noqa: BLE001  (a fork must never return into its parent's code)
        traceback.print_exc()
        events.tell({"failed": f"{type(error).__name__}: {error}"[:2000]})
    finally:
        sys.stderr.flush()
        os._exit(status)


def _warm_up() -> None:
    """What Python and the libraries learn at first use is learnt here, once for all children.

    Logs are not configured for it: structlog would keep that for the children.
    """
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        asyncio.run(_talk(Path(folder)))
    assert threading.active_count() == 1, "a fork does not take other threads along"
    gc.collect()
    gc.freeze()  # a child's collector need not touch, and so copy, what is here


async def _talk(folder: Path) -> None:
    async with bridge_house(folder) as house:
        chat = await house.talk()
        house.chat.agent_writes(chat.id, "Bom dia")
        await house.sent()
        await house.quiet()


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    _warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who ends us
    lifeline, held = os.pipe()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _ORDER_LIMIT, 2)
        if not message:
            return
        pipe, log = descriptors
        if os.fork() == 0:
            os.close(held)
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _child(orjson.loads(message), _Events(pipe), log, lifeline)
        os.close(pipe)
        os.close(log)


if __name__ == "__main__":
    main()
