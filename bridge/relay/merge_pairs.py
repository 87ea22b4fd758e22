"""One contact of Chatwoot is merged into another; every step can be run twice.

The ledger says so before the call (*intent*) and after it. Chatwoot moves conversations, messages,
contact inboxes and notes; labels, the blocked flag, a better spelling of the number and a real name
instead of a placeholder are carried over by us (chatwoot-api.md 1.6). A picture is not: the base
keeps its own, else the next look at the profile gives it one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core import identity
from bridge.core.identity import contact_keys, e164, is_placeholder, person_of
from bridge.core.merging import (
    Because,
    Candidate,
    Evidence,
    base_of,
    edits_of,
    evidence_of,
)
from bridge.core.naming import WRITTEN
from bridge.core.party import Party
from bridge.errors import PeerGone
from bridge.relay.directory import Entry
from bridge.store.engine import Store, Unit
from bridge.store.queries import merges
from bridge.store.queries.merges import Merge, NewMerge

log = structlog.get_logger(__name__)

_WHY = {
    Evidence.NUMBER: "Their numbers are one number, written in two ways.",
    Evidence.IDS: "WhatsApp shows their ids as those of one person.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A contact with what a merge does not keep by itself, and what it is known by."""

    contact: Contact
    labels: tuple[str, ...]
    conversations: tuple[int, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return contact_keys(self.contact.phone_number, self.contact.identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The person as far as we know them; `names`: those that we or WhatsApp gave."""

    scope: str
    instance_id: str
    person_id: int | None
    party: Party
    names: frozenset[str]
    #: Labels that software gives, which are no sign of a person's work.
    labels: frozenset[str] = frozenset()


def given_labels(entry: Entry) -> frozenset[str]:
    """Labels that software gives: Evolution's are named after the inbox."""
    inbox = entry.inbox
    told = inbox.told.get("name") if inbox is not None else None
    named = (entry.instance.name, inbox.name_inbox if inbox is not None else None, told)
    return frozenset(one for one in named if isinstance(one, str))


async def look_at(chatwoot: Chatwoot, contact: Contact) -> Found:
    """Read what the ledger wants to know. Raises `PeerGone` for a contact that is gone."""
    labels = await chatwoot.contact_labels(contact.id)
    listed = await chatwoot.contact_conversations(contact.id)
    return Found(contact=contact, labels=labels, conversations=tuple(one.id for one in listed))


def pairs_of(found: Sequence[Found], whose: Whose) -> list[NewMerge]:
    """Which contact stays, and which are merged into it, the oldest first."""
    by_id = {one.contact.id: one for one in found}
    candidates = [_candidate(one, whose) for one in found]
    base, because = base_of(candidates)
    mergees = sorted(
        (one for one in candidates if one.id != base.id),
        key=lambda one: (one.created_at or 0, one.id),
    )
    return [
        _pair(by_id[base.id], by_id[one.id], whose, because=because, edits=base.edits)
        for one in mergees
    ]


def _written(contact: Contact) -> str:
    """The name that we gave the contact last, as it tells itself."""
    told = contact.additional_attributes.get(WRITTEN)
    return told if isinstance(told, str) else ""


def _candidate(found: Found, whose: Whose) -> Candidate:
    contact = found.contact
    return Candidate(
        id=contact.id,
        created_at=contact.created_at,
        edits=edits_of(
            whose.party,
            name=contact.name,
            names=whose.names | {_written(contact)},
            email=contact.email,
            attributes=tuple(contact.custom_attributes.values()),
            labels=set(found.labels) - whose.labels,
        ),
    )


def _pair(
    base: Found, mergee: Found, whose: Whose, *, because: Because, edits: Sequence[str]
) -> NewMerge:
    evidence = evidence_of(base.keys, mergee.keys)
    stays = (
        f"The contact that people edited ({', '.join(edits)}) stays."
        if because is Because.EDITED
        else "The older contact stays."
    )
    moved = {
        "evidence": evidence,
        "because": because,
        "base": _told(base),
        "mergee": _told(mergee),
        "carry": _carry(base, mergee, whose.party),
    }
    return NewMerge(
        scope=whose.scope,
        instance_id=whose.instance_id,
        person_id=whose.person_id,
        base_id=base.contact.id,
        mergee_id=mergee.contact.id,
        why=f"{_WHY[evidence]} {stays}",
        moved=moved,
    )


def renewed(merge: Merge, base: Found, mergee: Found, *, person_id: int | None) -> NewMerge:
    """A planned pair with both contacts as they are now."""
    party = identity.merge(
        person_of(base.contact.phone_number, base.contact.identifier),
        person_of(mergee.contact.phone_number, mergee.contact.identifier),
    )
    moved = merge.moved | {
        "base": _told(base),
        "mergee": _told(mergee),
        "carry": _carry(base, mergee, party),
    }
    return NewMerge(
        scope=merge.scope,
        instance_id=merge.instance_id,
        person_id=person_id,
        base_id=merge.base_id,
        mergee_id=merge.mergee_id,
        why=merge.why,
        moved=moved,
        plan_id=merge.plan_id,
    )


def _told(found: Found) -> dict[str, Any]:
    """A contact as it was, for the ledger."""
    contact = found.contact
    return {
        "id": contact.id,
        "name": contact.name,
        "phone_number": contact.phone_number,
        "identifier": contact.identifier,
        "email": contact.email,
        "blocked": contact.blocked,
        "labels": list(found.labels),
        "custom_attributes": contact.custom_attributes,
        "additional_attributes": contact.additional_attributes,
        "has_picture": bool(contact.thumbnail),
        "contact_inboxes": [
            {"inbox_id": one.inbox_id, "source_id": one.source_id}
            for one in contact.contact_inboxes
        ],
        "conversations": list(found.conversations),
        "created_at": contact.created_at,
    }


def _carry(base: Found, mergee: Found, party: Party) -> dict[str, Any]:
    """What we give the base of the mergee, since Chatwoot would lose it."""
    kept, gone = base.contact, mergee.contact
    carry: dict[str, Any] = {
        "labels": [one for one in mergee.labels if one not in base.labels],
        "blocked": gone.blocked and not kept.blocked,
    }
    best = e164(person_of(kept.phone_number, None))
    if kept.phone_number and kept.phone_number != best and gone.phone_number == best:
        carry["phone_number"] = best
    if gone.name and is_placeholder(kept.name, party) and not is_placeholder(gone.name, party):
        carry["name"] = gone.name
        if gone.name == _written(gone):
            carry["additional_attributes"] = {WRITTEN: gone.name}
    return carry


# ------------------------------------------------------------------ carrying it out


async def carry_out(chatwoot: Chatwoot, store: Store, clock: Clock, merge: Merge) -> bool:
    """Merge a pair whose intent is written down; again after any crash. False: it was skipped.

    Raises `PeerError`; the intent stays then.
    """
    base, reason = await _merged(chatwoot, merge)
    if base is None:
        await store.write(
            lambda unit: merges.end(
                unit.db, merge.id, state="skipped", now=clock.ms(), reason=reason
            )
        )
        log.info("contact.merge_skipped", base=merge.base_id, mergee=merge.mergee_id)
        return False
    await _carry_over(chatwoot, merge, base)

    def done(unit: Unit) -> None:
        pair = {"base_id": merge.base_id, "mergee_id": merge.mergee_id}
        merges.merged(unit.db, merge.scope, **pair)
        merges.end(unit.db, merge.id, state="done", now=clock.ms())

    await store.write(done, durable=True)
    log.info("contact.merged", base=merge.base_id, mergee=merge.mergee_id)
    return True


async def _merged(chatwoot: Chatwoot, merge: Merge) -> tuple[Contact | None, str | None]:
    """The base with the mergee in it; None, and why: one of them was gone before."""
    try:
        return await chatwoot.merge_contacts(merge.base_id, merge.mergee_id), None
    except PeerGone as gone:
        try:
            base = await chatwoot.contact(merge.base_id)
        except PeerGone:
            return None, "The contact that was to stay was deleted, or merged, in Chatwoot."
        try:
            await chatwoot.contact(merge.mergee_id)
        except PeerGone:
            pass
        else:
            raise gone from None
    # An earlier attempt merged it, though nobody told us: then its contact inboxes are here.
    here = {(one.inbox_id, one.source_id) for one in base.contact_inboxes}
    theirs = {
        (one["inbox_id"], one["source_id"]) for one in merge.moved["mergee"]["contact_inboxes"]
    }
    if not theirs <= here:
        return None, "The other contact was deleted, or merged elsewhere, in Chatwoot."
    return base, None


async def _carry_over(chatwoot: Chatwoot, merge: Merge, base: Contact) -> None:
    carry, before = merge.moved["carry"], merge.moved["base"]
    wanted: dict[str, Any] = {
        what: carry[what]
        for what in ("phone_number", "name")
        if what in carry and getattr(base, what) == before[what]
    }
    if "name" in wanted and "additional_attributes" in carry:  # it stays one of ours
        wanted["additional_attributes"] = carry["additional_attributes"]
    if carry["blocked"] and not base.blocked:
        wanted["blocked"] = True
    if wanted:
        try:
            await chatwoot.update_contact(base.id, **wanted)
        except ChatwootInvalid as error:  # a third contact has the number
            log.info("contact.not_improved", contact=base.id, taken=error.attributes)
            if "blocked" in wanted:
                await chatwoot.update_contact(base.id, blocked=True)
    if carry["labels"]:
        there = await chatwoot.contact_labels(base.id)
        union = list(dict.fromkeys((*there, *carry["labels"])))
        if len(union) > len(there):
            await chatwoot.set_contact_labels(base.id, union)
