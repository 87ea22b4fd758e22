"""Who writes: an agent's name goes with the text, in the way that the inbox has it.

Without options of ours it is Evolution's way: ``*name:*``, the delimiter, the text
(evolution-chatwoot.md 4.5). `signTemplate` is another form of it, `signOnChange` signs only where
somebody else spoke last, `signBots` also what bots write.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from bridge.core.instance import InboxConfig
from bridge.relay.outgoing import AGENT_MESSAGE, AgentMessage
from bridge.store.queries import ledger
from bridge.text.convert import displayed_name, sign

#: Options of an inbox (`InboxConfig.options`).
TEMPLATE: Final = "signTemplate"
ON_CHANGE: Final = "signOnChange"
BOTS: Final = "signBots"

_PLACES: Final = re.compile(r"\{(name|text)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A name, and how it stands with a text."""

    name: str
    delimiter: str | None = None
    template: str | None = None

    def under(self, text: str) -> str:
        """The text with the name. An empty text, or a name without anything to show, stays."""
        name = displayed_name(self.name)
        if not name or not text.strip():
            return text
        if not self.template or "{text}" not in self.template:
            return sign(text, name=self.name, delimiter=self.delimiter)
        # In one go: what looks like a placeholder inside the name or the text is none.
        values = {"name": name, "text": text}
        template = self.template.replace("\\n", "\n")
        return _PLACES.sub(lambda found: values[found[1]], template).strip()


def signs(inbox: InboxConfig | None, message: AgentMessage) -> bool:
    """Whether the message is of those that the inbox signs."""
    if inbox is None or not inbox.sign_msg or message.is_template or not message.sender_name:
        return False
    return message.by_person or (message.by_bot and bool(inbox.options.get(BOTS)))


def signs_on_change(inbox: InboxConfig | None, message: AgentMessage) -> bool:
    """Whether it depends on who spoke last."""
    return inbox is not None and bool(inbox.options.get(ON_CHANGE)) and signs(inbox, message)


def signature_of(inbox: InboxConfig | None, message: AgentMessage) -> Signature | None:
    """The signature of a message; None: it has none."""
    if inbox is None or not signs(inbox, message):
        return None
    if signs_on_change(inbox, message) and message.is_signed is False:
        return None
    template = inbox.options.get(TEMPLATE)
    return Signature(
        name=message.sender_name or "",
        delimiter=inbox.sign_delimiter,
        template=template if isinstance(template, str) else None,
    )


def is_anew(db: sqlite3.Connection, chat_id: int, job_id: int, message: AgentMessage) -> bool:
    """Whether the chat last heard somebody else of our side: another agent, a bot, the phone.

    Of what went out before; a lane works in order, so nothing of it is still to come.
    """
    last = ledger.last_said(db, chat_id, job_id)
    if last is None or last["origin"] == "phone" or not last["payload"]:
        return True
    try:
        before = AGENT_MESSAGE.validate_json(last["payload"])
    except ValidationError:
        return True
    return _speaker(before) != _speaker(message)


def _speaker(message: AgentMessage) -> tuple[bool, bool, int | str | None]:
    return message.by_person, message.by_bot, message.sender_id or message.sender_name
