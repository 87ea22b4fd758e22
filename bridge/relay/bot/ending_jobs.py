"""A flow is over: its note, attributes, labels, team and agent, and at last the status.

Every step can be run twice. The note is posted once, and known by our `source_id` after an unknown
outcome. What Chatwoot refuses for good is left out: nothing keeps the conversation from humans.
What we change is no human's doing when its webhook comes (`own_changes`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import orjson
import structlog

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Conversation, Message
from bridge.clock import Clock
from bridge.core.conversation import CLOSED, ConversationStatus, Origin, status_of
from bridge.core.flow import Status
from bridge.core.handoff import How, Phase
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, Outcome
from bridge.errors import PeerGone, PeerRefused
from bridge.relay.bot import own_changes
from bridge.relay.bot.automatic_assignment import opened_here
from bridge.relay.bot.ending_people import Wanted, wanted_of
from bridge.relay.bot.ending_texts import attributes, labels, note
from bridge.relay.bot.endings import FINISH, Finish
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.healing import repeatable
from bridge.relay.notes import harmless
from bridge.relay.posting import Posting, ready
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats, jobs, talks
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

#: Chatwoot's words for what a flow may want.
STATUS: Final = {
    Status.OPEN: ConversationStatus.OPEN,
    Status.PENDING: ConversationStatus.PENDING,
    Status.RESOLVED: ConversationStatus.RESOLVED,
}


class EndingJobs:
    """Runs `bot_ending` jobs."""

    def __init__(
        self, *, store: Store, directory: Directory, posting: Posting, clock: Clock
    ) -> None:
        self._store = store
        self._directory = directory
        self._posting = posting
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return reached
        entry, side = reached
        if side.inbox.predates(job.accepted_at):
            return Ignored(rule="chatwoot.moved", reason="It was about another inbox.")
        chat = await self._store.read(lambda db: chats.surviving(db, job.chat_id or 0))
        if chat is None:
            return Ignored(rule="chat.gone", reason="The chat was deleted.")
        finish = FINISH.validate_json(job.payload)
        if finish.how is How.TAKEN:
            return await self._open(job, side, chat)
        with repeatable():
            wanted = await wanted_of(side.chatwoot, finish.ending)
        place = finish.noted
        if place is None and _is_nothing_to_tell(finish, wanted):
            place = chat.conversation_id
            if place is None:
                return Delivered()
        if place is None:
            noted = await self._note_unless_refused(job, entry, side, chat, finish, wanted)
            if not isinstance(noted, int):
                return noted
            place = noted
        try:
            with repeatable():
                await self._change(job, side, chat, finish, wanted, place)
        except PeerGone:
            return Ignored(rule="chatwoot.conversation_gone", reason="It was deleted in Chatwoot.")
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _open(self, job: Job, side: Side, chat: ChatRow) -> Outcome:
        """Let a pending conversation be seen in which an agent has answered."""
        if chat.conversation_id is None:
            return Ignored(rule="chatwoot.conversation_gone", reason="There is none any more.")
        try:
            with repeatable():
                now_is = await side.chatwoot.conversation(chat.conversation_id)
                if status_of(now_is.status) is not ConversationStatus.PENDING:
                    return Ignored(rule="bot.not_pending", reason="Somebody has gone on meanwhile.")
                why = await self._status(
                    side.chatwoot, chat, now_is, Status.OPEN, since=job.accepted_at
                )
        except PeerGone:
            return Ignored(rule="chatwoot.conversation_gone", reason="It was deleted in Chatwoot.")
        job.steps.append((self._clock.ms(), "taken", why))
        return Delivered()

    async def _note_unless_refused(  # noqa: PLR0917
        self, job: Job, entry: Entry, side: Side, chat: ChatRow, finish: Finish, wanted: Wanted
    ) -> int | Outcome:
        """The same as `_note`; what Chatwoot does not take as a note is left out."""
        try:
            return await self._note(job, entry, side, chat, finish, wanted)
        except PeerRefused as error:
            now_is = await self._store.read(lambda db: chats.surviving(db, chat.id))
            if now_is is None or now_is.conversation_id is None:
                raise
            self._left_out(job, "note", error)
            return now_is.conversation_id

    async def _note(  # noqa: PLR0917
        self, job: Job, entry: Entry, side: Side, chat: ChatRow, finish: Finish, wanted: Wanted
    ) -> int | Outcome:
        """The conversation in which the note stands, once it does."""
        source = f"PONTE:ending:{job.id}"
        if job.is_suspect:
            found = await self._posting.proved(job, side, source, chat)
            if isinstance(found, Again):
                return found
            if found is not None:
                return await self._noted(job, finish, found.conversation_id)
        text = note(
            entry.language,
            how=finish.how,
            flow=finish.flow,
            why=finish.why,
            answers=finish.answers,
            words=finish.ending.note,
            unknown=wanted.unknown,
        )

        async def post(conversation_id: int) -> Message:
            return await side.chatwoot.create_message(
                conversation_id,
                content=harmless(text),
                message_type="outgoing",
                private=True,
                source_id=source,
            )

        posted = await self._posting.into(job, entry, side, chat, post, origin=Origin.BOT)
        if isinstance(posted, Ignored):
            return posted
        return await self._noted(job, finish, posted.conversation_id)

    async def _noted(self, job: Job, finish: Finish, conversation_id: int) -> int:
        """Keep that the note stands, so that a later failure does not post it again."""
        payload = orjson.dumps(replace(finish, noted=conversation_id), default=str)
        await self._store.write(lambda unit: jobs.set_payload(unit.db, job.id, payload))
        return conversation_id

    async def _change(  # noqa: PLR0917
        self, job: Job, side: Side, chat: ChatRow, finish: Finish, wanted: Wanted, place: int
    ) -> None:
        chatwoot, ending = side.chatwoot, finish.ending
        now_is = await chatwoot.conversation(place)
        steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("attributes", partial(self._attributes, chatwoot, now_is, finish)),
            ("labels", partial(self._labels, chatwoot, now_is, ending.labels)),
            ("assignment", partial(self._assign, chatwoot, chat, now_is, finish, wanted)),
        )
        for what, step in steps:
            try:
                await step()
            except PeerRefused as error:
                self._left_out(job, what, error)
        why = await self._status(chatwoot, chat, now_is, ending.status, since=job.accepted_at)
        job.steps.append((self._clock.ms(), "ended", why))

    def _left_out(self, job: Job, what: str, error: PeerRefused) -> None:
        job.steps.append((self._clock.ms(), "left out", f"{what}: {error}"))
        log.warning("ending.left_out", what=what, cause=error.cause)

    async def _attributes(self, chatwoot: Chatwoot, now_is: Conversation, finish: Finish) -> None:
        """The others stay; Chatwoot replaces all of them at once (chatwoot-api.md 1.7)."""
        ours = attributes(finish.how, finish.flow, finish.ending.attributes)
        both = {**now_is.custom_attributes, **ours}
        if both != now_is.custom_attributes:
            await chatwoot.set_conversation_attributes(now_is.id, both)

    async def _labels(
        self, chatwoot: Chatwoot, now_is: Conversation, wanted: Sequence[str]
    ) -> None:
        new = labels(wanted)
        if not new:
            return
        there = await chatwoot.conversation_labels(now_is.id)
        if not set(new) <= set(there):
            both = list(dict.fromkeys((*there, *new)))
            await chatwoot.set_conversation_labels(now_is.id, both)

    async def _assign(
        self,
        chatwoot: Chatwoot,
        chat: ChatRow,
        now_is: Conversation,
        finish: Finish,
        wanted: Wanted,
    ) -> None:
        """Nobody loses a conversation that they have taken, or dealt with, since the flow ended."""
        talk = await self._store.read(lambda db: talks.get(db, chat.id))
        has_come = talk is not None and talk.state.human and not finish.shared
        if has_come or (talk is not None and talk.state.phase is Phase.IDLE):
            return
        if wanted.team is not None and now_is.team_id != wanted.team:
            await chatwoot.assign_team(now_is.id, wanted.team)
        if wanted.agent is not None and now_is.assignee_id != wanted.agent:
            await self._expect(chat, now_is.id, own_changes.assignee(wanted.agent))
            await chatwoot.assign(now_is.id, wanted.agent)

    async def _status(
        self, chatwoot: Chatwoot, chat: ChatRow, now_is: Conversation, status: Status, *, since: int
    ) -> str:
        """Set the status, unless somebody has gone on meanwhile; says what was done."""
        word = STATUS.get(status)
        if word is None or status_of(now_is.status) is word:
            return f"the conversation stays {now_is.status}"
        went_on = await self._went_on(chat, now_is, status, since)
        if went_on is not None:
            return f"the conversation stays {now_is.status}: {went_on}"
        await self._expect(chat, now_is.id, own_changes.status(word))
        await chatwoot.toggle_status(now_is.id, word)
        # Webhooks of what was changed before may come later: by its moment they are old news.
        after = await chatwoot.conversation(now_is.id)
        is_now = status_of(after.status)

        def kept(unit: Unit) -> None:
            if is_now is word and after.updated_at is not None:
                bindings.status_was_set(
                    unit.db, chat.id, now_is.id, is_now, updated_at=after.updated_at
                )
                own_changes.done(unit, chat.instance_id, now_is.id, own_changes.status(is_now))

        await self._store.write(kept)
        return f"the conversation is {is_now}"

    async def _expect(self, chat: ChatRow, conversation_id: int, what: str) -> None:
        now = self._clock.ms()

        def work(unit: Unit) -> None:
            own_changes.expect(unit, chat.instance_id, conversation_id, what, now)
            if what == own_changes.status(ConversationStatus.OPEN):
                opened_here(unit, chat.instance_id, conversation_id, now)

        await self._store.write(work)

    async def _went_on(
        self, chat: ChatRow, now_is: Conversation, status: Status, since: int
    ) -> str | None:
        """A flow runs again, or a human has come whose conversation is not to be taken away.

        Who has resolved it since the flow ended has dealt with it; that may not be told yet.
        """
        known, talk = await self._store.read(
            lambda db: (chats.surviving(db, chat.id), talks.get(db, chat.id))
        )
        if known is not None and known.conversation_id == now_is.id:
            was_closed = known.status in CLOSED
            if not was_closed and status_of(now_is.status) is ConversationStatus.RESOLVED:
                return "somebody has resolved it"
        if talk is None:
            return None
        if talk.state.is_live:
            return "a flow runs in it again"
        if status is Status.OPEN:
            return "the word was given back" if talk.state.phase is Phase.IDLE else None
        pause = talk.state.pause
        if talk.state.phase is not Phase.PAUSED or pause is None:
            return None
        return "a human has the word" if pause.since > since else None


def _is_nothing_to_tell(finish: Finish, wanted: Wanted) -> bool:
    """The conversation stays as it is, and nobody said anything that an agent need read."""
    said = finish.answers or finish.ending.note or wanted.unknown
    return not said and finish.how is How.ENDED and finish.ending.status is Status.KEEP
