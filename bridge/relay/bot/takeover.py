"""A human takes the word, or gives it back: told to the hand-off in the unit that keeps the event.

An agent writes, a conversation is assigned or changes its status (of the phone of our own number
see `phone_words`). From that commit on the bot is silent (`talks`). What we change ourselves is no
signal (`own_changes`), nor is what Chatwoot told before or tells again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from bridge.chatwoot.webhook import Change, ConversationChanged, MessageEvent
from bridge.core.conversation import CLOSED, ConversationStatus, Known, status_of
from bridge.core.handoff import AssigneeIs, HumanSpoke, Reason, StatusIs, is_held
from bridge.relay.bot import own_changes
from bridge.relay.bot.automatic_assignment import changed_at, is_automatic, opened
from bridge.relay.bot.talks import Talks
from bridge.relay.directory import Directory, Entry
from bridge.store.engine import Unit
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow


class Takeover:
    """Every method is part of a unit."""

    def __init__(self, directory: Directory, talks: Talks) -> None:
        self._directory = directory
        self._talks = talks

    # -- who writes -------------------------------------------------------------------------

    def agent_spoke(
        self, unit: Unit, entry: Entry, chat_id: int | None, event: MessageEvent, now: int
    ) -> None:
        """A message that is for the customer: silence, if a person wrote it.

        Also when they only press Retry: then their words go out now. What was written before the
        conversation was resolved comes too late: a macro writes and resolves at once.
        """
        sender = event.message.sender
        is_person = sender is not None and sender.type == "user" and not event.message.by_machine
        chat = chats.get(unit.db, chat_id) if chat_id is not None else None
        if chat is None or not is_person:
            return
        if not is_settled(chat, round((event.message.created_at or 0) * 1000)):
            self._talks.signal(unit, entry, chat, HumanSpoke(), now)

    def retried(self, unit: Unit, entry: Entry, chat_id: int | None, now: int) -> None:
        """A person wants a message of theirs sent again: those are their words, now."""
        chat = chats.surviving(unit.db, chat_id) if chat_id is not None else None
        if chat is not None:
            self._talks.signal(unit, entry, chat, HumanSpoke(), now)

    # -- what becomes of the conversation ---------------------------------------------------

    def told(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        before: ChatRow,
        event: ConversationChanged,
        status: ConversationStatus,
        now: int,
    ) -> None:
        """Newer news of the conversation that a chat is bound to; `before`: as it was known."""
        conversation = event.conversation
        assignee = conversation.assignee_id if event.tells_assignee else before.assignee_id
        is_opening = event.change is Change.STATUS or "status" in event.changed
        if is_opening and status is ConversationStatus.OPEN and before.status != status:
            opened(unit, entry.id, conversation.id, changed_at(event, now))
        self.noticed(
            unit,
            entry,
            before,
            conversation_id=conversation.id,
            status=status,
            assignee_id=assignee,
            now=now,
            is_automatic=lambda: is_automatic(unit.db, entry, event, now),
        )

    def noticed(
        self,
        unit: Unit,
        entry: Entry,
        before: ChatRow,
        *,
        conversation_id: int,
        status: ConversationStatus,
        assignee_id: int | None,
        now: int,
        is_automatic: Callable[[], bool] = lambda: True,
    ) -> None:
        """Status and assignee of a chat's conversation as Chatwoot tells them, newer than known.

        Who has it loses it with its end; but a conversation that is pending and assigned is that
        of the one to whom it is assigned.
        """
        assigned = before.conversation_id == conversation_id and before.assignee_id != assignee_id

        def about_assignee() -> None:
            if not assigned:
                return
            if assignee_id is not None and own_changes.is_ours(
                unit, entry.id, conversation_id, own_changes.assignee(assignee_id), now
            ):
                return
            signal = AssigneeIs(assigned=assignee_id is not None, automatic=is_automatic())
            self._talks.signal(unit, entry, before, signal, now)

        if status in CLOSED:
            about_assignee()
            self._status(unit, entry, before, conversation_id, status, now)
        else:
            self._status(unit, entry, before, conversation_id, status, now)
            about_assignee()

    def found(self, unit: Unit, before: ChatRow, known: Known, now: int) -> None:
        """The same of a conversation about which Chatwoot was asked."""
        entry = self._directory.by_id(before.instance_id)
        if entry is not None:
            self.noticed(
                unit,
                entry,
                before,
                conversation_id=known.id,
                status=known.status,
                assignee_id=known.assignee_id,
                now=now,
            )

    def woken(self, unit: Unit, chat: ChatRow, now: int) -> None:
        """We are about to make a conversation pending again: who only opened it had his say."""
        entry = self._directory.by_id(chat.instance_id)
        pause = self._talks.of(unit.db, chat).state.pause
        if entry is not None and pause is not None and pause.reason is Reason.OPENED:
            signal = StatusIs(status=ConversationStatus.PENDING.value)
            self._talks.signal(unit, entry, chat, signal, now)

    def is_held(self, db: sqlite3.Connection, chat: ChatRow, now: int) -> bool:
        """Whether somebody at Chatwoot, or at the API, keeps the bot silent in a chat."""
        talk = self._talks.of(db, chat)
        return self._talks.has_flow(db, talk) and is_held(talk.state, now)

    def _status(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        before: ChatRow,
        conversation_id: int,
        status: ConversationStatus,
        now: int,
    ) -> None:
        known = status_of(before.status) if before.status else None
        if known is status or (known in CLOSED and status in CLOSED):
            return
        what = own_changes.status(ConversationStatus.RESOLVED if status in CLOSED else status)
        if own_changes.is_ours(unit, entry.id, conversation_id, what, now):
            return
        self._talks.signal(unit, entry, before, StatusIs(status=status.value), now)

    def rebound(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        before: ChatRow,
        event: ConversationChanged,
        status: ConversationStatus,
        now: int,
    ) -> None:
        """A chat goes over to another conversation, of which a webhook tells.

        One that is open, or somebody's, takes the word. One that is new and pending gives it to
        nobody: we make such ones ourselves, also while a human is with the customer.
        """
        if status in {ConversationStatus.OPEN, ConversationStatus.SNOOZED}:
            self._status(unit, entry, before, event.conversation.id, status, now)
        if event.conversation.assignee_id is not None:
            automatic = is_automatic(unit.db, entry, event, now)
            self._talks.signal(
                unit, entry, before, AssigneeIs(assigned=True, automatic=automatic), now
            )


def is_settled(chat: ChatRow, at: int) -> bool:
    """Whether the conversation was resolved after this moment (ms)."""
    closed = chat.status is not None and status_of(chat.status) in CLOSED
    return closed and at > 0 and chat.resolved_at is not None and at <= chat.resolved_at
