"""All tables. Times are milliseconds since 1970 (UTC); JSON stands in text columns."""

from bridge.store.tables.bots import PendingTurn, Talk, Typebot, TypebotSettings
from bridge.store.tables.chats import (
    Chat,
    Contact,
    ContactMerge,
    IdentityKey,
    IdentityLink,
    MergePlan,
    OtherContact,
    Person,
    Room,
)
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
    "ContactMerge",
    "Event",
    "Fact",
    "History",
    "IdentityKey",
    "IdentityLink",
    "Instance",
    "Job",
    "Ledger",
    "Menu",
    "MergePlan",
    "OtherContact",
    "PendingTurn",
    "Person",
    "Reaction",
    "Room",
    "Seen",
    "Subscription",
    "Talk",
    "Tally",
    "Template",
    "Typebot",
    "TypebotSettings",
    "Vote",
]
