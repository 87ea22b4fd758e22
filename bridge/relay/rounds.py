"""Whose turn it is: every instance now and then, spread by chance so that they do not come at once.

Nothing is stored: after a start all have their turn soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Rounds:
    """All times are milliseconds; `every` is between two turns of an instance."""

    def __init__(
        self, *, every: int, spread: int, chance: Callable[[], float], first: int = 0
    ) -> None:
        """At a start the turns begin after `first` and are spread over `spread`."""
        self._every = every
        self._spread = min(spread, every)
        self._first = first
        self._chance = chance
        self._due: dict[str, int] | None = None

    def due(self, ids: Iterable[str], now: int) -> list[str]:
        """Those of all instances, `ids`, whose time has come; they are due until they `had` it.

        One that came since the start was just set up: it has its first turn as if it had had one.
        """
        known = self._due or {}
        first = self._first if self._due is None else self._every - self._spread
        self._due = {
            one: known[one] if one in known else now + first + self._some_time() for one in ids
        }
        return [one for one, moment in self._due.items() if moment <= now]

    def had(self, ids: Iterable[str], now: int) -> None:
        """They have had their turn."""
        for one in ids:
            self.again(one, now + self._every - self._some_time())

    def again(self, instance_id: str, at: int) -> None:
        """The next turn of an instance is at `at`; nothing to do before the first look."""
        if self._due is not None:
            self._due[instance_id] = at

    def _some_time(self) -> int:
        return round(self._spread * self._chance())
