"""Which votes in polls may be handed to the engine to be opened."""

from __future__ import annotations

from typing import Any, Final

#: Bytes of a nonce of AES-GCM: at any other length the engine panics, which ends the process.
_NONCE: Final = 12
#: Bytes of the seal behind what is encrypted, and more than all options of a poll can take.
_SEAL: Final = 16
_LONGEST: Final = 64 * 1024


def can_be_opened(update: Any) -> bool:
    """Whether a `pollUpdateMessage` has the form of a vote; anybody may send one that has not."""
    vote = update.vote
    return (
        update.HasField("pollCreationMessageKey")
        and bool(update.pollCreationMessageKey.ID)
        and len(vote.encIV) == _NONCE
        and _SEAL <= len(vote.encPayload) <= _LONGEST
    )
