"""The few Liquid variables that Chatwoot puts into outgoing texts (chatwoot-api.md 4.3)."""

from __future__ import annotations

import re

from bridge.sim.chatwoot.records import Author, Conversation, User

_LIQUID = re.compile(r"{{-?\s*([\w.]*)[^{}]*}}")


def liquid(text: str, chat: Conversation, sender: Author) -> str:
    """Render the few variables; unknown ones vanish, errors leave the text alone (4.3)."""
    if "{" not in text or "{%" in text:
        return text
    spoken = {
        "contact.name": chat.contact.name,
        "contact.phone_number": chat.contact.phone_number,
        "contact.email": chat.contact.email,
        "agent.name": sender.name if isinstance(sender, User) else None,
        "inbox.name": chat.inbox.name,
        "conversation.display_id": chat.id,
    }
    parts = re.split(r"(`[^`]*`)", text)
    for index in range(0, len(parts), 2):
        parts[index] = _LIQUID.sub(lambda found: str(spoken.get(found[1]) or ""), parts[index])
    rendered = "".join(parts)
    return text if "{{" in "".join(parts[::2]) else rendered
