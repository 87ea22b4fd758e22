"""Failures on demand: what the Graph stand-in shall do wrong, where and how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Route(StrEnum):
    """The stand-in's routes, also the keys of `GraphSim.requests`."""

    MESSAGES = "POST /{version}/{phone_number_id}/messages"
    UPLOAD = "POST /{version}/{phone_number_id}/media"
    LOOKUP = "GET /{version}/{media_id}"
    DOWNLOAD = "GET /media/{media_id}"
    NUMBER = "GET /{version}/{phone_number_id}"
    TEMPLATES = "GET /{version}/{waba_id}/message_templates"
    SUBSCRIBE = "POST /{version}/{waba_id}/subscribed_apps"
    SUBSCRIPTIONS = "GET /{version}/{waba_id}/subscribed_apps"


class Reply(StrEnum):
    ERROR = "error"
    BROKEN = "broken"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail. With `acted`, the request takes effect first (and its statuses follow)."""

    reply: Reply
    acted: bool = False
    code: int = 131000
    status: int | None = None
    transient: bool | None = None
    details: str | None = None
    retry_after: int | None = None
    seconds: float = 0


def error(
    code: int,
    *,
    acted: bool = False,
    status: int | None = None,
    transient: bool | None = None,
    details: str | None = None,
    retry_after: int | None = None,
) -> Fault:
    """Answer with Meta's JSON for `code` (131056, 130429, 190 ...); the rest overrides it."""
    return Fault(
        reply=Reply.ERROR,
        acted=acted,
        code=code,
        status=status,
        transient=transient,
        details=details,
        retry_after=retry_after,
    )


def broken(*, acted: bool = False) -> Fault:
    """Answer 500 with a page instead of JSON; with `acted`: sent, but 500."""
    return Fault(reply=Reply.BROKEN, acted=acted)


def reset(*, acted: bool = False) -> Fault:
    """Reset the connection instead of answering."""
    return Fault(reply=Reply.RESET, acted=acted)


def hang(seconds: float, *, acted: bool = False) -> Fault:
    """Say nothing for so long; then answer if `acted`, else reset without having acted."""
    return Fault(reply=Reply.HANG, acted=acted, seconds=seconds)


@dataclass(slots=True, kw_only=True)
class _Order:
    fault: Fault
    route: Route | None
    to: str | None
    left: int | None

    def fits(self, route: Route, to: str | None) -> bool:
        return self.route in (None, route) and self.to in (None, to)


class Faults:
    """The switches. A route of None means all routes; `to` limits an order to one recipient."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []

    def next(
        self, route: Route | None, fault: Fault, count: int = 1, *, to: str | None = None
    ) -> None:
        """Fail the next `count` requests."""
        self._orders.append(_Order(fault=fault, route=route, to=to, left=max(1, count)))

    def always(self, route: Route | None, fault: Fault, *, to: str | None = None) -> None:
        """Fail every request until `off`. Orders of `next` that fit go first."""
        self._orders.append(_Order(fault=fault, route=route, to=to, left=None))

    def off(self, route: Route | None = None) -> None:
        """Forget the orders for a route; all orders without one."""
        self._orders = [o for o in self._orders if route is not None and o.route != route]

    def take(self, route: Route, to: str | None = None) -> Fault | None:
        """Give the fault that this request meets, and count it."""
        if not self._orders:
            return None
        fitting = [order for order in self._orders if order.fits(route, to)]
        order = min(fitting, key=lambda order: order.left is None, default=None)
        if order is None:
            return None
        if order.left is not None:
            order.left -= 1
            if not order.left:
                self._orders.remove(order)
        return order.fault
