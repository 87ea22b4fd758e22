"""Tells the audit log of each request that may have changed something, after its answer is made."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from bridge.errors import Unavailable
from bridge.http.addresses import counted_as
from bridge.http.envelope import code_of
from bridge.http.gate import address_of, admitted
from bridge.http.limits import Buckets
from bridge.http.routing import INSTANCE
from bridge.relay.audit import NOBODY, Action, Audit

log = structlog.get_logger(__name__)

#: Rows of a minute about callers who were not let in: of one address, and of all together.
REFUSALS_PER_MINUTE: Final = 30
REFUSALS_OF_ALL: Final = 60

_ABOUT: Final = web.RequestKey("about", str)
_ALL: Final = "all"


def concerns(request: web.Request, instance: str) -> None:
    """Name the instance that a request is about, where its path does not (create, Z-API)."""
    request[_ABOUT] = instance


class Auditor:
    """Writes one row per request of a route that has an action; `now` gives milliseconds.

    Who is let in is always written down. Refusals are bounded, since anybody can cause them. A row
    that cannot be written is logged; the answer stands, because what it tells has happened.
    """

    def __init__(
        self, audit: Audit, *, now: Callable[[], int], refusals: int = REFUSALS_PER_MINUTE
    ) -> None:
        self._audit = audit
        self._now = now
        self._refusals = Buckets(refusals)
        self._of_all = Buckets(max(refusals, REFUSALS_OF_ALL), most=1)

    async def tell(
        self, request: web.Request, action: str, answer: web.StreamResponse, trace: str
    ) -> None:
        who, address = admitted(request), address_of(request)
        if who is None and not self._has_room(address, answer.status):
            return
        name = request.get(_ABOUT) or request.match_info.get(INSTANCE)
        told = Action(
            actor=NOBODY if who is None else who.actor,
            action=action,
            instance=who.instance if name is None and who is not None else name,
            status=answer.status,
            code=code_of(answer),
            address=address,
            trace_id=trace,
        )
        try:
            await self._audit.record(told)
        except Unavailable as error:
            log.warning("audit.lost", action=action, status=answer.status, error=str(error))

    def _has_room(self, address: str, status: int) -> bool:
        """Wrong keys do not use up the room of the answer that they are too many."""
        closed = status == HTTPStatus.TOO_MANY_REQUESTS
        now = self._now()
        return self._refusals.take(f"{counted_as(address)} {closed}", now) and self._of_all.take(
            _ALL, now
        )
