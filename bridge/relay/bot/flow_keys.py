"""The key that a flow gets as its variable `apiKey`: it opens one chat's own routes, for a while.

Evolution hands out the global key there (evolution-instance-typebot.md 5.7); whoever may edit a
flow then rules all instances. This one is signed and stored nowhere: it names an instance, a chat
and its end. Only routes that say so take it (`http.routing.Route.for_flows`).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: So long (ms) a key lives where nothing else is said: a flow may wait for days.
LASTS: Final = 7 * 24 * 3_600_000

_PURPOSE: Final = "flow key"
_KEY: Final = re.compile(
    r"flow_([0-9a-zA-Z-]{1,64})_([0-9a-f]{1,16})_([0-9a-f]{1,12})_([0-9a-f]{20})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowKey:
    """What a key says. `until` in ms; `is_over`: it was right once."""

    instance_id: str
    chat_id: int
    until: int
    is_over: bool


class FlowKeys:
    """`tag` signs (`store.secrets.Vault.tag`)."""

    def __init__(self, tag: Callable[..., str]) -> None:
        self._tag = tag

    def issue(self, instance_id: str, chat_id: int, *, until: int) -> str:
        """A key for one chat, good until `until` (ms). Equal arguments give the same key."""
        seconds = until // 1000
        tag = self._tag(_PURPOSE, instance_id, str(chat_id), str(seconds))
        return f"flow_{instance_id}_{chat_id:x}_{seconds:x}_{tag}"

    def read(self, token: str, now: int) -> FlowKey | None:
        """What a key says, also when its time is over; None: it is none of ours."""
        found = _KEY.fullmatch(token)
        if found is None:
            return None
        instance_id, chat_id, seconds = found[1], int(found[2], 16), int(found[3], 16)
        tag = self._tag(_PURPOSE, instance_id, str(chat_id), str(seconds))
        if not hmac.compare_digest(tag, found[4]):
            return None
        until = seconds * 1000
        return FlowKey(instance_id=instance_id, chat_id=chat_id, until=until, is_over=until <= now)
