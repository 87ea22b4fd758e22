"""What people do in the dashboard. Each method raises the webhooks that Chatwoot would raise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.sim.chatwoot import contacts, conversations, inboxes, messages, status
from bridge.sim.chatwoot.records import (
    AgentBot,
    Contact,
    Conversation,
    Inbox,
    Json,
    Message,
    Team,
    Upload,
    User,
)
from bridge.sim.chatwoot.world import Backup, Event, World, new_token

#: File name, content, mime type.
File = tuple[str, bytes, str]


class Dashboard:
    """The people of one account. Refusals are raised as `Refused`, unknown ids as `KeyError`.

    Where no agent is named, the first agent of the account acts.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def _who(self, agent: User | None) -> User:
        if agent is not None:
            return agent
        return next(user for user in self.world.users.values() if user.role == "agent")

    # the account

    def add_user(
        self,
        name: str,
        *,
        role: str = "agent",
        email: str | None = None,
        online: bool = True,
        token: str | None = None,
    ) -> User:
        first = name.partition(" ")[0]
        return self.world.add_user(
            User(
                id=self.world.new_id("user"),
                name=name,
                display_name=first,
                email=email or f"{first.lower()}@padaria-aurora.example",
                role=role,
                token=token or new_token(),
                availability="online" if online else "offline",
            )
        )

    def add_bot(
        self, name: str, *, outgoing_url: str | None = None, token: str | None = None
    ) -> AgentBot:
        return self.world.add_bot(
            AgentBot(
                id=self.world.new_id("bot"),
                name=name,
                outgoing_url=outgoing_url,
                token=token or new_token(),
                secret=new_token(),
                created_at=self.world.now(),
            )
        )

    def add_team(self, name: str) -> Team:
        team = Team(id=self.world.new_id("team"), name=name, created_at=self.world.now())
        self.world.teams[team.id] = team
        return team

    def add_inbox(
        self,
        name: str,
        *,
        webhook_url: str | None = None,
        channel: str = "api",
        members: Sequence[User] = (),
        **fields: Any,
    ) -> Inbox:
        """Make an inbox as the dashboard's form does; `fields` as in the REST create."""
        given = {"type": channel, "webhook_url": webhook_url}
        row = inboxes.create(self.world, {"name": name, "channel": given, **fields})
        row.members = {user.id: user for user in members}
        return row

    def update_inbox(self, inbox_id: int, **fields: Any) -> None:
        inboxes.update(self.world, self.world.inboxes[inbox_id], fields)

    def delete_inbox(self, inbox_id: int) -> None:
        inboxes.delete(self.world, self.world.inboxes[inbox_id])

    def reset_secret(self, inbox_id: int) -> str:
        """Rotate the signing key of the inbox and return the new one."""
        row = self.world.inboxes[inbox_id]
        row.secret = new_token()
        return row.secret

    # messages

    def agent_writes(
        self,
        conversation_id: int,
        text: str | None,
        *,
        attachments: Sequence[File] = (),
        in_reply_to: int | None = None,
        private: bool = False,
        agent: User | None = None,
        voice: bool = False,
        shared: Sequence[Json] = (),
        **fields: Any,
    ) -> Message:
        """Write as an agent who has the conversation open (which marks it as seen).

        `shared` are attachments without a file (places, contacts) as webhooks show them; `fields`
        as in the REST create.
        """
        who, chat = self._who(agent), self.world.conversations[conversation_id]
        conversations.see(self.world, chat, reader=who)
        params: Json = {"content": text, "private": private, "is_voice_message": voice, **fields}
        params["attachments"] = [
            Upload(filename=name, data=data, mime=mime) for name, data, mime in attachments
        ]
        if in_reply_to is not None:
            given = params.get("content_attributes") or {}
            params["content_attributes"] = {**given, "in_reply_to": in_reply_to}
        return messages.create(self.world, chat, params, actor=who, shared=shared)

    def agent_starts_conversation(
        self, contact_id: int, inbox_id: int, text: str, *, agent: User | None = None
    ) -> Conversation:
        """The form "new conversation": a contact without binding gets a random source id."""
        who, world = self._who(agent), self.world
        contact, inbox = world.contacts[contact_id], world.inboxes[inbox_id]
        source_id = contacts.contactable_source(contact, inbox)
        held = conversations.place(world, contact, inbox, source_id)
        chat = conversations.locked(held) or conversations.create(
            world, held, {"assignee": who}, actor=who
        )
        messages.create(world, chat, {"content": text}, actor=who)
        return chat

    def agent_retries(self, message_id: int, *, agent: User | None = None) -> None:
        messages.retry(self.world, self.world.messages[message_id], actor=self._who(agent))

    def agent_edits(self, message_id: int, text: str, *, agent: User | None = None) -> None:
        """As forks offer it; stock Chatwoot does not."""
        row = self.world.messages[message_id]
        messages.edit(self.world, row, text, actor=self._who(agent))

    def agent_deletes(self, message_id: int, *, agent: User | None = None) -> None:
        messages.delete(self.world, self.world.messages[message_id], actor=self._who(agent))

    # conversations

    def resolve(self, conversation_id: int, *, agent: User | None = None) -> None:
        self._set_status(conversation_id, "resolved", agent)

    def open(self, conversation_id: int, *, agent: User | None = None) -> None:
        """Open it; an agent (not an administrator) gets it assigned."""
        self._set_status(conversation_id, "open", agent)
        chat = self.world.conversations[conversation_id]
        status.open_as_agent(self.world, chat, self._who(agent))

    def pend(self, conversation_id: int, *, agent: User | None = None) -> None:
        self._set_status(conversation_id, "pending", agent)

    def snooze(
        self, conversation_id: int, *, until: float | None = None, agent: User | None = None
    ) -> None:
        """Snooze until a time (Unix seconds), else until the next incoming message."""
        self._set_status(conversation_id, "snoozed", agent, until)

    def wake(self, conversation_id: int) -> None:
        """What the job does when a snooze has run out."""
        chat = self.world.conversations[conversation_id]
        if conversations.update(self.world, chat, None, status="open"):
            conversations.activity(self.world, chat, self.world.say("open", who="System"))

    def auto_resolve(self, conversation_id: int, message: str | None = None) -> None:
        """What the job of the account setting does."""
        status.auto_resolve(self.world, self.world.conversations[conversation_id], message)

    def _set_status(
        self,
        conversation_id: int,
        wanted: str,
        agent: User | None,
        until: float | None = None,
    ) -> None:
        chat = self.world.conversations[conversation_id]
        status.set_status(self.world, chat, wanted, actor=self._who(agent), snoozed_until=until)

    def assign(self, conversation_id: int, to: User | None, *, agent: User | None = None) -> None:
        """Assign, or with None unassign."""
        chat = self.world.conversations[conversation_id]
        conversations.assign(self.world, chat, to, actor=self._who(agent))

    def assign_team(
        self, conversation_id: int, team: Team | None, *, agent: User | None = None
    ) -> None:
        chat = self.world.conversations[conversation_id]
        conversations.update(self.world, chat, self._who(agent), team=team)

    def label(
        self, conversation_id: int, labels: Sequence[str], *, agent: User | None = None
    ) -> None:
        """Replace the labels."""
        chat = self.world.conversations[conversation_id]
        conversations.set_labels(self.world, chat, list(labels), actor=self._who(agent))

    def typing(
        self,
        conversation_id: int,
        *,
        on: bool = True,
        private: bool = False,
        agent: User | None = None,
    ) -> None:
        self.world.emit(
            Event(
                name="conversation_typing_on" if on else "conversation_typing_off",
                conversation=self.world.conversations[conversation_id],
                user=self._who(agent),
                is_private=private,
            )
        )

    def see(self, conversation_id: int, *, agent: User | None = None) -> None:
        chat = self.world.conversations[conversation_id]
        conversations.see(self.world, chat, reader=self._who(agent))

    def delete_conversation(self, conversation_id: int) -> None:
        conversations.delete(self.world, self.world.conversations[conversation_id])

    # contacts

    def agent_creates_contact(self, name: str, **fields: Any) -> Contact:
        """`fields` as in the REST create: phone_number, email, identifier, ..."""
        return contacts.create(self.world, {"name": name, **fields})

    def agent_edits_contact(self, contact_id: int, **fields: Any) -> None:
        contacts.update(self.world, self.world.contacts[contact_id], fields)

    def agent_merges(self, base_id: int, mergee_id: int) -> None:
        held = self.world.contacts
        contacts.merge(self.world, held[base_id], held[mergee_id])

    def block_contact(self, contact_id: int, *, blocked: bool = True) -> None:
        """Only account webhooks hear of it."""
        contacts.write(self.world, self.world.contacts[contact_id], {"blocked": blocked})

    def delete_contact(self, contact_id: int) -> None:
        contacts.delete(self.world, self.world.contacts[contact_id])

    # the installation

    def backup(self) -> Backup:
        """See `World.backup`. Rows of before a restore are not those of after it."""
        return self.world.backup()

    def restore(self, backup: Backup) -> None:
        self.world.restore(backup)
