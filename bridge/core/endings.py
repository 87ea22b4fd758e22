"""What is done with a conversation when a flow is over, put together of several wishes. Pure."""

from __future__ import annotations

from typing import Final

from bridge.core.flow import Ending, Status

#: A flow may say something of its end with each answer: so much of it is kept.
MOST_ATTRIBUTES: Final = 50
MOST_LABELS: Final = 50
LONGEST_NOTE: Final = 4096


def both(first: Ending | None, second: Ending | None) -> Ending | None:
    """Two endings as one; where they differ, the second counts. `KEEP` says nothing of a status."""
    if first is None or second is None:
        return second or first
    notes = dict.fromkeys(note for note in (first.note, second.note) if note)
    return Ending(
        status=first.status if second.status is Status.KEEP else second.status,
        team=second.team or first.team,
        agent=second.agent or first.agent,
        labels=tuple(dict.fromkeys((*first.labels, *second.labels)))[:MOST_LABELS],
        attributes=dict(list({**first.attributes, **second.attributes}.items())[:MOST_ATTRIBUTES]),
        note="\n".join(notes)[:LONGEST_NOTE] or None,
    )
