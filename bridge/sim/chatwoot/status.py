"""The status of a conversation as people and programs change it (chatwoot-api.md 1.7 and 2.3)."""

from __future__ import annotations

from bridge.sim.chatwoot import contacts, conversations, messages
from bridge.sim.chatwoot.records import STATUSES, Author, Conversation, User
from bridge.sim.chatwoot.refusals import crashed
from bridge.sim.chatwoot.templates import survey, template
from bridge.sim.chatwoot.world import World


def set_status(
    world: World,
    chat: Conversation,
    status: str,
    *,
    actor: Author,
    snoozed_until: float | None = None,
) -> None:
    """Change the status with its activity row; an unknown status crashes, as there (500)."""
    if status not in STATUSES:
        raise crashed()
    before = chat.status
    until = snoozed_until if status == "snoozed" else None
    conversations.update(world, chat, actor, status=status, snoozed_until=until)
    if status == before:
        return
    conversations.activity(world, chat, world.say(status, who=conversations.who(actor)))
    _ask(world, chat)


def toggled(chat: Conversation) -> str:
    """Where a toggle without a status leads."""
    return "resolved" if chat.status == "open" else "open"


def mute(world: World, chat: Conversation, *, muted: bool, actor: Author) -> None:
    if muted:
        set_status(world, chat, "resolved", actor=actor)
    contacts.write(world, chat.contact, {"blocked": muted})


def auto_resolve(world: World, chat: Conversation, message: str | None) -> None:
    """What the job of the account setting does: an optional template, then resolved."""
    if message:
        messages.store(world, template(world, chat, message), actor=None)
    if conversations.update(world, chat, None, status="resolved"):
        conversations.activity(world, chat, world.say("auto_resolved"))
        _ask(world, chat)


def open_as_agent(world: World, chat: Conversation, actor: Author) -> None:
    """An agent (not an administrator) who opens a conversation gets it (1.7)."""
    if chat.status == "open" and isinstance(actor, User) and actor.role == "agent":
        conversations.assign(world, chat, actor, actor=actor)


def _ask(world: World, chat: Conversation) -> None:
    asked = survey(world, chat)
    if asked is not None:
        messages.store(world, asked, actor=None)
