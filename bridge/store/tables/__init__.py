"""All tables. Times are milliseconds since 1970 (UTC); JSON stands in text columns."""

from bridge.store.tables.bots import Typebot, TypebotSettings
from bridge.store.tables.chats import Chat, Contact, IdentityKey, Person
from bridge.store.tables.instances import ChatwootInbox, Instance
from bridge.store.tables.messages import History, Menu, Reaction, Template, Vote
from bridge.store.tables.operations import Audit, Connection, Event, Subscription
from bridge.store.tables.work import Fact, Job, Ledger, Seen, Tally

__all__ = [
    "Audit",
    "Chat",
    "ChatwootInbox",
    "Connection",
    "Contact",
    "Event",
    "Fact",
    "History",
    "IdentityKey",
    "Instance",
    "Job",
    "Ledger",
    "Menu",
    "Person",
    "Reaction",
    "Seen",
    "Subscription",
    "Tally",
    "Template",
    "Typebot",
    "TypebotSettings",
    "Vote",
]
