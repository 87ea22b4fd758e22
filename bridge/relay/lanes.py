"""Names of lanes: every chat has two, named by destination, and small ones for small things."""

from __future__ import annotations


def to_chatwoot(chat_id: int) -> str:
    return f"chat:{chat_id}:to-chatwoot"


def to_whatsapp(chat_id: int) -> str:
    return f"chat:{chat_id}:to-whatsapp"


def reports(instance_id: str, chat_id: int | None) -> str:
    """Status PATCHes of a chat: nothing small waits behind something slow.

    Those of contacts whom we cannot place share a lane of their instance.
    """
    return f"chat:{chat_id}:reports" if chat_id else f"instance:{instance_id}:reports"


def read_marks(chat_id: int) -> str:
    return f"chat:{chat_id}:read-marks"


def awaited(chat_id: int) -> str:
    """Changes of messages that have not come yet: whatever comes goes past them."""
    return f"chat:{chat_id}:awaited"


def calls(chat_id: int) -> str:
    return f"chat:{chat_id}:calls"


def profiles(chat_id: int) -> str:
    return f"chat:{chat_id}:profile"


def bot_turns(chat_id: int) -> str:
    """Asking Typebot: one call at a time for each chat."""
    return f"chat:{chat_id}:bot"


def bot_timers(chat_id: int) -> str:
    """The end of a session in which nobody says anything."""
    return f"chat:{chat_id}:bot-timer"


def phone_words(chat_id: int) -> str:
    """Finding out who wrote: the phone of our number, or we ourselves."""
    return f"chat:{chat_id}:phone-words"


def announcements(instance_id: str) -> str:
    """What the bot of an instance says in its own conversation."""
    return f"instance:{instance_id}:announcements"


def commands(instance_id: str) -> str:
    """What agents want of a number, as they write it to the bot."""
    return f"instance:{instance_id}:commands"


def drift(instance_id: str) -> str:
    """Comparing Chatwoot's side of an instance with ours."""
    return f"instance:{instance_id}:drift"


def bot_look(instance_id: str) -> str:
    """The name and the logo of the bot contact."""
    return f"instance:{instance_id}:bot-look"


def agent_bots(instance_id: str) -> str:
    """Attaching the agent bot as which flows speak."""
    return f"instance:{instance_id}:agent-bot"


def templates(instance_id: str) -> str:
    """Asking which templates a number may send."""
    return f"instance:{instance_id}:templates"


def merges(instance_id: str) -> str:
    """Planning and doing the merges of a whole account."""
    return f"instance:{instance_id}:merges"


def unbound(instance_id: str, conversation_id: int) -> str:
    """Agents' messages in a conversation whose contact we cannot place."""
    return f"conversation:{instance_id}:{conversation_id}:to-whatsapp"


def is_to_whatsapp(lane: str) -> bool:
    """Also true of the lane of its own in which a job that fails alone goes on."""
    return lane.partition("/")[0].endswith(":to-whatsapp")
