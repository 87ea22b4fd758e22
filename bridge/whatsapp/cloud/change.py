"""One change of a webhook, and what holds for all that it tells (whatsapp-channels.md A.3, A.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bridge.core.message import Unhandled
from bridge.core.party import Party
from bridge.whatsapp.shapes import clip, rows, table, whole, word

FUTURE: Final = timedelta(seconds=60)
_FIELD: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    field: str
    value: dict[str, Any]
    #: Meta's id of our number.
    number: str | None
    received_at: datetime
    #: The digits of our number, where they are told.
    phone: str | None
    #: `contacts[]` by each of their ids.
    by_wa_id: dict[str, dict[str, Any]]
    by_bsuid: dict[str, dict[str, Any]]

    def at(self, item: dict[str, Any]) -> datetime:
        """When it happened: Unix seconds, never later than a minute from now (E.1.6)."""
        seconds = whole(item.get("timestamp"))
        if not seconds:
            return self.received_at
        latest = self.received_at + FUTURE
        return latest if seconds > latest.timestamp() else datetime.fromtimestamp(seconds, UTC)

    def unhandled(self, rule: str, detail: object = None) -> Unhandled:
        return Unhandled(number=self.number, rule=f"cloud.{rule}", detail=clip(detail, 200))

    def party(self, *, wa_id: object, bsuid: object, parent: object = None) -> Party | None:
        """The person behind these ids, with what `contacts[]` adds; None without any id.

        Contacts are matched by id, never by place: a batch mixes people (A.3). One that is
        known by the phone alone, and has another BSUID, lends its name only.
        """
        phone, id_ = word(wa_id), word(bsuid)
        if phone is None and id_ is None:
            return None
        contact = self.by_bsuid.get(id_ or "") or self.by_wa_id.get(phone or "") or {}
        profile = table(contact.get("profile"))
        theirs = contact if id_ in (None, word(contact.get("user_id"))) else {}
        return Party(
            wa_id=phone or word(theirs.get("wa_id")),
            bsuid=id_ or word(theirs.get("user_id")),
            parent_bsuid=word(parent) or word(theirs.get("parent_user_id")),
            username=word(profile.get("username")),
            name=word(profile.get("name")),
        )


def change_of(raw: dict[str, Any], received_at: datetime) -> Change:
    """Read a change; anything may be missing."""
    value = table(raw.get("value"))
    field = word(raw.get("field"))
    metadata = table(value.get("metadata"))
    shown = word(metadata.get("display_phone_number"))
    contacts = [table(contact) for contact in rows(value.get("contacts"))]
    return Change(
        field=field if field and _FIELD.fullmatch(field) else "unknown_field",
        value=value,
        number=word(metadata.get("phone_number_id")),
        received_at=received_at,
        phone=(re.sub(r"\D", "", shown) or None) if shown else None,
        by_wa_id=_index(contacts, "wa_id"),
        by_bsuid=_index(contacts, "user_id"),
    )


def _index(contacts: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {key: contact for contact in reversed(contacts) if (key := word(contact.get(name)))}
