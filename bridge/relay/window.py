"""The 24-hour window: so long after a person's last message anything may be sent to them.

Afterwards only approved templates may (whatsapp-channels.md A.9), and agents learn so at once,
with the names of some, instead of from WhatsApp later. WhatsApp counts from its own time of the
person's message or call, which is what we keep; only our clock may differ from its. So a message
goes out for `MARGIN_MS` longer: within that WhatsApp decides, and if it refuses, the agent reads
the same text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.clock import Clock
from bridge.locale import failure, say
from bridge.relay.directory import Entry
from bridge.relay.outgoing import Part, TemplatePart
from bridge.store.queries import templates
from bridge.store.queries.chats import ChatRow

CLOSED = "whatsapp.window"
#: Servers keep their clocks within seconds; two minutes too many cost a call, not a message.
MARGIN_MS = 120_000
HOUR_MS = 3600 * 1000
#: So many templates are named, and so long (characters) may a red mark be: Chatwoot shows it as
#: a tooltip. What is longer goes into a note.
MOST_NAMED = 10
LONGEST_MARK = 255
#: Of a template's name in that list; longer ones are cut.
LONGEST_NAME = 100
#: Causes whose reason is in the agent's language already, since it names a limit or a type
#: (`relay.uploads`).
_IN_WORDS = frozenset({"attachment.too_big", "attachment.type"})


class Window:
    """Says what may be sent to whom now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def refusal(self, entry: Entry, chat: ChatRow, parts: Sequence[Part]) -> tuple[str, str] | None:
        """The code and the reason why these parts cannot be sent now; None: they can.

        We do not know of messages from before the number was connected here: where nobody is known
        to have written, a number that has been here for as long as a window lasts counts as
        closed, and of a younger one WhatsApp decides.
        """
        hours = entry.channel.capabilities.window_hours
        if hours is None or all(isinstance(part, TemplatePart) for part in parts):
            return None
        since = chat.last_inbound_at or entry.instance.created_at
        if self._clock.ms() - since <= hours * HOUR_MS + MARGIN_MS:
            return None
        return CLOSED, f"The person last wrote more than {hours} hours ago."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an agent is told of a failure; `note` is what is too long for the red mark."""

    mark: str
    note: str | None = None


def told(  # noqa: PLR0917
    db: sqlite3.Connection,
    instance_id: str,
    language: str,
    cause: str,
    reason: str,
    values: Mapping[str, str] | None = None,
) -> Told:
    """Why a message was not sent, for people; of a closed window with what may be sent instead.

    `values` are those of the text of `cause`. Where there is none, `reason` is told as it is: what
    WhatsApp says of a rare failure, in its own words.
    """
    other = reason if cause in _IN_WORDS else say(language, "failure.other", reason=reason)
    text = failure(language, cause, other, values)
    if cause != CLOSED:
        return Told(mark=text)
    found = templates.some(db, instance_id, MOST_NAMED)
    if not found:
        return Told(mark=text)
    names = ", ".join(f"{name[:LONGEST_NAME]} ({locale})" for name, locale in found)
    more = templates.count(db, instance_id) - len(found)
    if more > 0:
        names = say(language, "failure.whatsapp.window_more", names=names, count=more)
    whole = say(language, "failure.whatsapp.window_templates", failure=text, names=names)
    if len(whole) <= LONGEST_MARK:
        return Told(mark=whole)
    return Told(mark=say(language, "failure.whatsapp.window_note", failure=text), note=whole)
