"""Finding contacts: search, and the filter language (chatwoot-api.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bridge.sim.chatwoot.records import Contact, Json
from bridge.sim.chatwoot.refusals import unprocessable
from bridge.sim.chatwoot.world import World

_KEYS = (
    "name",
    "phone_number",
    "email",
    "identifier",
    "country_code",
    "city",
    "company",
    "labels",
    "created_at",
    "last_activity_at",
    "blocked",
)
_SORTS: dict[str, Callable[[Contact], Any]] = {
    "name": lambda row: row.name.lower(),
    "email": lambda row: row.email or "",
    "phone_number": lambda row: row.phone_number or "",
    "last_activity_at": lambda row: row.last_activity_at or 0,
    "created_at": lambda row: row.created_at,
    "company": lambda row: str(row.additional_attributes.get("company_name", "")),
    "city": lambda row: str(row.additional_attributes.get("city", "")),
    "country": lambda row: str(row.additional_attributes.get("country", "")),
}
_OPERATORS = frozenset(
    {"equal_to", "not_equal_to", "contains", "does_not_contain", "is_present", "is_not_present"}
)


def resolved(world: World) -> Iterable[Contact]:
    """Contacts that somebody could reach; index and search show only these."""
    return (
        row for row in world.contacts.values() if row.email or row.phone_number or row.identifier
    )


def found(world: World, words: str) -> list[Contact]:
    """ILIKE over four fields and a case-sensitive LIKE over the identifier."""
    lowered = words.lower()

    def holds(row: Contact) -> bool:
        company = row.additional_attributes.get("company_name")
        fields = (row.name, row.email, row.phone_number, company)
        return any(lowered in str(value or "").lower() for value in fields) or (
            words in (row.identifier or "")
        )

    return [row for row in resolved(world) if holds(row)]


def ordered(rows: Iterable[Contact], sort: Any) -> list[Contact]:
    name = str(sort or "-last_activity_at")
    key = _SORTS.get(name.lstrip("-"), _SORTS["last_activity_at"])
    return sorted(rows, key=key, reverse=name.startswith("-"))


def filtered(world: World, given: Any) -> list[Contact]:
    """All contacts that the clauses name, unresolved ones included; AND binds before OR."""
    clauses = given if isinstance(given, list) else []
    if not clauses:
        return list(world.contacts.values())
    groups: list[list[Json]] = [[]]
    for position, clause in enumerate(clauses):
        groups[-1].append(_checked(clause))
        joint = str(clause.get("query_operator") or "").upper()
        if position == len(clauses) - 1:
            break
        if joint not in ("AND", "OR"):
            raise unprocessable('Query operator must be either "AND" or "OR".')
        if joint == "OR":
            groups.append([])
    rows: dict[int, Contact] = {}
    for group in groups:
        rows.update((row.id, row) for row in _candidates(world, group) if _holds(row, group))
    return [rows[key] for key in sorted(rows)]


def _checked(clause: Any) -> Json:
    key = clause.get("attribute_key") if isinstance(clause, dict) else clause
    if not isinstance(clause, dict) or key not in _KEYS:
        raise unprocessable(
            f"Invalid attribute key - [{key}]. The key should be one of [{','.join(_KEYS)}]"
            " or a custom attribute defined in the account."
        )
    operator = clause.get("filter_operator")
    if operator not in _OPERATORS:
        raise unprocessable(f"Invalid operator. The allowed operators for {key} are [{operator}].")
    values = clause.get("values")
    if operator not in ("is_present", "is_not_present") and not (
        isinstance(values, list) and values
    ):
        raise unprocessable(f"Invalid value. The values provided for {key} are invalid")
    return clause


def _wanted(clause: Json) -> str:
    """The first value; phone numbers get their plus from the server, identifiers are lowered."""
    values = clause.get("values") or [""]
    value = str(values[0])
    equality = clause["filter_operator"] in ("equal_to", "not_equal_to")
    if clause["attribute_key"] == "phone_number" and equality:
        return f"+{value}"
    return value.lower()


def _candidates(world: World, group: list[Json]) -> Iterable[Contact]:
    indexes = {
        "phone_number": world.by_phone,
        "email": world.by_email,
        "identifier": world.by_lower_identifier,
    }
    for clause in group:
        index = indexes.get(clause["attribute_key"])
        if index is not None and clause["filter_operator"] == "equal_to":
            return index.get(_wanted(clause), {}).values()
    return world.contacts.values()


def _holds(row: Contact, group: list[Json]) -> bool:
    return all(_matches(row, clause) for clause in group)


def _matches(row: Contact, clause: Json) -> bool:
    value = _value(row, clause["attribute_key"])
    wanted = _wanted(clause)
    match clause["filter_operator"]:
        case "equal_to":
            return value == wanted
        case "not_equal_to":
            return value != wanted
        case "contains":
            return wanted in value
        case "does_not_contain":
            return wanted not in value
        case "is_present":
            return value != ""
        case _:
            return value == ""


def _value(row: Contact, key: str) -> str:
    match key:
        case "labels":
            return ",".join(row.labels).lower()
        case "country_code" | "city":
            return str(row.additional_attributes.get(key) or "").lower()
        case "company":
            return str(row.additional_attributes.get("company_name") or "").lower()
        case "blocked":
            return "true" if row.blocked else "false"
        case _:
            return str(getattr(row, key) or "").lower()
