"""How a number's worker is asked: with a time limit, and with failures of the house.

Of a send nobody knows what became of it when it is given up in the middle; everything else was
not done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.clock import Clock
from bridge.errors import BridgeError, Certainty, PeerError
from bridge.whatsapp.web import faults
from bridge.whatsapp.web.supervisor import Supervisor, disconnected
from bridge.whatsapp.web.wire import Refusal, TooLong, WireError

__all__ = ("Asking", "fault")

#: Seconds for a question to WhatsApp.
ASK_SECONDS: Final = 30.0
#: What had to wait for most of its time behind other sends is better not begun: cut off in the
#: middle, nobody would know what became of it.
_BEGUN_WITHIN: Final = 0.8
#: Bytes that the slowest line which we wait for takes in a second (1 Mbit/s). Given up in the
#: middle, a file would take its worker along, and would fare no better the next time.
_SLOWEST: Final = 128 * 1024
#: What the worker answers by itself, whether the number is connected or not.
_LOCAL: Final = frozenset({"remembered"})


class Asking:
    """`supervisor` has to be set before anything is asked."""

    def __init__(self, *, send_seconds: float, clock: Clock) -> None:
        self._send_seconds = send_seconds
        self._clock = clock
        self.supervisor: Supervisor

    async def ask(
        self, op: str, args: Mapping[str, Any], *, seconds: float = ASK_SECONDS
    ) -> dict[str, Any]:
        """Raises `PeerError` (or `TooBig`)."""
        if op not in _LOCAL and not self.supervisor.is_open:
            raise disconnected()
        try:
            return await self.supervisor.request(op, args, seconds=seconds)
        except WireError as error:
            raise fault(error, op) from error

    async def send(self, args: Mapping[str, Any], key: str, *, size: int = 0) -> dict[str, Any]:
        """`size`: of the file that is uploaded first. Raises `PeerError`."""
        seconds = self._send_seconds + size / _SLOWEST
        until = self._clock.ms() + round(seconds * 1000 * _BEGUN_WITHIN)
        timed = {**args, "until_ms": until}
        try:
            return await self.supervisor.send(timed, seconds=seconds, key=key)
        except WireError as error:
            raise fault(error, "send") from error

    async def look_up(self, op: str, args: dict[str, Any]) -> dict[str, Any]:
        """Before a send: nothing was sent, whatever goes wrong here."""
        try:
            return await self.ask(op, args)
        except PeerError as error:
            error.certainty = Certainty.NOT_DONE
            raise


def fault(error: WireError, op: str) -> BridgeError:
    match error:
        case Refusal():
            return faults.from_error(error.error, op=op)
        case TooLong():
            return faults.from_error({"code": "bad_request", "message": str(error)}, op=op)
        case _ if error.reached:
            return faults.lost(op)
        case _:
            return disconnected()
