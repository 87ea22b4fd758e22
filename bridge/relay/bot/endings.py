"""The end of a flow becomes a job: what agents are told, and what becomes of the conversation.

The job waits in the chat's lane to Chatwoot, behind the mirrors of all that the flow said.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from pydantic import TypeAdapter

from bridge.core.conversation import ConversationStatus
from bridge.core.flow import Ending, Status
from bridge.core.handoff import How
from bridge.engine.queue import NewJob, Queue, Road
from bridge.relay import lanes
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.memory import memory_of
from bridge.relay.bot.talks import ENDING
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What a job is to do.

    `noted`: the conversation in which the note stands already. `shared`: somebody of ours had
    written before, which this flow did not mind.
    """

    flow: str
    how: How
    ending: Ending
    why: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    noted: int | None = None
    shared: bool = False


FINISH: TypeAdapter[Finish] = TypeAdapter(Finish)


class Endings:
    """All methods are part of the caller's unit. Without Chatwoot there is nothing to do."""

    def __init__(self, queue: Queue, shelf: Shelf) -> None:
        self._queue = queue
        self._shelf = shelf

    def ended(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        ending: Ending,
        now: int,
        *,
        how: How = How.ENDED,
    ) -> None:
        """`talk` still has its memory."""
        self._add(unit, entry, chat, talk, now, ending=ending, how=how)

    def failed(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, why: str, now: int
    ) -> None:
        """`why` is a sentence for agents: what failed, and what helps."""
        ending = Ending(status=Status.OPEN)
        self._add(unit, entry, chat, talk, now, ending=ending, how=How.FAILED, why=why)

    def taken(self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, now: int) -> None:
        """Have a conversation opened in which an agent has answered while it was pending.

        Nobody would look at it otherwise, and the flow is silent there.
        """
        if chat.status == ConversationStatus.PENDING:
            ending = Ending(status=Status.OPEN)
            self._add(unit, entry, chat, talk, now, ending=ending, how=How.TAKEN)

    def _add(
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        now: int,
        *,
        ending: Ending,
        how: How,
        why: str = "",
    ) -> None:
        if entry.side is None:
            return
        finish = Finish(
            flow=self._name(unit, entry, talk),
            how=how,
            ending=ending,
            why=why,
            answers=memory_of(talk).answers,
            shared=talk.state.human,
        )
        self._queue.add(
            unit,
            NewJob(
                kind=ENDING,
                lane=lanes.to_chatwoot(chat.id),
                road=Road.INTERNAL,
                peer=entry.chatwoot_peer,
                account=entry.chatwoot_account,
                payload=orjson.dumps(finish, default=str),
                now=now,
                instance_id=entry.id,
                chat_id=chat.id,
            ),
        )

    def _name(self, unit: Unit, entry: Entry, talk: TalkRow) -> str:
        """The flow as its owner calls it, else by its public name."""
        stored = self._shelf.of(unit.db, entry.id).one(talk.bot_id)
        if stored is None:
            return talk.typebot or ""
        return stored.bot.description or stored.bot.typebot
