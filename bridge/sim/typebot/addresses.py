"""What counts as an e-mail address and as a URL (typebot-api.md 1.6 and 3)."""

from __future__ import annotations

import re

_ATOM = r'[^<>()\[\].,;:\s@"]'
_EMAIL = re.compile(rf'(?:{_ATOM}+(?:\.{_ATOM}+)*|".+")@(?:{_ATOM}+\.)+{_ATOM}{{2,}}')

_LABEL = r"[a-z0-9\u00a1-\uffff](?:[a-z0-9\u00a1-\uffff_-]*[a-z0-9\u00a1-\uffff])?"
_IP = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_HOST = rf"(?:localhost|{_IP}|(?:{_LABEL}\.)+[a-z\u00a1-\uffff-]{{2,}})"
_URL = re.compile(
    rf"(?:https?://)?(?:[^\s/@]+@)?{_HOST}(?::[0-9]{{1,5}})?(?:[/?#][^\s]*)?", re.IGNORECASE
)


def is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Say whether this is a URL; the scheme may be missing, a host needs a dot."""
    return _URL.fullmatch(text) is not None
