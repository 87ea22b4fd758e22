"""JIDs between the engine's protobuf and the protocol's strings."""

from __future__ import annotations

import re
from typing import Any, Final

from bridge.whatsapp.web.worker.failures import BadRequest

PHONES: Final = "s.whatsapp.net"
LIDS: Final = "lid"
_WRITTEN: Final = re.compile(r"(?:([\w.+-]{1,64})(?::(\d{1,5}))?@)?([a-z0-9.]{1,32})", re.ASCII)


def written(jid: Any) -> str:
    """`user@server`, without a device; "" when there is none."""
    if jid is None or not jid.Server:
        return ""
    return f"{jid.User}@{jid.Server}" if jid.User else str(jid.Server)


def read(text: Any, types: Any) -> Any:
    """Raises `BadRequest`."""
    parts = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise BadRequest("not a JID")
    return types.JID(
        User=parts[1] or "",
        RawAgent=0,
        Device=int(parts[2] or 0),
        Integrator=0,
        Server=parts[3],
        IsEmpty=False,
    )


def is_phone(jid: str) -> bool:
    return jid.endswith(f"@{PHONES}")


def is_lid(jid: str) -> bool:
    return jid.endswith(f"@{LIDS}")
