"""What we change in a conversation ourselves comes back as a webhook, and is no human's doing.

So it is written down before each such call, and its webhook takes it away again.
"""

from __future__ import annotations

from typing import Final

from bridge.store.engine import Unit
from bridge.store.queries import seen

#: So long (ms) a webhook may take: what comes later is somebody else's doing.
TEN_MINUTES: Final = 600_000


def status(word: str) -> str:
    return f"status:{word}"


def assignee(agent_id: int) -> str:
    return f"assignee:{agent_id}"


def expect(unit: Unit, instance_id: str, conversation_id: int, what: str, now: int) -> None:
    """We are about to make a change."""
    seen.renew(unit.db, _key(instance_id, conversation_id, what), now)


def is_ours(unit: Unit, instance_id: str, conversation_id: int, what: str, now: int) -> bool:
    """Whether we made this change; asked once of each."""
    since = seen.take(unit.db, _key(instance_id, conversation_id, what))
    return since is not None and now - since < TEN_MINUTES


def done(unit: Unit, instance_id: str, conversation_id: int, what: str) -> None:
    """The change is in our books: what a webhook tells of it now is nothing new."""
    seen.take(unit.db, _key(instance_id, conversation_id, what))


def _key(instance_id: str, conversation_id: int, what: str) -> str:
    return f"expected:{instance_id}:{conversation_id}:{what}"
