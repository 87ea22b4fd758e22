"""Who somebody is, as one event tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """What one event says about one person; at least one id is set.

    `wa_id` is the raw address (digits as received, for sending); the phone may be absent
    (whatsapp-channels.md A.4). `name` is the profile name, never taken from our own messages.
    """

    wa_id: str | None = None
    bsuid: str | None = None
    parent_bsuid: str | None = None
    lid: str | None = None
    username: str | None = None
    name: str | None = None
    #: The id of a group, when the party is one; then it has no other id.
    group: str | None = None
