"""Questions that the service answers while it runs, and its database when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bridge.cli.offline import Offline, reading
from bridge.cli.printing import note
from bridge.cli.remote import Answered, NotRunning, Remote
from bridge.clock import utc
from bridge.errors import BridgeError
from bridge.relay import trace
from bridge.relay import who as portraits
from bridge.store.queries import jobs


class Unknown(BridgeError):
    """There is nothing of this name."""

    code = "unknown"


def why(service: Remote, message: str) -> list[dict[str, Any]]:
    """The jobs of a message, newest first. Raises `Unknown` when nothing is stored about it."""
    found: list[dict[str, Any]] | None = _ask(
        service,
        lambda: service.call("GET", "why", message=message),
        lambda database: asyncio.run(trace.why(database, message)),
    )
    if not found:
        raise Unknown(
            f"Nothing is stored about {message}.",
            advice="It never arrived here, or it is older than the retention.",
        )
    return found


def who(service: Remote, person: str) -> list[dict[str, Any]]:
    """Whom a number or id may mean. Raises `Unknown` when nobody is known by it."""
    found: list[dict[str, Any]] | None = _ask(
        service,
        lambda: service.call("GET", "who", person=person),
        lambda database: asyncio.run(portraits.who(database, person)),
    )
    if not found:
        raise Unknown(
            f"Nobody is known by {person}.",
            advice="People are known once they have exchanged a message over Ponte; "
            "a contact that only Chatwoot has is not. Numbers need their country code.",
        )
    return found


def dead_letters(service: Remote, *, limit: int) -> list[dict[str, Any]]:
    """Dead letters, newest first."""
    found: list[dict[str, Any]] = _ask(
        service,
        lambda: service.call("GET", "dead-letters", limit=limit),
        lambda database: _stored_letters(database, limit),
    )
    return found


def dead_letter(service: Remote, number: int) -> dict[str, Any]:
    """One dead letter with its payload. Raises `Unknown`."""
    found: dict[str, Any] | None = _ask(
        service,
        lambda: service.call("GET", "dead-letters", str(number)),
        lambda database: asyncio.run(trace.dead_letter(database, number)),
    )
    if found is None:
        raise Unknown(f"There is no dead letter {number}.")
    return found


def _ask(service: Remote, online: Callable[[], Any], stored: Callable[[Offline], Any]) -> Any:
    try:
        return online()
    except NotRunning:
        if service.settings is None:  # another machine's, perhaps: we know no database of it
            raise

        from bridge.app import DATABASE  # noqa: PLC0415  (it brings the whole service along)

        path = service.settings.storage.data_dir / DATABASE
        with reading(path) as db:
            note(f"No Ponte answers at {service.url}: read from {path}.")
            return stored(Offline(db))
    except Answered as error:
        if error.cause in ("message.unknown", "dead_letter.unknown", "person.unknown"):
            return None
        raise


def _stored_letters(database: Offline, limit: int) -> list[dict[str, Any]]:
    """As `GET /dead-letters` tells them."""
    return [
        {
            "id": row["id"],
            "road": row["road"],
            "kind": row["kind"],
            "instance": row["instance_id"],
            "message": row["ref"],
            "cause": row["cause"],
            "reason": row["reason"],
            "attempts": row["attempts"],
            "accepted": utc(row["accepted_at"]).isoformat(timespec="milliseconds"),
            "died": utc(row["ended_at"]).isoformat(timespec="milliseconds"),
        }
        for row in jobs.dead(database.db, limit=limit, before=None)
    ]
