"""Which contact inbox and conversation of Chatwoot a chat uses, and what is known of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFacts:
    """What rules ask of a conversation. `resolved_at` in ms, if it is resolved."""

    resolved_at: int | None
    team_id: int | None
    team_name: str | None
    labels: Collection[str]


def bind(
    db: sqlite3.Connection,
    chat_id: int,
    *,
    source_id: str | None,
    conversation_id: int | None,
    status: str | None,
    assignee_id: int | None = None,
    updated_at: float = 0,
    fresh_at: int = 0,
    facts: ConversationFacts | None = None,
    person_id: int | None = None,
) -> None:
    """Keep which contact inbox and conversation the chat uses now.

    `facts` None: what is known of the conversation stays, if it is the one of before. `person_id`:
    whose these are; nothing is kept for somebody else, who has got the chat meanwhile.
    """
    resolved_at, team_id, team_name, labels = (None,) * 4 if facts is None else _facts(facts)
    db.execute(
        "UPDATE chat SET source_id=:source_id, conversation_id=:conversation, status=:status,"
        " assignee_id=:assignee_id, conversation_updated_at=:updated_at, fresh_at=:fresh_at,"
        " resolved_at=CASE WHEN :told THEN :resolved_at"
        "  WHEN conversation_id IS :conversation THEN resolved_at END,"
        " team_id=CASE WHEN :told THEN :team_id"
        "  WHEN conversation_id IS :conversation THEN team_id END,"
        " team_name=CASE WHEN :told THEN :team_name"
        "  WHEN conversation_id IS :conversation THEN team_name END,"
        " labels=CASE WHEN :told THEN :labels"
        "  WHEN conversation_id IS :conversation THEN labels END"
        " WHERE id=:id AND person_id=COALESCE(:person, person_id)",
        {
            "id": chat_id,
            "person": person_id,
            "source_id": source_id,
            "conversation": conversation_id,
            "status": status,
            "assignee_id": assignee_id,
            "updated_at": updated_at,
            "fresh_at": fresh_at,
            "told": facts is not None,
            "resolved_at": resolved_at,
            "team_id": team_id,
            "team_name": team_name,
            "labels": labels,
        },
    )


def posted(db: sqlite3.Connection, chat_id: int, *, opens: bool, now: int) -> None:
    """A message from WhatsApp stands in the conversation; a customer's `opens` it."""
    db.execute(
        # What was found to be doubtful meanwhile stays so.
        "UPDATE chat SET fresh_at=CASE WHEN fresh_at=0 THEN 0 ELSE MAX(fresh_at, ?) END,"
        # Chatwoot opened it by itself; its webhook will say so, or say better.
        " status=CASE WHEN ? AND status IN ('resolved','snoozed','unanswered')"
        "  THEN 'open' ELSE status END,"
        " resolved_at=CASE WHEN ? AND status IN ('resolved','snoozed','unanswered')"
        "  THEN NULL ELSE resolved_at END"
        " WHERE id=?",
        (now, opens, opens, chat_id),
    )


def status_was_set(
    db: sqlite3.Connection,
    chat_id: int,
    conversation_id: int,
    status: str,
    *,
    updated_at: float,
) -> None:
    """We have set the status of the bound conversation, as of Chatwoot's `updated_at`."""
    resolved_at = round(updated_at * 1000) if status == "resolved" else None
    db.execute(
        "UPDATE chat SET status=?, resolved_at=?, conversation_updated_at=?"
        " WHERE id=? AND conversation_id=? AND conversation_updated_at<=?",
        (status, resolved_at, updated_at, chat_id, conversation_id, updated_at),
    )


def news(
    db: sqlite3.Connection,
    chat_id: int,
    *,
    conversation_id: int,
    status: str,
    assignee_id: int | None,
    updated_at: float,
    facts: ConversationFacts,
    fresh_at: int,
) -> bool:
    """Take over what a webhook tells of the bound conversation, unless it is old news."""
    told = (status, assignee_id, updated_at, *_facts(facts))
    cursor = db.execute(
        "UPDATE chat SET status=?, assignee_id=?, conversation_updated_at=?, resolved_at=?,"
        " team_id=?, team_name=?, labels=?, fresh_at=?"
        " WHERE id=? AND conversation_id=? AND conversation_updated_at <= ?"
        " AND (status, assignee_id, conversation_updated_at, resolved_at, team_id, team_name,"
        " labels) IS NOT (?,?,?,?,?,?,?)",
        (*told, fresh_at, chat_id, conversation_id, updated_at, *told),
    )
    return cursor.rowcount == 1


def make_stale(db: sqlite3.Connection, instance_id: str) -> None:
    """Have Chatwoot asked about each conversation of an instance before its next use."""
    db.execute("UPDATE chat SET fresh_at=0 WHERE instance_id=? AND fresh_at<>0", (instance_id,))


def _facts(facts: ConversationFacts) -> tuple[int | None, int | None, str | None, str]:
    labels = orjson.dumps(sorted(facts.labels)).decode()
    return facts.resolved_at, facts.team_id, facts.team_name, labels
