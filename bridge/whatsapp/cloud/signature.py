"""Is a webhook really Meta's? (whatsapp-channels.md A.2). All comparing is in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

__all__ = ("challenge", "verify")

_PREFIX = "sha256="
#: Meta sends ten digits; nobody needs us to echo a page.
_LONGEST_CHALLENGE = 256


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether `X-Hub-Signature-256` signs the raw bytes with any of the app secrets.

    Several secrets let an operator rotate them; an empty one never fits. There is no time in
    the signature: only the dedupe by message id stops a replay.
    """
    if header is None or not header.startswith(_PREFIX):
        return False
    given = header.removeprefix(_PREFIX).strip().lower().encode("ascii", "replace")
    fits = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        fits |= bool(secret) and hmac.compare_digest(expected, given)
    return fits


def challenge(query: Mapping[str, str], verify_token: str) -> str | None:
    """The bare body that answers Meta's GET, or None when it has to be refused (403)."""
    token = query.get("hub.verify_token", "").encode("utf-8", "replace")
    right = hmac.compare_digest(token, verify_token.encode("utf-8", "replace"))
    answer = query.get("hub.challenge", "")
    if not (verify_token and right and query.get("hub.mode") == "subscribe"):
        return None
    return answer if 0 < len(answer) <= _LONGEST_CHALLENGE else None
