"""When people last wrote to a number: after a day only templates reach them (A.9)."""

from __future__ import annotations

from collections.abc import Callable

from bridge.sim.graph.payloads import Person

SECONDS = 24 * 3600


class Windows:
    """Keeps the last message of everybody; `enforced` is off unless a test wants it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.enforced = False
        self._clock = clock
        self._last: dict[tuple[str, str], float] = {}

    def opened(self, phone_number_id: str, person: Person) -> None:
        for key in _keys(phone_number_id, person):
            self._last[key] = self._clock()

    def is_closed(self, phone_number_id: str, person: Person, kind: str) -> bool:
        """Whether a message of this kind ends as 131047."""
        if not self.enforced or kind == "template":
            return False
        last = max((self._last.get(key, 0.0) for key in _keys(phone_number_id, person)), default=0)
        return self._clock() - last > SECONDS


def _keys(phone_number_id: str, person: Person) -> list[tuple[str, str]]:
    return [(phone_number_id, one) for one in (person.wa_id, person.bsuid) if one is not None]
