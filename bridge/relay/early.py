"""Statuses that were faster than the commit of the send that they are about.

A person's phone may confirm a message in the milliseconds in which we have WhatsApp's answer and
have not stored it yet. A channel whose statuses carry no key of ours names an id then that nobody
knows. Such a status waits here, in memory: a process that dies in between asks what became of the
send (`relay.fates`), and loses a tick at most.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from bridge.core.message import StatusReported

#: So many messages are waited for; most are those of other devices of the number.
MOST: Final = 5_000
#: So many states has a message.
STATES: Final = 8


class Early:
    """`keep` and `of` belong into commits: no two of them happen at the same time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: OrderedDict[tuple[str, str], tuple[StatusReported, ...]] = OrderedDict()

    def keep(self, instance_id: str, status: StatusReported) -> None:
        key = (instance_id, status.id)
        before = self._waiting.pop(key, ())
        self._waiting[key] = (*before, status)[-STATES:]
        if len(self._waiting) > self._most:
            self._waiting.popitem(last=False)

    def of(self, instance_id: str, whatsapp_id: str) -> tuple[StatusReported, ...]:
        """What was told of this message, in the order in which it came."""
        return self._waiting.get((instance_id, whatsapp_id), ())

    def forget(self, instance_id: str, whatsapp_id: str) -> None:
        """The message is known now, so nothing more of it comes here."""
        self._waiting.pop((instance_id, whatsapp_id), None)
