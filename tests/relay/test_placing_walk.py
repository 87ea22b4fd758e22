"""Each message has one right place, with every combination of the switches, whatever agents do.

A walk with a fixed seed. Before each message the policy is asked, with what the stand-in really
holds, where it has to go; the house, which knows only what webhooks and answers tell, must agree.
"""

from __future__ import annotations

import random  # noqa: TID251  (seeded: a walk can be had again)
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.core.conversation import CLOSED, ConversationStatus, Known, Origin, seen_as
from bridge.core.party import Party
from bridge.core.placement import Create, Placing, Policy, Reuse, Skip, place
from bridge.core.rules import Situation
from bridge.sim.chatwoot import Contact, Conversation
from support.bridge_house import NAME, House
from support.qr_channel import QrPhone
from support.qr_events import typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

PEOPLE = 5
STEPS = 15
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
OPEN, PENDING, SNOOZED, RESOLVED, BLOCKED, UNANSWERED = ConversationStatus


@dataclass(kw_only=True, repr=False)
class Walk:
    house: House
    phone: QrPhone
    policy: Policy
    chance: random.Random
    number: str = ""
    #: What the walk did, for whoever reads a failure.
    trail: list[str] = field(default_factory=list)
    #: Conversations that our side began and nobody has answered or touched.
    unanswered: set[int] = field(default_factory=set)
    #: Somebody merged contacts of this person: no webhook tells of it.
    merged: bool = False

    @property
    def story(self) -> str:
        return " | ".join(self.trail[-10:])

    @property
    def contact(self) -> Contact | None:
        found = [
            one
            for one in self.house.chat.contacts.values()
            if one.phone_number == f"+{self.number}"
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def chats(self) -> list[Conversation]:
        return [
            one
            for one in self.house.chat.conversations.values()
            if one.contact is self.contact and one.inbox is self.house.inbox
        ]

    def known(self, stored: Known | None) -> list[Known]:
        """What there is, as our words say it. Of what our side began only the books tell."""
        begun = stored.id if stored is not None and stored.status is UNANSWERED else None
        assert begun is None or begun in self.unanswered, self.story
        return [
            Known(
                id=one.id,
                status=seen_as(
                    one.status,
                    is_blocked=one.contact.blocked,
                    before=UNANSWERED if one.id == begun else None,
                ),
                last_activity=int(one.last_activity_at),  # as Chatwoot tells it
                assignee_id=one.assignee.id if one.assignee else None,
            )
            for one in self.chats()
        ]

    # -- what agents do ----------------------------------------------------------------------

    async def act(self) -> None:
        doings: list[Callable[[], Awaitable[None] | None]] = [
            self.nothing,
            *[self.resolve] * 4,
            self.open,
            self.pend,
            *[self.snooze] * 2,
            self.assign,
            self.start,
            self.delete,
            self.block,
            self.merge,
            self.doubt,
        ]
        doing = self.chance.choice(doings)
        self.trail.append(doing.__name__)
        done = doing()
        if done is not None:
            await done
        await self.house.quiet()
        self.unanswered -= {one.id for one in self.chats() if one.status != "resolved"}

    def any_chat(self) -> int | None:
        chats = self.chats()
        return self.chance.choice(chats).id if chats else None

    def nothing(self) -> None:
        pass

    def resolve(self) -> None:
        for one in self.chats():
            if one.status != "resolved" and self.chance.random() < 0.8:
                self.house.chat.resolve(one.id)

    def open(self) -> None:
        chat = self.any_chat()
        if chat is not None:
            self.house.chat.open(chat)

    def pend(self) -> None:
        chat = self.any_chat()
        if chat is not None:
            self.house.chat.pend(chat)

    def snooze(self) -> None:
        chat = self.any_chat()
        if chat is not None:
            self.house.chat.snooze(chat)

    def assign(self) -> None:
        chat = self.any_chat()
        if chat is not None:
            to = self.chance.choice([None, self.house.chat.agent])
            self.house.chat.assign(chat, to)

    def start(self) -> None:
        contact = self.contact
        if contact is not None:
            self.house.chat.agent_starts_conversation(
                contact.id, self.house.inbox.id, "Tudo certo?"
            )

    def delete(self) -> None:
        chat = self.any_chat()
        if chat is not None:
            self.house.chat.delete_conversation(chat)

    def block(self) -> None:
        contact = self.contact
        if contact is not None:
            self.house.chat.block_contact(contact.id, blocked=not contact.blocked)

    def merge(self) -> None:
        """The person under another name, with a conversation, in either direction."""
        contact = self.contact
        if contact is None:
            return
        other = self.house.chat.agent_creates_contact("Marina (outra)")
        chat = self.house.chat.agent_starts_conversation(other.id, self.house.inbox.id, "Oi?")
        if self.chance.random() < 0.5:
            self.house.chat.resolve(chat.id)
        base, mergee = (contact, other) if self.chance.random() < 0.5 else (other, contact)
        self.house.chat.agent_merges(base.id, mergee.id)
        self.merged = True

    async def doubt(self) -> None:
        """As after an outage: what we know has to be asked again."""
        await self.house.service.store.write(
            lambda unit: unit.db.execute("UPDATE chat SET fresh_at=0")
        )

    # -- what comes over WhatsApp ------------------------------------------------------------

    async def write(self, text: str) -> None:
        """Let the customer or our phone write, and compare where it stands with the policy."""
        origin = self.chance.choice([Origin.CUSTOMER, Origin.CUSTOMER, Origin.PHONE])
        stored, unresolved = await self.stored(), self.unresolved()
        before = self.known(stored)
        situation = Situation(origin=origin, now=NOW)
        expected = place(before, situation=situation, policy=self.policy)
        who = Party(wa_id=self.number)
        event = wrote(text, sender=who) if origin is Origin.CUSTOMER else typed(text, chat=who)
        await bring(self.house, self.phone, event)
        shown = self.house.of(f"WAID:{event.id}")  # there is exactly one
        there = ", ".join(f"{one.id} {one.status}" for one in before)
        self.trail.append(
            f"{origin} -> {shown.conversation.id} {shown.conversation.status}; of {there}"
        )

        self.judge(shown.conversation, before, expected, stored)
        if shown.conversation.id not in {one.id for one in before} and origin is Origin.PHONE:
            self.unanswered.add(shown.conversation.id)
        was_blocked = stored is not None and stored.status is BLOCKED
        if not was_blocked or shown.conversation.contact.blocked:  # of its end no webhook tells
            self.judge_status(shown.conversation, before, origin)
        self.unanswered -= {shown.conversation.id} if origin is Origin.CUSTOMER else set()
        if not self.policy.lock and not self.merged:
            assert self.unresolved() <= max(1, unresolved), self.story

    async def stored(self) -> Known | None:
        """The one conversation that our books hold."""
        rows = await self.house.rows(
            "SELECT conversation_id, status, assignee_id FROM chat"
            " WHERE party LIKE ? AND conversation_id IS NOT NULL",
            f"%{self.number}%",
        )
        if not rows:
            return None
        (row,) = rows
        return Known(
            id=row["conversation_id"],
            status=ConversationStatus(row["status"]),
            assignee_id=row["assignee_id"],
        )

    def judge(
        self,
        used: Conversation,
        before: list[Known],
        expected: Placing,
        stored: Known | None,
    ) -> None:
        """It stands where the policy says; of equals, in the one that we know."""
        assert not isinstance(expected, Skip)
        ranks = {one.id: one.status for one in before}
        if used.id not in ranks:
            # With the contact of before it is forgotten that it was our side who began.
            begun = stored is not None and stored.status is UNANSWERED
            assert isinstance(expected, Create) or (begun and self.merged), self.story
            return
        is_same = isinstance(expected, Reuse) and used.id == expected.id
        if is_same or (self.merged and isinstance(expected, Reuse)):
            return
        assert stored is not None, self.story
        assert used.id == stored.id, self.story
        # That somebody is no longer blocked, no webhook tells.
        if stored.status is not BLOCKED and not self.policy.lock:
            assert isinstance(expected, Reuse), self.story
            assert ranks[used.id] is ranks[expected.id], self.story

    def unresolved(self) -> int:
        return sum(one.status != "resolved" for one in self.chats())

    def judge_status(self, used: Conversation, before: list[Known], origin: Origin) -> None:
        was = next((one for one in before if one.id == used.id), None)
        if origin is Origin.PHONE:
            expected = "resolved" if was is None or was.status in CLOSED else was.status
            assert used.status in {expected, "snoozed" if used.contact.blocked else expected}
            return
        if used.contact.blocked and (was is None or was.status in CLOSED):
            assert used.status in {"resolved", "snoozed"}, self.story
            return
        start = PENDING if self.policy.pending else OPEN
        if was is None:
            wanted = start
        elif was.status is SNOOZED:
            pends = self.policy.reopen or self.policy.lock
            wanted = start if pends and was.assignee_id is None else OPEN
        elif was.status in CLOSED:
            wanted = start
        else:
            wanted = was.status
        assert used.status == wanted, self.story


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.parametrize("pending", [False, True])
@pytest.mark.parametrize("reopen", [False, True])
async def test_every_message_has_one_right_place_whatever_agents_do(
    tmp_path: Path, reopen: bool, pending: bool, lock: bool
) -> None:
    order = {"chatwootReopenConversation": reopen, "chatwootConversationPending": pending}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        if lock:
            house.chat.update_inbox(house.inbox.id, lock_to_single_conversation=True)
            await house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": True})
        walk = Walk(
            house=house,
            phone=phone,
            policy=Policy(reopen=reopen, pending=pending, lock=lock),
            chance=random.Random(f"{reopen} {pending} {lock}"),  # noqa: S311
        )
        for person in range(PEOPLE):
            walk.merged = False
            walk.number = f"551198765{person:04}"
            for step in range(STEPS):
                if step:
                    await walk.act()
                await walk.write(f"{person}.{step}")
        assert await balanced(house)
