"""One kept event of a worker, as the parser reads it: its fields may hold anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.core.message import MADE_UP, Unhandled
from bridge.core.party import Party
from bridge.core.phone import Kind
from bridge.whatsapp.shapes import clip, word
from bridge.whatsapp.web.addresses import bare, kind_of, party_of

__all__ = ("LONGEST_ID", "WorkerEvent", "foreign_id")

_FUTURE: Final = timedelta(seconds=60)
LONGEST_ID: Final = 256
#: What stands there when somebody has given themselves no name.
_NO_NAMES: Final = (None, "-")


def foreign_id(value: object) -> str | None:
    """A message's id, which its sender's client made up: it cannot pass for one of ours."""
    told = word(value, LONGEST_ID)
    return told.replace(MADE_UP, "-") if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent:
    """One event of a worker, tidied."""

    name: str
    data: dict[str, Any]
    number: str
    received_at: datetime

    @property
    def id(self) -> str | None:
        return foreign_id(self.data.get("id"))

    @property
    def from_me(self) -> bool:
        return self.data.get("from_me") is True

    @property
    def group(self) -> str | None:
        """The group in which it happened; a list to which a person broadcasts is none."""
        chat = bare(self.data.get("chat"))
        return chat if kind_of(chat) is Kind.GROUP else None

    @property
    def at(self) -> datetime:
        """When it happened, never later than a minute from now (whatsapp-channels.md E.1.6)."""
        stamp = self.data.get("at_ms")
        if not isinstance(stamp, int) or isinstance(stamp, bool) or stamp <= 0:
            return self.received_at
        latest = self.received_at + _FUTURE
        if stamp >= latest.timestamp() * 1000:
            return latest
        return datetime.fromtimestamp(stamp // 1000, UTC) + timedelta(milliseconds=stamp % 1000)

    def party(self, role: str, *, named: bool = False) -> Party | None:
        """Whom ``<role>`` names, with the other ids that are known (``<role>_pn``, ``_lid``).

        `named`: the push name is this person's; in what we send it is our own.
        """
        pushed = word(self.data.get("push_name"))
        name = pushed if pushed not in _NO_NAMES else word(self.data.get("verified_name"))
        return party_of(
            self.data.get(role),
            pn=self.data.get(f"{role}_pn"),
            lid=self.data.get(f"{role}_lid"),
            name=name if named and not self.from_me else None,
        )

    def sender(self) -> Party | None:
        """Who wrote it: in a direct chat whose chat it is, even when nothing more is said."""
        found = self.party("sender", named=True)
        if found is None and self.group is None:
            found = self.party("chat", named=True)
        return None if found is None or found.group else found

    def where(self) -> Party | None:
        """Where it stands: the group, or the person on the other side."""
        if self.group is not None:
            return Party(group=self.group)
        return self.party("chat") if self.from_me else self.sender()

    def unhandled(self, rule: str, detail: object = None) -> Unhandled:
        return Unhandled(number=self.number, rule=f"web.{rule}", detail=clip(detail, 200))
