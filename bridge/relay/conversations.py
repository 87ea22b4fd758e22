"""The conversation that a message from WhatsApp goes into.

`core.placement` decides; here is what it has to know. What is stored decides first: while the
conversation is used as it is, that costs no call. Before a second one is begun, or one wakes,
Chatwoot is asked: contacts that were merged there bring conversations of which no webhook tells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Conversation
from bridge.clock import Clock
from bridge.core.conversation import (
    ASLEEP,
    CLOSED,
    ConversationStatus,
    Known,
    Origin,
    preference,
    seen_as,
    status_of,
)
from bridge.core.instance import InboxConfig
from bridge.core.placement import Create, Placing, Policy, Reuse, Skip, place, skipped
from bridge.core.rules import Situation
from bridge.errors import PeerGone
from bridge.relay.bot import own_changes
from bridge.relay.bot.automatic_assignment import opened_here
from bridge.relay.bot.takeover import Takeover
from bridge.relay.contacts import Bound
from bridge.relay.directory import Side
from bridge.relay.healing import repeatable
from bridge.relay.policies import Policies
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats
from bridge.store.queries.bindings import ConversationFacts
from bridge.store.queries.chats import ChatRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """`why` is for people: the decision, the rule that made it, and what there was to choose."""

    conversation_id: int
    status: ConversationStatus
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One message to be placed."""

    side: Side
    chat: ChatRow
    bound: Bound
    situation: Situation
    policy: Policy

    def decide(self, known: list[Known]) -> Placing:
        return place(known, situation=self.situation, policy=self.policy)


class Conversations:
    """`stale_before` says since when our knowledge can be trusted (ms): start, or an outage."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        policies: Policies,
        stale_before: Callable[[InboxConfig], int],
        takeover: Takeover,
    ) -> None:
        self._store = store
        self._takeover = takeover
        self._clock = clock
        self._policies = policies
        self._stale_before = stale_before

    async def ensure(
        self, side: Side, chat: ChatRow, bound: Bound, *, origin: Origin
    ) -> Placed | Skip:
        """Place a message. No call when the stored conversation is fresh and is used as it is.

        Raises `PeerError`; of unknown certainty only when a new conversation may exist.
        """
        policy = self._policies.of(side.inbox)
        situation = await self._situation(side, chat, policy, origin)
        case = _Case(side=side, chat=chat, bound=bound, situation=situation, policy=policy)
        known, asked = await self._stored(case)
        placing = case.decide(known)
        if not asked and not _is_settled(placing, known, origin):
            known, asked = await self._listed(case), True
            placing = case.decide(known)
        if asked:
            await self._notice(case, known)
        placing = await self._for_humans(case, placing)
        match placing:
            case Skip():
                return placing
            case Create():
                return await self._create(case, known, placing)
            case Reuse():
                return await self._reuse(case, known, placing, asked=asked)

    async def _notice(self, case: _Case, known: list[Known]) -> None:
        """Tell the hand-off what no webhook has told, of the conversation that the chat uses."""
        chat = case.chat
        same = next((one for one in known if one.id == chat.conversation_id), None)
        if same is None or (same.status, same.assignee_id) == (chat.status, chat.assignee_id):
            return
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            row = chats.get(unit.db, chat.id)
            if row is not None and row.conversation_updated_at <= same.updated_at:
                self._takeover.found(unit, row, same, now)

        await self._store.write(work)

    async def _for_humans(self, case: _Case, placing: Placing) -> Placing:
        """Where a human keeps the bot silent, what would be the bot's is for agents to see."""
        chat = case.chat
        if isinstance(placing, Skip) or placing.rule is not None:
            return placing
        status = placing.status if isinstance(placing, Create) else placing.set_status
        if status is not ConversationStatus.PENDING:
            return placing
        now = self._clock.ms()
        if not await self._store.read(lambda db: self._takeover.is_held(db, chat, now)):
            return placing
        why = f"{placing.why}; a human keeps the bot silent"
        if isinstance(placing, Create):
            return replace(placing, status=ConversationStatus.OPEN, insist=True, why=why)
        return replace(placing, set_status=ConversationStatus.OPEN, why=why)

    async def _expect(
        self, case: _Case, conversation_id: int, status: ConversationStatus | None, *, wakes: bool
    ) -> None:
        """What we are about to do will be told as a webhook."""
        now, instance_id = self._clock.ms(), case.chat.instance_id

        def work(unit: Unit) -> None:
            if status is not None:
                what = own_changes.status(status)
                own_changes.expect(unit, instance_id, conversation_id, what, now)
            if status is ConversationStatus.PENDING:
                self._takeover.woken(unit, case.chat, now)
            if wakes or status is ConversationStatus.OPEN:
                opened_here(unit, instance_id, conversation_id, now)

        if wakes or status is not None:
            await self._store.write(work)

    async def skipped(self, side: Side, chat: ChatRow, *, origin: Origin) -> Skip | None:
        """Whether a rule leaves the message out whatever its conversation is; costs no call."""
        policy = self._policies.of(side.inbox)
        if not policy.rules:
            return None
        return skipped(await self._situation(side, chat, policy, origin), policy)

    async def is_asleep(self, side: Side, chat: ChatRow) -> bool:
        """Whether nobody works in the chat's conversation: it is resolved or snoozed."""
        if chat.conversation_id is None or chat.status is None:
            return False
        stored = _stored(chat, chat.conversation_id)
        current: Known | None = stored
        if chat.fresh_at < self._stale_before(side.inbox):
            current = await self._look(side.chatwoot, stored)
        return current is not None and current.status in ASLEEP

    async def _situation(
        self, side: Side, chat: ChatRow, policy: Policy, origin: Origin
    ) -> Situation:
        return await self._policies.situation(
            side, policy, origin=origin, group=chat.party.group is not None, now=self._clock.ms()
        )

    async def _stored(self, case: _Case) -> tuple[list[Known], bool]:
        """The conversation that we know, if it can be trusted; True: Chatwoot was asked."""
        chat = case.chat
        if chat.conversation_id is None or chat.status is None:
            return ([], True) if case.bound.is_new else (await self._listed(case), True)
        stored = _stored(chat, chat.conversation_id)
        lacks = case.policy.asks_labels and chat.labels is None
        if chat.fresh_at >= self._stale_before(case.side.inbox) and not lacks:
            return [stored], False
        if stored.status is ConversationStatus.OPEN:  # there is no better one
            current = await self._look(case.side.chatwoot, stored)
            if current is not None and current.status is ConversationStatus.OPEN:
                return [current], True
        return await self._listed(case), True

    async def _listed(self, case: _Case) -> list[Known]:
        """All conversations of the contact in this inbox, but for the bot's own."""
        if case.bound.is_new:
            return []
        with repeatable():
            listed = await case.side.chatwoot.contact_conversations(case.bound.contact_id)
        before = _stored(case.chat, case.chat.conversation_id or 0)
        inbox = case.side.inbox
        mine = (
            one
            for one in listed
            if one.inbox_id == inbox.inbox_id and not inbox.is_bots(one.id, one.source_id)
        )
        return [_known(one, before) for one in mine]

    async def _look(self, chatwoot: Chatwoot, stored: Known) -> Known | None:
        try:
            with repeatable():
                return _known(await chatwoot.conversation(stored.id), stored)
        except PeerGone:
            return None

    async def _reuse(
        self, case: _Case, known: list[Known], placing: Reuse, *, asked: bool
    ) -> Placed:
        used = next(one for one in known if one.id == placing.id)
        wakes = used.status in ASLEEP and case.situation.origin is Origin.CUSTOMER
        await self._expect(case, used.id, placing.set_status, wakes=wakes)
        if placing.set_status is not None:
            with repeatable():
                now_is = await case.side.chatwoot.toggle_status(placing.id, placing.set_status)
            used = replace(used, status=status_of(now_is))
        if asked:
            await self._bind(case, used, was_set=placing.set_status is not None)
        return Placed(conversation_id=used.id, status=used.status, why=_told(placing, known))

    async def _create(self, case: _Case, known: list[Known], placing: Create) -> Placed:
        side, wanted = case.side, placing.status
        made = await side.chatwoot.create_conversation(
            side.inbox_id, case.bound.contact_id, case.bound.source_id, status=wanted
        )
        if any(one.id == made.id for one in known):
            # Somebody has locked the inbox: Chatwoot gives its last conversation back, unchanged.
            used = _known(made, None)
            await self._bind(case, used)
            why = "Chatwoot says that the inbox is locked to a single conversation"
            return Placed(conversation_id=made.id, status=used.status, why=why)
        status = seen_as(made.status, is_blocked=made.is_blocked, before=None)
        if status is ConversationStatus.RESOLVED and wanted is not status:
            status = ConversationStatus.BLOCKED  # Chatwoot resolves what blocked contacts start
        if placing.insist and status not in (wanted, ConversationStatus.BLOCKED):
            await self._expect(case, made.id, wanted, wakes=False)
            with repeatable():  # an agent bot has it pending
                status = status_of(await side.chatwoot.toggle_status(made.id, wanted))
        if status is ConversationStatus.RESOLVED:
            status = ConversationStatus.UNANSWERED
        await self._bind(case, replace(_known(made, None), status=status))
        return Placed(conversation_id=made.id, status=status, why=_told(placing, known))

    async def _bind(self, case: _Case, used: Known, *, was_set: bool = False) -> None:
        """Keep what was decided; but what a webhook told meanwhile may be newer than we know.

        `was_set`: the status is what we have just set it to.
        """
        now = self._clock.ms()
        chat, source_id = case.chat, case.bound.source_id

        def work(unit: Unit) -> None:
            row = chats.get(unit.db, chat.id)
            known_at = 0.0
            # From here on its webhook tells nothing new.
            own_changes.done(unit, chat.instance_id, used.id, own_changes.status(used.status))
            if row is not None and row.conversation_id == used.id:
                known_at = row.conversation_updated_at
                came = known_at > chat.conversation_updated_at
                if came and known_at > used.updated_at and not was_set:
                    return
            bindings.bind(
                unit.db,
                chat.id,
                source_id=source_id,
                conversation_id=used.id,
                status=used.status,
                assignee_id=used.assignee_id,
                updated_at=_newer(max(known_at, used.updated_at))
                if was_set
                else used.updated_at or known_at,
                fresh_at=now,
                facts=_facts(used),
                person_id=chat.person_id,
            )

        await self._store.write(work)


def _newer(updated_at: float) -> float:
    """What we have set is newer than what we were told, whenever news of that comes."""
    return math.nextafter(updated_at, math.inf) if updated_at else 0


def _is_settled(placing: Placing, known: list[Known], origin: Origin) -> bool:
    """Whether nothing is begun, and no conversation wakes: what we know of them suffices."""
    if isinstance(placing, Create):
        return False
    if isinstance(placing, Skip):
        return True
    wakes = origin is Origin.CUSTOMER and any(one.status in ASLEEP for one in known)
    return placing.set_status is None and not wakes


def _told(placing: Create | Reuse, known: list[Known]) -> str:
    by = f" [{placing.rule}]" if placing.rule else ""
    there = [f"{one.id} {one.status}" for one in sorted(known, key=preference)]
    return f"{placing.why}{by}" + (f"; of {', '.join(there)}" if there else "")


def _stored(chat: ChatRow, conversation_id: int) -> Known:
    return Known(
        id=conversation_id,
        status=status_of(chat.status),
        resolved_at=chat.resolved_at,
        assignee_id=chat.assignee_id,
        team_id=chat.team_id,
        team_name=chat.team_name,
        labels=chat.labels or frozenset(),
    )


def _known(conversation: Conversation, before: Known | None) -> Known:
    """What Chatwoot tells of a conversation; `before`: what we knew of one."""
    same = before if before is not None and before.id == conversation.id else None
    return Known(
        id=conversation.id,
        status=seen_as(
            conversation.status,
            is_blocked=conversation.is_blocked,
            before=same.status if same is not None else None,
        ),
        last_activity=conversation.last_activity_at or 0,
        resolved_at=same.resolved_at if same is not None else None,
        assignee_id=conversation.assignee_id,
        team_id=conversation.team_id,
        team_name=conversation.team_name,
        labels=frozenset(conversation.labels),
        updated_at=conversation.updated_at or 0,
    )


def _facts(known: Known) -> ConversationFacts:
    since = known.resolved_at or round(known.last_activity * 1000) or None
    return ConversationFacts(
        resolved_at=since if known.status in CLOSED else None,
        team_id=known.team_id,
        team_name=known.team_name,
        labels=known.labels,
    )
