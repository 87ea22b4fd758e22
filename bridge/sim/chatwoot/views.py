"""People and inboxes as REST answers and webhooks show them (chatwoot-api.md 1 and 3)."""

from __future__ import annotations

from bridge.sim.chatwoot.records import (
    AgentBot,
    Author,
    Contact,
    Inbox,
    Json,
    Team,
    User,
)
from bridge.sim.chatwoot.world import World, iso

_NULLS_OF_OTHER_CHANNELS = (
    "welcome_title",
    "welcome_tagline",
    "web_widget_script",
    "website_token",
    "selected_feature_flags",
    "reply_time",
    "messaging_service_sid",
    "phone_number",
)


# people


def agent(world: World, user: User) -> Json:
    return {
        "id": user.id,
        "account_id": world.account_id,
        "availability_status": user.availability,
        "auto_offline": True,
        "confirmed": True,
        "email": user.email,
        "available_name": user.display_name,
        "name": user.name,
        "role": user.role,
        "thumbnail": "",
        "custom_role_id": None,
    }


def author(world: World, who: User | AgentBot | Contact) -> Json:
    """Whoever wrote, in REST answers and inside `conversation.messages` ("push form")."""
    if isinstance(who, User):
        return {
            "id": who.id,
            "name": who.name,
            "available_name": who.display_name,
            "avatar_url": "",
            "type": "user",
            "availability_status": who.availability,
            "thumbnail": "",
        }
    if isinstance(who, AgentBot):
        return {"id": who.id, "name": who.name, "avatar_url": "", "type": "agent_bot"}
    return {
        "additional_attributes": who.additional_attributes,
        "custom_attributes": who.custom_attributes,
        "email": who.email,
        "id": who.id,
        "identifier": who.identifier,
        "name": who.name,
        "phone_number": who.phone_number,
        "thumbnail": world.picture_url(who.avatar),
        "blocked": who.blocked,
        "type": "contact",
    }


def webhook_author(world: World, who: Author) -> Json | None:
    """Whoever wrote, as webhooks name them at the top level."""
    if isinstance(who, User):
        return {"id": who.id, "name": who.name, "email": who.email, "type": "user"}
    if isinstance(who, AgentBot):
        return {"id": who.id, "name": who.name, "type": "agent_bot"}
    return None if who is None else webhook_contact(world, who)


def webhook_contact(world: World, contact: Contact) -> Json:
    picture = world.picture_url(contact.avatar)
    return {
        "account": account(world),
        "additional_attributes": contact.additional_attributes,
        "avatar": picture,
        "custom_attributes": contact.custom_attributes,
        "email": contact.email,
        "id": contact.id,
        "identifier": contact.identifier,
        "name": contact.name,
        "phone_number": contact.phone_number,
        "thumbnail": picture,
        "blocked": contact.blocked,
    }


def account(world: World) -> Json:
    return {"id": world.account_id, "name": world.account_name}


def contact(world: World, row: Contact, *, inboxes: bool = True) -> Json:
    shown: Json = {
        "additional_attributes": row.additional_attributes,
        "availability_status": "offline",
        "email": row.email,
        "id": row.id,
        "name": row.name,
        "phone_number": row.phone_number,
        "blocked": row.blocked,
        "identifier": row.identifier,
        "thumbnail": world.picture_url(row.avatar),
        "custom_attributes": row.custom_attributes,
    }
    if row.last_activity_at is not None:
        shown["last_activity_at"] = int(row.last_activity_at)
    shown["created_at"] = int(row.created_at)
    if inboxes:
        shown["contact_inboxes"] = [
            contact_inbox(world, held.inbox, held.source_id) for held in row.contact_inboxes
        ]
    return shown


def contact_inbox(world: World, inbox: Inbox, source_id: str) -> Json:
    slim = {
        "id": inbox.id,
        "avatar_url": world.picture_url(inbox.avatar),
        "channel_id": inbox.channel_id,
        "name": inbox.name,
        "channel_type": inbox.channel_type,
        "provider": None,
    }
    return {"source_id": source_id, "inbox": slim}


# inboxes


def inbox(world: World, row: Inbox, *, admin: bool) -> Json:
    fields = row.fields
    shown: Json = {
        "id": row.id,
        "avatar_url": world.picture_url(row.avatar),
        "channel_id": row.channel_id,
        "name": row.name,
        "channel_type": row.channel_type,
        **{key: fields[key] for key in _INBOX_HEAD},
        "working_hours": row.working_hours,
        "timezone": fields["timezone"],
        "callback_webhook_url": None,
        **{key: fields[key] for key in _INBOX_TAIL},
        "widget_color": None,
        "website_url": None,
        "hmac_mandatory": row.hmac_mandatory,
        **dict.fromkeys(_NULLS_OF_OTHER_CHANNELS),
    }
    if admin:
        shown["hmac_token"] = row.hmac_token
        if world.profile.signs_inboxes:
            shown["secret"] = row.secret
    return shown | {
        "webhook_url": row.webhook_url,
        "inbox_identifier": row.identifier,
        "additional_attributes": row.additional_attributes,
        "provider": None,
    }


_INBOX_HEAD = (
    "greeting_enabled",
    "greeting_message",
    "working_hours_enabled",
    "enable_email_collect",
    "csat_survey_enabled",
    "csat_config",
    "enable_auto_assignment",
    "auto_assignment_config",
    "out_of_office_message",
)
_INBOX_TAIL = (
    "allow_messages_after_resolved",
    "lock_to_single_conversation",
    "sender_name_type",
    "business_name",
)


def inbox_row(world: World, row: Inbox) -> Json:
    """The raw row, as the answer to a contact create shows it."""
    fields = row.fields
    return {
        "id": row.id,
        "channel_id": row.channel_id,
        "account_id": world.account_id,
        "name": row.name,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "channel_type": row.channel_type,
        "email_address": None,
        "timezone": fields["timezone"],
        "portal_id": fields["portal_id"],
        **{key: fields[key] for key in _INBOX_HEAD + _INBOX_TAIL},
    }


def webhook_inbox(world: World, row: Inbox) -> Json:
    """Inbox events carry neither id nor name (chatwoot-api.md 3.2)."""
    times = {"created_at": iso(row.created_at), "updated_at": iso(row.updated_at)}
    shown = {**inbox_row(world, row)}
    for key in ("id", "channel_id", "account_id", "name", "channel_type", "email_address"):
        del shown[key]
    del shown["portal_id"], shown["csat_config"]
    shown["working_hours"] = [
        {"id": day, "inbox_id": row.id, "account_id": world.account_id, **hours, **times}
        for day, hours in enumerate(row.working_hours, start=1)
    ]
    shown["channel"] = {
        "id": row.channel_id,
        "account_id": world.account_id,
        "webhook_url": row.webhook_url,
        **times,
        "identifier": row.identifier,
        "hmac_token": row.hmac_token,
        "hmac_mandatory": row.hmac_mandatory,
        "additional_attributes": row.additional_attributes,
    }
    return shown


def bot(world: World, row: AgentBot) -> Json:
    shown: Json = {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "thumbnail": "",
        "outgoing_url": row.outgoing_url,
        "bot_type": "webhook",
        "bot_config": {},
        "account_id": world.account_id,
        "access_token": row.token,
    }
    if world.profile.signs_inboxes:
        shown["secret"] = row.secret
    return shown | {"system_bot": False}


def team(world: World, row: Team) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "allow_auto_assign": True,
        "account_id": world.account_id,
    }
