"""What differs between the versions of Chatwoot (chatwoot-api.md 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Storage: TypeAlias = Literal["4.2", "newer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The behaviours of one version.

    Where the reference could not pin a release ("newer"), the line is drawn at 4.13.
    """

    version: str
    #: Inbox and bot webhooks are signed, and inboxes show their `secret`.
    signs_inboxes: bool
    #: Account webhooks are signed.
    signs_account: bool
    #: `content_attributes` are stored whole, not only the few keys of 4.2.
    keeps_attributes: bool
    #: `PATCH` of a message's status exists.
    patches_status: bool
    #: Bots may also show conversations, type and label; Bearer tokens work.
    widens_access: bool
    #: Webhooks carry the message content as HTML (4.10 to 4.12.0).
    renders_html: bool
    #: Webhooks lose the backslash before a newline.
    strips_backslashes: bool
    #: `is_voice_message` is understood.
    marks_voice: bool
    #: Payloads name `performed_by`, and conversations their account.
    names_actor: bool


def profile_of(version: str, storage: Storage | None = None) -> Profile:
    """The profile of a version such as "4.13.0"; raises `ValueError` for anything else."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None:
        raise ValueError(f"not a version of Chatwoot: {version!r}")
    at = tuple(int(number or 0) for number in found.groups())
    newer = at >= (4, 13, 0)
    return Profile(
        version=version,
        signs_inboxes=newer,
        signs_account=at >= (4, 11, 2),
        keeps_attributes=newer if storage is None else storage == "newer",
        patches_status=at >= (4, 2, 0),
        widens_access=newer,
        renders_html=(4, 10, 0) <= at < (4, 12, 1),
        strips_backslashes=at >= (4, 14, 0),
        marks_voice=at >= (4, 15, 0),
        names_actor=at >= (4, 18, 0),
    )
