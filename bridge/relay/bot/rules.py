"""Why no flow speaks, in words: what `ponte why` says behind a rule (docs/typebot.md).

Rules are stored bare. The words are looked up when somebody asks, so they hold for old ones too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The step in the trace of a message that no flow has heard; its detail is the rule.
UNHEARD: Final = "no flow"
_GIVE_BACK: Final = "Resolve the conversation, or make it pending, to give the word back."

#: Each says why, and what to do where something can be done.
_WORDS: Final[Mapping[str, str]] = {
    "bot.no_trigger": "No flow starts with this text.",
    "bot.agent_wrote": f"An agent has written, so people have the word. {_GIVE_BACK}",
    "bot.phone_wrote": f"Somebody wrote on the number's phone: people have the word. {_GIVE_BACK}",
    "bot.assigned": f"The conversation was assigned, so people have the word. {_GIVE_BACK}",
    "bot.opened": f"The conversation was opened, so people have the word. {_GIVE_BACK}",
    "bot.conversation_open": f"The conversation is open, not pending. {_GIVE_BACK}",
    "bot.conversation_snoozed": f"The conversation is snoozed, not pending. {_GIVE_BACK}",
    "bot.human": f"Somebody has written in the conversation, or assigned it. {_GIVE_BACK}",
    "bot.handed_over": f"A flow has ended here, or has given the word to people. {_GIVE_BACK}",
    "bot.failed": f"A flow could not go on here: a private note says why. {_GIVE_BACK}",
    "bot.api": "A program has paused it. POST /typebot/changeStatus with `opened` lets it speak.",
    "bot.conversation_blocked": "The contact is blocked in Chatwoot.",
    "bot.paused": "All flows of the number are paused. `resume bot` in the control room ends that.",
    "bot.ended": "A flow has ended here, and `restart` (or `keepOpen`) forbids another one.",
    "bot.ended_lately": "A flow has ended here, and `restartHours` have not passed yet.",
    "bot.too_old": "It came more than `typebot.newest_minutes` after it was written.",
    "bot.group": "Flows speak in groups only where `groups` is true.",
    "bot.jid_ignored": "`ignoreJids` names the chat.",
    "bot.own_message": "The number's own phone wrote: see `listeningFromMe`.",
    "bot.deleted": "The flow that it was for was deleted.",
    "bot.fault": "An error of Ponte's own; its log has it, and agents have the message.",
    "bot.silenced": "Somebody took the word before its turn came, or the flow ended.",
    "bot.overtaken": "Somebody took the word, or the flow ended, after this was planned.",
    "bot.joined": "The turn of another chat, which is this person's too, has taken it up.",
    "bot.dealt_with": "Another turn has taken it up.",
    "bot.session_over": "The session had ended before, or was renewed.",
    "bot.not_pending": "Somebody went on with the conversation meanwhile.",
}


def told(rule: str | None) -> str | None:
    """What a rule means; None where it is none of a flow's."""
    return _WORDS.get(rule or "")
