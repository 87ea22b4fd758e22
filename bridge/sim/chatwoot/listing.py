"""Finding conversations: the list and the filter (chatwoot-api.md 1.7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.sim.chatwoot.calls import Call, as_int
from bridge.sim.chatwoot.contact_routes import names
from bridge.sim.chatwoot.records import STATUSES, Conversation, Json
from bridge.sim.chatwoot.refusals import unprocessable

_KEYS = (
    "status",
    "assignee_id",
    "inbox_id",
    "team_id",
    "priority",
    "display_id",
    "labels",
    "created_at",
    "last_activity_at",
)


def visible(call: Call) -> Iterable[Conversation]:
    """Every conversation that the caller sees, by the narrowest index that the query allows."""
    world, params = call.world, call.params
    inbox_id, source_id = params.get("inbox_id"), params.get("source_id")
    rows: Iterable[Conversation] = world.conversations.values()
    if source_id and inbox_id:
        held = world.by_source.get((as_int(inbox_id), str(source_id)))
        rows = [] if held is None else held.conversations
    elif source_id:
        rows = (row for row in rows if row.contact_inbox.source_id == source_id)
    elif inbox_id:
        rows = (row for row in rows if row.inbox_id == as_int(inbox_id))
    return (row for row in rows if call.sees(row.inbox))


def listed(call: Call) -> list[Conversation]:
    """What the query asks for, but for assignee and page, in its order."""
    params = call.params
    status = params.get("status") or "open"
    rows = [row for row in visible(call) if status in ("all", row.status)]
    if params.get("labels"):
        wanted = set(names(params["labels"]))
        rows = [row for row in rows if wanted & set(row.labels)]
    if params.get("team_id"):
        team = as_int(params["team_id"])
        rows = [row for row in rows if row.team is not None and row.team.id == team]
    if params.get("q"):
        words = str(params["q"]).lower()
        rows = [row for row in rows if _speaks_of(row, words)]
    if params.get("updated_within"):
        since = call.world.now() - as_int(params["updated_within"])
        rows = [row for row in rows if max(row.updated_at, row.last_activity_at) > since]
    return _sorted(rows, str(params.get("sort_by") or "last_activity_at_desc"))


def _sorted(rows: list[Conversation], sort: str) -> list[Conversation]:
    column, _, direction = sort.rpartition("_")
    if column == "created_at":
        return sorted(rows, key=lambda r: (r.created_at, r.id), reverse=direction == "desc")
    if column == "waiting_since":
        return sorted(rows, key=lambda r: r.waiting_since or 0, reverse=direction == "desc")
    return sorted(rows, key=lambda r: (r.last_activity_at, r.id), reverse=direction != "asc")


def _speaks_of(row: Conversation, words: str) -> bool:
    return any(words in (message.content or "").lower() for message in row.messages)


def counts(call: Call, rows: list[Conversation]) -> Json:
    mine = sum(1 for row in rows if row.assignee is not None and row.assignee is call.actor)
    assigned = sum(1 for row in rows if row.assignee is not None)
    return {
        "mine_count": mine,
        "assigned_count": assigned,
        "unassigned_count": len(rows) - assigned,
        "all_count": len(rows),
    }


def of_assignee(call: Call, rows: list[Conversation]) -> list[Conversation]:
    match call.params.get("assignee_type"):
        case "me":
            return [row for row in rows if row.assignee is call.actor]
        case "unassigned":
            return [row for row in rows if row.assignee is None]
        case "assigned":
            return [row for row in rows if row.assignee is not None]
        case _:
            return rows


def filtered(call: Call, given: Any) -> list[Conversation]:
    """The conversations that the clauses name; AND binds before OR."""
    clauses = given if isinstance(given, list) else []
    rows = [row for row in call.world.conversations.values() if call.sees(row.inbox)]
    groups: list[list[Json]] = [[]]
    for clause in clauses:
        if not isinstance(clause, dict) or clause.get("attribute_key") not in _KEYS:
            key = clause.get("attribute_key") if isinstance(clause, dict) else clause
            raise unprocessable(
                f"Invalid attribute key - [{key}]. The key should be one of [{','.join(_KEYS)}]"
                " or a custom attribute defined in the account."
            )
        groups[-1].append(clause)
        if str(clause.get("query_operator") or "").upper() == "OR":
            groups.append([])
    kept = [row for row in rows if any(all(_holds(row, c) for c in group) for group in groups)]
    return _sorted(kept, "last_activity_at_desc")


def _holds(row: Conversation, clause: Json) -> bool:
    values = clause.get("values")
    wanted = {str(value) for value in (values if isinstance(values, list) else [values])}
    key = str(clause["attribute_key"])
    if key == "status" and "all" in wanted:
        wanted = set(STATUSES)
    held = _held(row, key)
    match clause.get("filter_operator"):
        case "equal_to" | "contains":
            return bool(held & wanted)
        case "not_equal_to" | "does_not_contain":
            return not held & wanted
        case "is_present":
            return bool(held)
        case "is_not_present":
            return not held
        case operator:
            raise unprocessable(f"Invalid operator. [{operator}]")


def _held(row: Conversation, key: str) -> set[str]:
    match key:
        case "assignee_id":
            return set() if row.assignee is None else {str(row.assignee.id)}
        case "team_id":
            return set() if row.team is None else {str(row.team.id)}
        case "display_id":
            return {str(row.id)}
        case "labels":
            return set(row.labels)
        case _:
            value = getattr(row, key)
            return set() if value is None else {str(value)}
