"""Contacts, their bindings to inboxes, and merging (chatwoot-api.md 1.5, 1.6 and 2.1)."""

from __future__ import annotations

import re
from typing import Any

from bridge.sim.chatwoot.records import Contact, ContactInbox, Conversation, Inbox, Json, Upload
from bridge.sim.chatwoot.refusals import Flaw, InvalidRecord, SourceTaken, crashed, too_long
from bridge.sim.chatwoot.world import (
    Event,
    World,
    change,
    iso,
    mapping,
    new_source,
    new_token,
    text_or_none,
    truthy,
)

#: Anchored at the end only: `x+5511...` passes, as it does there.
_E164 = re.compile(r"\+[1-9]\d{1,14}\Z", re.ASCII)
_EMAIL = re.compile(r"\A[^@\s]+@[^@\s]+\Z")
_STRING_LIMIT = 255
_AVATAR_LIMIT = 15 * 1024 * 1024
_AVATAR_MIMES = frozenset({"image/jpeg", "image/png", "image/gif"})
_SEARCHED = ("name", "email", "phone_number", "identifier", "blocked")
_WATCHED = (*_SEARCHED, "additional_attributes", "custom_attributes")


def clean(params: Json) -> Json:
    """The columns that a create or update may set, with Rails' casts."""
    fields: Json = {}
    for name in ("name", "phone_number", "identifier"):
        if name in params:
            fields[name] = text_or_none(params[name])
    if "name" in fields:
        fields["name"] = fields["name"] or ""
    if "email" in params:
        fields["email"] = (text_or_none(params["email"]) or "").strip().lower() or None
    if "blocked" in params:
        fields["blocked"] = truthy(params["blocked"])
    for name in ("additional_attributes", "custom_attributes"):
        if name in params:
            fields[name] = mapping(params[name])
    return fields


def check(world: World, fields: Json, *, contact: Contact | None = None) -> None:
    """Raise `InvalidRecord` with every flaw, in Chatwoot's order."""
    flaws: list[Flaw] = []
    email, identifier = fields.get("email"), fields.get("identifier")
    if email:
        if not _EMAIL.search(email):
            flaws.append(Flaw(attribute="email", message=world.say("invalid")))
        if _others(world.by_email, email, contact):
            flaws.append(Flaw(attribute="email", message=world.say("taken")))
    if identifier and _others(world.by_identifier, identifier, contact):
        flaws.append(Flaw(attribute="identifier", message=world.say("taken")))
    flaws += _phone_flaws(world, fields.get("phone_number"), contact)
    flaws += [
        too_long(world.locale, name, _STRING_LIMIT)
        for name in ("name", "email", "identifier", "phone_number")
        if len(fields.get(name) or "") > _STRING_LIMIT
    ]
    if flaws:
        raise InvalidRecord(flaws)


def _phone_flaws(world: World, phone: str | None, contact: Contact | None) -> list[Flaw]:
    if not phone or not phone.strip():
        return []
    flaws = []
    if _others(world.by_phone, phone, contact):
        flaws.append(Flaw(attribute="phone_number", message=world.say("taken")))
    if not _E164.search(phone):
        # frozen in English at load time, whatever the locale
        flaws.append(Flaw(attribute="phone_number", message="should be in e164 format"))
    return flaws


def _others(index: dict[str, dict[int, Contact]], value: str, contact: Contact | None) -> bool:
    held = index.get(value, {})
    return any(found is not contact for found in held.values())


def check_avatar(upload: Any) -> Upload | None:
    if not isinstance(upload, Upload):
        return None
    if upload.mime not in _AVATAR_MIMES:
        raise InvalidRecord([Flaw(attribute="avatar", message="filetype not supported")])
    if len(upload.data) > _AVATAR_LIMIT:
        raise InvalidRecord([Flaw(attribute="avatar", message="is too big")])
    return upload


def insert(world: World, fields: Json, *, avatar: Upload | None = None) -> Contact:
    """Store a checked contact; only the database's own unique indexes still refuse (500)."""
    if fields.get("identifier") is not None and fields["identifier"] in world.by_identifier:
        raise crashed()
    if fields.get("email") and fields["email"] in world.by_email:
        raise crashed()
    now = world.now()
    contact = Contact(id=world.new_id("contact"), created_at=now, updated_at=now, **fields)
    if avatar is not None:
        contact.avatar = world.keep(avatar)
    world.contacts[contact.id] = contact
    world.index_contact(contact)
    world.emit(Event(name="contact_created", contact=contact))
    world.changed()
    return contact


def create(world: World, params: Json) -> Contact:
    fields = clean(params)
    avatar = check_avatar(params.get("avatar"))
    check(world, fields)
    return insert(world, fields, avatar=avatar)


def update(world: World, contact: Contact, params: Json) -> None:
    """Set what is given; the JSON attributes are merged one level deep."""
    fields = clean(params)
    for name in ("additional_attributes", "custom_attributes"):
        if name in fields:
            fields[name] = getattr(contact, name) | fields[name]
    avatar = check_avatar(params.get("avatar"))
    check(world, fields, contact=contact)
    if avatar is not None:
        contact.avatar = world.keep(avatar)
    write(world, contact, fields, force=avatar is not None)


def write(world: World, contact: Contact, fields: Json, *, force: bool = False) -> None:
    """Store checked columns and tell the account webhooks what changed."""
    changed = [
        change(name, getattr(contact, name), fields[name])
        for name in _WATCHED
        if name in fields and fields[name] != getattr(contact, name)
    ]
    if not changed and not force:
        return
    identifier = fields.get("identifier")
    if identifier is not None and _others(world.by_identifier, identifier, contact):
        raise crashed()
    world.unindex_contact(contact)
    for name, value in fields.items():
        setattr(contact, name, value)
    world.index_contact(contact)
    _updated(world, contact, changed)


def _updated(world: World, contact: Contact, changed: list[Json]) -> None:
    before, contact.updated_at = contact.updated_at, world.now()
    changed = [*changed, change("updated_at", iso(before), iso(contact.updated_at))]
    world.emit(Event(name="contact_updated", contact=contact, changed=changed))
    world.changed()


def active(world: World, contact: Contact) -> None:
    """Note that the contact wrote; account webhooks hear of it every time (2.3, 6)."""
    before, contact.last_activity_at = contact.last_activity_at, world.now()
    was = None if before is None else iso(before)
    _updated(world, contact, [change("last_activity_at", was, iso(contact.last_activity_at))])


def bind(
    world: World,
    contact: Contact,
    inbox: Inbox,
    source_id: str | None,
    *,
    hmac_verified: bool = False,
) -> ContactInbox:
    """Find or create the contact inbox; `SourceTaken` when another contact holds the source."""
    source_id = source_id or new_source()
    held = world.by_source.get((inbox.id, source_id))
    if held is not None:
        if held.contact is not contact:
            raise SourceTaken
        return held
    now = world.now()
    row = ContactInbox(
        id=world.new_id("contact_inbox"),
        contact=contact,
        inbox=inbox,
        source_id=source_id,
        created_at=now,
        updated_at=now,
        pubsub_token=new_token(),
        hmac_verified=hmac_verified,
    )
    world.contact_inboxes[row.id] = row
    world.by_source[inbox.id, source_id] = row
    contact.contact_inboxes.append(row)
    world.changed()
    return row


def contactable_source(contact: Contact, inbox: Inbox) -> str:
    """The latest source in this inbox, or a new UUID at each call (1.5)."""
    held = [row for row in contact.contact_inboxes if row.inbox is inbox]
    return held[-1].source_id if held else new_source()


def merge(world: World, base: Contact, mergee: Contact) -> None:
    """Move everything of the mergee to the base; the base's own values win (1.6)."""
    if base is mergee:
        return
    for row in mergee.contact_inboxes:
        row.contact = base
        base.contact_inboxes.append(row)
        for chat in row.conversations:
            _resign(chat, mergee, base)
    base.contact_inboxes.sort(key=lambda row: row.id)
    del world.contacts[mergee.id]
    world.unindex_contact(mergee)
    fields: Json = {
        name: getattr(base, name) or getattr(mergee, name)
        for name in ("identifier", "name", "email", "phone_number")
    }
    for name in ("additional_attributes", "custom_attributes"):
        fields[name] = _deep_merge(getattr(mergee, name), getattr(base, name))
    write(world, base, fields)
    world.changed()


def _resign(chat: Conversation, mergee: Contact, base: Contact) -> None:
    for message in chat.messages:
        if message.sender is mergee:
            message.sender = base


def _deep_merge(below: Json, above: Json) -> Json:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _deep_merge(under, value)
        elif value not in (None, "") or key not in merged:
            merged[key] = value
    return merged


def delete(world: World, contact: Contact) -> None:
    for row in contact.contact_inboxes:
        unbind(world, row)
    contact.contact_inboxes.clear()
    world.contacts.pop(contact.id, None)
    world.unindex_contact(contact)
    world.changed()


def unbind(world: World, row: ContactInbox) -> None:
    """Take a contact inbox away with everything in it."""
    for chat in row.conversations:
        world.conversations.pop(chat.id, None)
        for message in chat.messages:
            world.messages.pop(message.id, None)
    row.conversations.clear()
    world.contact_inboxes.pop(row.id, None)
    world.by_source.pop((row.inbox.id, row.source_id), None)
