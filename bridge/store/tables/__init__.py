"""All tables. Times are milliseconds since 1970 (UTC); JSON stands in text columns."""

from bridge.store.tables.chats import Chat, Contact, IdentityKey, Person
from bridge.store.tables.instances import ChatwootInbox, Instance
from bridge.store.tables.work import Fact, Job, Ledger, Seen, Tally

__all__ = [
    "Chat",
    "ChatwootInbox",
    "Contact",
    "Fact",
    "IdentityKey",
    "Instance",
    "Job",
    "Ledger",
    "Person",
    "Seen",
    "Tally",
]
