"""aiohttp's and the system's errors as errors of ours: here and nowhere else.

What a failure means depends on how far the request had come:

* `PeerDown`: no connection (refused, DNS, TLS, no free connection in time). Nothing was sent.
* `PeerTimeout`: connected, but no complete answer in time. The peer may have acted.
* `PeerBroke`: connected, then cut off or answered nonsense. The peer may have acted.

Texts never hold a URL, since paths and queries of some peers carry tokens; for the same reason
callers do not chain the foreign error.
"""

from __future__ import annotations

import aiohttp

from bridge.errors import PeerBroke, PeerDown, PeerError, PeerRefused, PeerTimeout

__all__ = ("FOREIGN", "defective", "failure")

#: Errors of aiohttp, of the system, and of aiohttp's own checks (a line break in a header).
FOREIGN = (aiohttp.ClientError, OSError, ValueError)
_MEANINGS: tuple[tuple[type[Exception], type[PeerError], str, str | None], ...] = (
    (
        aiohttp.ConnectionTimeoutError,
        PeerDown,
        "{} cannot be reached: no connection in time.",
        None,
    ),
    (
        aiohttp.ClientConnectorDNSError,
        PeerDown,
        "{} cannot be reached: its host name is not found.",
        "Check its address.",
    ),
    (
        aiohttp.ClientConnectorCertificateError,
        PeerDown,
        "{} cannot be reached safely: its certificate is not valid.",
        "Check its address, and the certificate of that server.",
    ),
    (
        aiohttp.ClientConnectorSSLError,
        PeerDown,
        "{} cannot be reached: no encrypted connection (TLS).",
        "Check whether its address should begin with http or https.",
    ),
    (aiohttp.ClientConnectorError, PeerDown, "{} cannot be reached: no connection.", None),
    (TimeoutError, PeerTimeout, "{} did not answer in time.", None),
    (aiohttp.ClientResponseError, PeerBroke, "{} answered something that is not HTTP.", None),
    (aiohttp.ClientConnectionError, PeerBroke, "{} broke the connection off.", None),
    (aiohttp.ClientPayloadError, PeerBroke, "{} broke off in the middle of its answer.", None),
    (OSError, PeerBroke, "{} broke the connection off.", None),
)


def failure(error: Exception, peer: str) -> PeerError:
    """What a foreign error means; the first line of the table that fits."""
    for foreign, ours, text, advice in _MEANINGS:
        if isinstance(error, foreign):
            return ours(text.format(peer), advice=advice)
    return defective(peer)


def defective(peer: str) -> PeerRefused:
    """A request that cannot even be written down."""
    return PeerRefused(
        f"The request to {peer} cannot be sent as it is.",
        code="net.defective",
        advice="Check its address and its token for stray characters.",
    )
