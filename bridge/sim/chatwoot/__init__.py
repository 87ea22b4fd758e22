"""A stand-in of Chatwoot: an API-channel inbox over real HTTP, with state in memory.

It imitates what `chatwoot-api.md` chapter 8 lists, for versions from 4.2 on, and imports nothing
of the bridge: it stands in for a foreign program.
"""

from bridge.sim.chatwoot.faults import Fault, Faults
from bridge.sim.chatwoot.records import (
    AgentBot,
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Message,
    Team,
    User,
    Webhook,
)
from bridge.sim.chatwoot.refusals import Refused
from bridge.sim.chatwoot.server import Requests, Seen
from bridge.sim.chatwoot.sim import ChatwootSim
from bridge.sim.chatwoot.webhooks import Delivery, Webhooks
from bridge.sim.chatwoot.wire import signature

__all__ = [
    "AgentBot",
    "Attachment",
    "ChatwootSim",
    "Contact",
    "ContactInbox",
    "Conversation",
    "Delivery",
    "Fault",
    "Faults",
    "Inbox",
    "Message",
    "Refused",
    "Requests",
    "Seen",
    "Team",
    "User",
    "Webhook",
    "Webhooks",
    "signature",
]
