"""What follows from a flow's transitions, as `talks` has it done in the unit of the signal."""

from __future__ import annotations

from typing import Protocol

from bridge.core.flow import Ending
from bridge.core.handoff import How
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow


class Follows(Protocol):
    """Who deals with the end of a flow and tells of transitions, as part of the unit."""

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
        """A flow has ended: have its ending done. `talk` still has its memory."""
        ...

    def failed(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, why: str, now: int
    ) -> None:
        """A flow cannot go on: have the conversation opened, with a note. `why` is a sentence."""
        ...

    def taken(self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, now: int) -> None:
        """An agent has taken the word where conversations begin as pending: let it be seen."""
        ...

    def changed(  # noqa: PLR0917
        self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow, status: str, now: int
    ) -> None:
        """The session is opened, paused or closed now; `delete`: it is gone."""
        ...
