"""Failures on demand: the switches for everything that goes wrong at a real Chatwoot."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One way to fail, for the requests that `route` names, `times` often (None: until `off`).

    With `acts` the request is carried out first and the failure comes instead of the answer:
    "stored but 500". `cut` resets the connection, `hang` waits that many seconds and then goes on
    (with `status` or `cut` afterwards, when these are set).
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
            await self._hang(self.hang)
        if self.cut:
            cut(request)
            return web.Response()
        return None if self.status is None else self._answer(self.status)

    async def _hang(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return

    def _answer(self, status: int) -> web.Response:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.text is not None:
            return web.Response(status=status, text=self.text, headers=headers)
        if status == web.HTTPTooManyRequests.status_code:
            return web.Response(status=status, text="Retry later\n", headers=headers)
        if status == web.HTTPUnauthorized.status_code:
            return web.json_response(
                {"error": "Invalid Access Token"}, status=status, headers=headers
            )
        if status == web.HTTPInternalServerError.status_code:
            body = {"status": 500, "error": "Internal Server Error"}
            return web.json_response(body, status=status, headers=headers)
        # a proxy in front answers these, with a page
        page = f"<html><body><h1>{status}</h1></body></html>"
        return web.Response(status=status, text=page, content_type="text/html", headers=headers)


class Faults:
    """Every switch. A route is named as in `sim.requests`, such as "POST messages"; None: all."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._limits: dict[str | None, int] = {}
        self._windows: Counter[tuple[str | None, int]] = Counter()
        #: Everything answers 401 "Account is suspended".
        self.suspended = False
        #: Files have expired: their addresses answer 404.
        self.files_expired = False
        #: Seconds between validation and insert of a contact, where two creates can race (2.1).
        self.contact_race: float = 0

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

    def stored_but(
        self, status: int = 500, *, route: str | None = None, times: int | None = None
    ) -> Fault:
        """Act, then answer with this status."""
        return self.add(Fault(route=route, times=times, status=status, acts=True))

    def reset(
        self, *, route: str | None = None, times: int | None = None, acts: bool = False
    ) -> Fault:
        """Cut the connection, before acting or (`acts`) after it."""
        return self.add(Fault(route=route, times=times, cut=True, acts=acts))

    def hang(
        self,
        seconds: float,
        *,
        route: str | None = None,
        times: int | None = None,
        acts: bool = False,
    ) -> Fault:
        """Wait so long, or until switched off: before acting or (`acts`) before answering."""
        return self.add(Fault(route=route, times=times, hang=seconds, acts=acts))

    def limit(self, per_minute: int | None, *, route: str | None = None) -> None:
        """rack-attack: 429 above so many requests in a minute of the clock; None: no limit."""
        self._windows.clear()
        if per_minute is None:
            self._limits.pop(route, None)
        else:
            self._limits[route] = per_minute

    def clear(self) -> None:
        """Work again: every switch is off, and what hangs goes on."""
        for fault in self._faults:
            fault.off()
        self._faults.clear()
        self._limits.clear()
        self._windows.clear()
        self.suspended = self.files_expired = False
        self.contact_race = 0

    def clear_hangs(self) -> None:
        """Let go what hangs, for a shutdown."""
        for fault in self._faults:
            if fault.hang is not None:
                fault.off()

    def take(self, route: str, *, now: float) -> Fault | None:
        """The fault that this request meets, if any."""
        if not self._faults and not self._limits:
            return None
        if self._is_limited(route, now):
            return Fault(status=429)
        for fault in self._faults:
            if fault.active and fault.route in (None, route):
                fault.hits += 1
                return fault
        return None

    def _is_limited(self, route: str, now: float) -> bool:
        minute = int(now // 60)
        exceeded = False
        for limited, most in self._limits.items():
            if limited in (None, route):
                self._windows[limited, minute] += 1
                exceeded = exceeded or self._windows[limited, minute] > most
        return exceeded


def cut(request: web.Request) -> None:
    """Reset the connection (RST, not FIN)."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
