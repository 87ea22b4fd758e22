"""Who somebody is and how we know: keys, the events that linked them, contacts and chats."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from bridge.clock import utc
from bridge.core.identity_graph import PORTFOLIO, TOLD
from bridge.core.phone import Kind, from_channel
from bridge.relay.trace import Readable
from bridge.store.queries import links, whois

#: What may stand for a Chatwoot contact has so many digits at most: more make a number.
_LONGEST_CONTACT = 9


async def who(store: Readable, asked: str) -> list[dict[str, Any]]:
    """Everybody whom a number, JID, LID, BSUID or Chatwoot contact id may mean, in all accounts."""
    keys, contact_id = _meant(asked.strip())

    def read(db: sqlite3.Connection) -> list[dict[str, Any]]:
        found = [_portrait(db, one) for one in whois.persons(db, keys, contact_id)]
        return [one for one in found if one]

    return await store.read(read)


def _meant(asked: str) -> tuple[list[str], int | None]:
    """The keys that this may be, and the contact."""
    contact = asked.removeprefix("contact:")
    is_number = contact.isascii() and contact.isdigit()
    contact_id = int(contact) if is_number and len(contact) <= _LONGEST_CONTACT else None
    subject = from_channel(asked)
    found = [asked, f"bsuid:{asked}", f"group:{asked}"]
    if is_number:
        found.append(f"lid:{asked}")
    if subject.key is not None:
        found.append(f"phone:{subject.key}" if subject.kind is Kind.PHONE else subject.key)
        if subject.kind is Kind.GROUP:
            found.append(f"{subject.key}@g.us")
    if asked.startswith("phone:"):
        digits = from_channel(asked.removeprefix("phone:"))
        found.append(f"phone:{digits.key}")
    return found, contact_id


def _portrait(db: sqlite3.Connection, person_id: int) -> dict[str, Any] | None:
    person = whois.person(db, person_id)
    if person is None:
        return None
    scope = person["scope"]
    keys = whois.keys(db, scope, person_id)
    contact, others = whois.contacts(db, scope, person_id)
    return {
        "person": person_id,
        "account": scope,
        "since": _at(person["created_at"]),
        "keys": [
            {"key": one["key"], "since": _at(one["learnt_at"]), "evidence": one["evidence"]}
            for one in keys
        ],
        "links": _links(db, scope, [one["key"] for one in keys]),
        "merged_from": [
            {"person": one["id"], "since": _at(one["created_at"])}
            for one in whois.merged_into(db, person_id)
        ],
        "contact": contact,
        "other_contacts": others,
        "merges": [
            {
                "base": one["base_id"],
                "merged": one["mergee_id"],
                "state": one["state"],
                "why": one["why"],
                "at": _at(one["ended_at"] or one["created_at"]),
            }
            for one in whois.merges(db, scope, person_id)
        ],
        "chats": [_chat(row) for row in whois.chats(db, person_id)],
    }


def _links(db: sqlite3.Connection, scope: str, keys: list[str]) -> list[dict[str, Any]]:
    """`is_theirs` False: the other key is somebody else's by now."""
    if not keys:
        return []
    return [
        {
            "one": row["one"],
            "other": row["other"],
            "evidence": row["evidence"],
            "first": _at(row["first_at"]),
            "is_theirs": row["one"] in keys
            and (row["other"] in keys or row["other"].startswith((PORTFOLIO, TOLD))),
        }
        for row in links.of_keys(db, scope, keys)
    ]


def _chat(row: sqlite3.Row) -> dict[str, Any]:
    party = orjson.loads(row["party"])
    return {
        "chat": row["id"],
        "instance": row["name"],
        "conversation": row["conversation_id"],
        "status": row["status"],
        "address": {
            name: party[name]
            for name in ("wa_id", "lid", "bsuid", "group", "name")
            if party.get(name)
        },
        "last_wrote": _at(row["last_inbound_at"]),
    }


def _at(ms: int | None) -> str | None:
    return utc(ms).isoformat(timespec="milliseconds") if ms else None
