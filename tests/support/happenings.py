"""What comes over a number that is connected by QR code, as its channel tells it."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from bridge.clock import SystemClock, utc
from bridge.core.content import Text
from bridge.core.message import Called, Received
from bridge.core.party import Party

MARINA = Party(wa_id="5511987650001", lid="11220033445566", name="Marina")
RUI = Party(wa_id="5511987650002", lid="22330044556677", name="Rui")
GROUP = "120363025246125486@g.us"

_CLOCK = SystemClock()
_numbers = count(1)


def written(
    text: str = "Oi", sender: Party = MARINA, *, group: str | None = None, id_: str | None = None
) -> Received:
    return Received(
        number="loja",
        id=id_ or f"3AF0{next(_numbers):016X}",
        sender=sender,
        at=utc(_CLOCK.ms()),
        content=Text(body=text),
        group=group,
    )


def called(
    caller: Party = MARINA,
    *,
    video: bool = False,
    group: str | None = None,
    ago: timedelta = timedelta(),
) -> Called:
    number = next(_numbers)
    return Called(
        number="loja",
        id=f"CALL{number:016X}",
        caller=caller,
        at=utc(_CLOCK.ms()) - ago,
        handle=f'{{"id":"CALL{number:016X}"}}',
        video=video,
        group=group,
    )
