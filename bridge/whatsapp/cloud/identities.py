"""People who have another number or id now, or another name (whatsapp-channels.md A.4, A.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bridge.core.message import MADE_UP, Event, IdentityChanged, NameTold
from bridge.core.naming import Source
from bridge.core.party import Party
from bridge.whatsapp.cloud.change import Change
from bridge.whatsapp.shapes import clip, table, word

__all__ = ("state_sync", "system", "user_id_update")

#: The last is the older word for the first; then `new_wa_id` says what `wa_id` says now.
_CHANGES: Final = frozenset(
    {"user_changed_number", "user_changed_user_id", "customer_changed_number"}
)
#: Of a name in an address book.
_LONGEST_NAME: Final = 255
#: Somebody's keys changed (a new phone, most often): only those who check keys are concerned.
_NOTICES: Final = frozenset({"customer_identity_changed", "user_identity_changed"})


def system(
    change: Change, told: dict[str, Any], *, number: str, id_: str, sender: Party | None
) -> Event | None:
    """A notice about a person, with the new ids; None when it is no known one: it is shown."""
    body = table(told.get("system"))
    kind = word(body.get("type"), 64)
    if kind in _NOTICES or (kind is None and table(told.get("identity"))):
        return change.unhandled("identity_notice", kind)
    if kind not in _CHANGES and not body.get("new_wa_id"):
        return None
    old = sender or change.party(wa_id=body.get("customer"), bsuid=None)
    new = change.party(
        wa_id=body.get("new_wa_id") or body.get("wa_id"),
        bsuid=body.get("user_id"),
        parent=body.get("parent_user_id"),
    )
    if old is None or new is None:
        return None
    if _ids(new) <= _ids(old):
        return change.unhandled("same_identity", kind)
    return IdentityChanged(number=number, id=id_, old=old, new=new, at=change.at(told))


def user_id_update(change: Change, told: dict[str, Any]) -> Event:
    """The field of the same name: who has a new BSUID. A system message may say it as well."""
    if change.number is None:
        return change.unhandled("no_number", change.field)
    user, parent = table(told.get("user_id")), table(told.get("parent_user_id"))
    before, after = word(user.get("previous")), word(user.get("current"))
    elders = word(parent.get("previous")), word(parent.get("current"))
    new = change.party(wa_id=told.get("wa_id"), bsuid=after, parent=elders[1])
    is_same = before == after and elders[0] == elders[1]
    if before is None or after is None or new is None or is_same:
        return change.unhandled(change.field, told.get("detail"))
    return IdentityChanged(
        number=change.number,
        id=f"{after}{MADE_UP}{change.field}",
        old=Party(bsuid=before, parent_bsuid=elders[0]),
        new=new,
        at=change.at(told),
    )


def state_sync(change: Change, told: dict[str, Any]) -> Event:
    """An entry of the address book of the number's phone; edits come as additions, too."""
    contact = table(told.get("contact"))
    party = change.party(wa_id=contact.get("phone_number"), bsuid=contact.get("user_id"))
    is_gone = told.get("action") == "remove"
    name = clip(contact.get("full_name") or contact.get("first_name"), _LONGEST_NAME)
    is_contact = told.get("type") == "contact" and party is not None
    if change.number is None or party is None or not is_contact or not (name or is_gone):
        return change.unhandled(change.field, told.get("type"))
    return NameTold(
        number=change.number,
        party=replace(party, name=None),
        name=None if is_gone else name,
        source=Source.ADDRESS_BOOK,
        at=change.at(table(told.get("metadata"))),
    )


def _ids(party: Party) -> set[str]:
    return {one for one in (party.wa_id, party.bsuid, party.parent_bsuid) if one}
