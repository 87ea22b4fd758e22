"""How far a message of ours has come: states only climb (whatsapp-channels.md A.6)."""

from __future__ import annotations

#: Ledger states in the order in which a message passes through them.
_RANK = {
    "intent": 0,
    "unknown": 0,
    "uncertain": 0,
    "retried": 0,
    "accepted": 1,
    "sent": 2,
    "delivered": 3,
    "read": 4,
    "played": 5,
}
#: States in which WhatsApp certainly has the message.
DONE = frozenset({"accepted", "sent", "delivered", "read", "played"})
#: States in which nobody knows.
OPEN = frozenset({"intent", "unknown"})
#: Nobody knew, and somebody wants it sent again: what became of it is asked once more before that.
RETRIED = "retried"


def advances(old: str, new: str) -> bool:
    """True when a report of `new` may replace the state `old`.

    `failed` wins only while nothing better than `sent` is known; news better than `sent` proves a
    failure wrong.
    """
    if old == "superseded":
        return False
    if old == "failed":
        return _RANK.get(new, 0) > _RANK["sent"]
    if new == "failed":
        return _RANK[old] <= _RANK["sent"]
    return _RANK.get(new, -1) > _RANK[old]
