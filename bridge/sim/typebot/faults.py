"""Failures on demand: the switches for what goes wrong between a bridge and a Typebot viewer."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from bridge.sim.typebot.refusals import CODES, Refused

_TEXTS = {
    408: "30 seconds timeout reached",
    429: "Too many requests",
    500: "Internal server error",
}


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One way to fail, for the calls that `route` names, `times` often (None: until `off`).

    With `acts` the call is carried out first, and the failure comes instead of its answer: the
    flow has moved on, and the client does not know. `cut` resets the connection; `hang` waits so
    many seconds and then goes on (to `status` or `cut`, when these are set).
    """

    route: str | None = None
    times: int | None = None
    status: int | None = None
    text: str | None = None
    cut: bool = False
    hang: float | None = None
    acts: bool = False
    retry_after: int | None = None
    #: How often it has struck.
    hits: int = 0
    _over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def active(self) -> bool:
        return not self._over.is_set() and (self.times is None or self.hits < self.times)

    def off(self) -> None:
        """Strike no more, and let go what hangs."""
        self._over.set()

    async def strike(self, request: web.Request) -> web.StreamResponse | None:
        """Fail. None means: go on (after a hang)."""
        if self.hang is not None:
            await self._wait(self.hang)
        if self.cut:
            cut(request)
            return web.Response()
        return None if self.status is None else self._answer(self.status)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    def _answer(self, status: int) -> web.Response:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.text is not None:
            return web.Response(status=status, text=self.text, headers=headers)
        if status not in CODES:
            # a proxy in front answers these, with a page
            page = f"<html><body><h1>{status}</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html", headers=headers)
        refused = Refused(status, _TEXTS.get(status, "Refused"), defined=False)
        return web.Response(
            status=status,
            body=orjson.dumps(refused.body()),
            content_type="application/json",
            headers=headers,
        )


class Faults:
    """Every switch. A route is named as in `TypebotSim.calls`, "continueChat" say; None: all."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def fail(
        self,
        status: int = 500,
        *,
        route: str | None = None,
        times: int | None = None,
        text: str | None = None,
        retry_after: int | None = None,
    ) -> Fault:
        """Answer with this status and do nothing."""
        return self.add(
            Fault(route=route, times=times, status=status, text=text, retry_after=retry_after)
        )

    def done_but(
        self, status: int = 500, *, route: str | None = None, times: int | None = None
    ) -> Fault:
        """Go on with the flow, then answer with this status."""
        return self.add(Fault(route=route, times=times, status=status, acts=True))

    def reset(
        self, *, route: str | None = None, times: int | None = None, acts: bool = False
    ) -> Fault:
        """Cut the connection, before the work or (`acts`) after it."""
        return self.add(Fault(route=route, times=times, cut=True, acts=acts))

    def hang(
        self,
        seconds: float,
        *,
        route: str | None = None,
        times: int | None = None,
        acts: bool = False,
    ) -> Fault:
        """Be slow by so much, or until switched off: before the work or (`acts`) after it."""
        return self.add(Fault(route=route, times=times, hang=seconds, acts=acts))

    def clear(self) -> None:
        """Work again: every switch is off, and what hangs goes on."""
        for fault in self._faults:
            fault.off()
        self._faults.clear()

    def take(self, route: str) -> Fault | None:
        """Give the fault that this call meets, if any."""
        for fault in self._faults:
            if fault.active and fault.route in (None, route):
                fault.hits += 1
                return fault
        return None


def cut(request: web.Request) -> None:
    """Reset the connection (RST, not FIN)."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
