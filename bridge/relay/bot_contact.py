"""The contact that runs an inbox, and its conversation: found, adopted or made, never a second one.

Both are known by id, else by the contact inbox that only they have, else (an inbox that was made
anew) by the contact's identifier. Everything here may be done twice.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

import orjson

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact, Conversation
from bridge.core.conversation import ConversationStatus, status_of
from bridge.core.instance import BOT_SOURCE, InboxConfig, InstanceConfig
from bridge.engine.queue import NewJob, Road
from bridge.errors import PeerGone
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Entry, chatwoot_peer
from bridge.relay.healing import repeatable
from bridge.text.convert import literal

#: The job that gives the contact its name and its picture (`bot_look`).
LOOK: Final = "look"
#: What the contact is called where nobody named an organisation.
DEFAULT_NAME: Final = "Ponte"
_BOT: Final = "ponte"
#: Which of its conversations is used, when somebody made several.
_ORDER: Final = (
    ConversationStatus.OPEN,
    ConversationStatus.PENDING,
    ConversationStatus.SNOOZED,
    ConversationStatus.RESOLVED,
)


def identifier(instance_id: str) -> str:
    """By which the bot contact of an instance is known in its account, whatever its inbox is."""
    return f"{_BOT}:{instance_id}"


def is_alone(contact: Contact, instance_id: str) -> bool:
    """Whether a contact is the bot's only: nobody has merged it with a customer's.

    Who imports contacts may also have given the bot's identifier to one of theirs.
    """
    sources = (one.source_id for one in contact.contact_inboxes)
    return (
        not contact.phone_number
        and not contact.email
        and contact.identifier in (identifier(instance_id), None, "")
        and all(one.startswith(BOT_SOURCE) for one in sources)
    )


def name_of(inbox: InboxConfig) -> str:
    return inbox.organization or DEFAULT_NAME


async def see_to(
    chatwoot: Chatwoot, instance: InstanceConfig, inbox: InboxConfig, *, language: str
) -> InboxConfig:
    """The inbox with the ids of its bot contact and its conversation; both are there now.

    Raises `PeerError`; of unknown outcome only when a new conversation may exist.
    """
    assert inbox.inbox_id is not None  # noqa: S101  (there is no bot without an inbox)
    with repeatable():
        contact_id = await _contact(chatwoot, instance, inbox, inbox.inbox_id)
        conversation_id = await _conversation(chatwoot, inbox, inbox.inbox_id, contact_id)
    if conversation_id is None:
        made = await chatwoot.create_conversation(inbox.inbox_id, contact_id, inbox.bot_source)
        conversation_id = made.id
        with repeatable():  # what it says is worth no second conversation
            await chatwoot.create_message(
                made.id,
                content=say(language, "bot.created", name=literal(instance.name)),
                message_type="incoming",
                source_id=f"PONTE:created:{instance.id}",
            )
    return replace(inbox, bot_contact_id=contact_id, bot_conversation_id=conversation_id)


async def _contact(
    chatwoot: Chatwoot, instance: InstanceConfig, inbox: InboxConfig, inbox_id: int
) -> int:
    source_id = inbox.bot_source
    if inbox.bot_contact_id is not None:
        with suppress(PeerGone):
            stored = await chatwoot.contact(inbox.bot_contact_id)
            bindings = {(one.inbox_id, one.source_id) for one in stored.contact_inboxes}
            # An older backup of Chatwoot gives ids to others.
            if stored.identifier == identifier(instance.id) or (inbox_id, source_id) in bindings:
                return stored.id
    there = await chatwoot.contact_by_source(inbox_id, source_id)
    if there is not None:
        return there.id
    try:
        made, _ = await chatwoot.create_contact(
            name_of(inbox), inbox_id, source_id, identifier=identifier(instance.id)
        )
    except ChatwootInvalid:  # left over from an inbox that is gone, or somebody else's
        left = await find(chatwoot, instance.id)
        if not left:
            raise
        mine = [one for one in left if is_alone(one, instance.id)]
        if mine:
            await chatwoot.bind_contact(mine[0].id, inbox_id, source_id)
            return mine[0].id
        made, _ = await chatwoot.create_contact(name_of(inbox), inbox_id, source_id)
    return made.id


async def _conversation(
    chatwoot: Chatwoot, inbox: InboxConfig, inbox_id: int, contact_id: int
) -> int | None:
    """The stored conversation, else the best of those that the contact has in this inbox."""
    if inbox.bot_conversation_id is not None:
        with suppress(PeerGone):
            stored = await chatwoot.conversation(inbox.bot_conversation_id)
            if is_room(stored, inbox, contact_id):
                return stored.id
    listed = await chatwoot.conversations(inbox_id, inbox.bot_source)
    mine = [one for one in listed if is_room(one, inbox, contact_id)]
    return min(mine, key=_rank).id if mine else None


def is_room(conversation: Conversation, inbox: InboxConfig, contact_id: int | None) -> bool:
    """Whether a conversation is the bot's in this inbox, as far as it says so.

    An older backup of Chatwoot gives its id, and that of its contact, to others.
    """
    return (
        conversation.inbox_id in (inbox.inbox_id, None)
        and conversation.contact_id in (contact_id, None)
        and conversation.source_id in (inbox.bot_source, None)
    )


def _rank(conversation: Conversation) -> tuple[int, float]:
    return (
        _ORDER.index(status_of(conversation.status)),
        -(conversation.last_activity_at or 0),
    )


async def find(chatwoot: Chatwoot, instance_id: str) -> list[Contact]:
    """The bot contact of an instance, whatever inbox it was made for."""
    wanted = identifier(instance_id)
    found = await chatwoot.find_contacts((), (wanted,))
    return [one for one in found if one.identifier == wanted]


def look_job(
    entry: Entry, before: InboxConfig | None, after: InboxConfig, *, now: int
) -> NewJob | None:
    """What a changed Chatwoot side makes of the bot contact's look; None: nothing.

    Who sets the same again has the logo looked at once more: its address may show another one.
    """
    if after.inbox_id is None or after.bot_contact_id is None or not after.enabled:
        return None
    is_same = before is not None and before.bot_contact_id == after.bot_contact_id
    is_set = before is None or before.updated_at != after.updated_at
    if is_same and not is_set:
        return None
    renamed = is_same and before is not None and before.organization != after.organization
    bared = is_same and before is not None and bool(before.logo) and not after.logo
    if not renamed and not bared and not after.logo:
        return None
    payload = {
        "renamed": renamed,
        "bared": bared,
        "contact": after.bot_contact_id,
        "set_at": after.updated_at,
    }
    return NewJob(
        kind=LOOK,
        lane=lanes.bot_look(entry.id),
        road=Road.INTERNAL,
        peer=chatwoot_peer(after.url),
        account=entry.chatwoot_account,
        payload=orjson.dumps(payload),
        now=now,
        instance_id=entry.id,
    )
