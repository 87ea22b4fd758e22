"""How many numbers may show a code at once.

Each is a process, and whoever may create instances can have one without a phone: thousands would
take all the memory of the machine. A number that a phone has linked needs no place, so nobody can
keep it from connecting again.
"""

from __future__ import annotations


class Showing:
    """Shared by all numbers, which are known by the ids of their instances."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._ids: set[str] = set()

    def begin(self, instance: str) -> bool:
        """False when there is no place."""
        if instance not in self._ids and len(self._ids) >= self.most:
            return False
        self._ids.add(instance)
        return True

    def end(self, instance: str) -> None:
        self._ids.discard(instance)
