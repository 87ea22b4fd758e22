"""What became of sends that nobody heard of: the `settled` events, and `remembered`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bridge.whatsapp.web.worker.journal import Journal, Send, State
from bridge.whatsapp.web.worker.secrets import look_up

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """The run of the machine: what the engine's store lost with the power was in another."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def settle(journal: Journal, store: Path, *, now_ms: int) -> None:
    """Before the engine opens its store: decide on what a worker left behind, and tell it."""
    left = journal.unanswered()
    found = look_up(store, [send.secret for send in left]) if left else {}
    fates = [_settled(send, *fate(send, found, boot()), now_ms=now_ms) for send in left]
    heard = [
        _settled(send, "sent", send.message, now_ms=send.at_ms or now_ms)
        for send in journal.unheard()
    ]
    journal.settle([*heard, *fates])


def fate(send: Send, found: dict[bytes, str] | None, this_boot: str) -> tuple[State, str | None]:
    """Of a send that is on its way no more, by what the engine's store says of its secret.

    Its secret stands there before it leaves, so it was not sent when there is none, unless the
    store forgot: with another phone, or with the power (its last writes need not be on the disk).
    """
    if send.state in {"sent", "not_sent"}:
        return send.state, send.message
    message = send.message or (found or {}).get(send.secret)
    if message is not None:
        return "unknown", message
    certain = found is not None and bool(this_boot) and send.boot == this_boot
    return ("not_sent" if certain else "unknown"), None


def _settled(
    send: Send, state: State, message: str | None, *, now_ms: int
) -> tuple[Send, State, dict[str, Any]]:
    return send, state, {"key": send.key, "fate": state, "id": message, "at_ms": now_ms}
