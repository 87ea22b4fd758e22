"""aiohttp's and the system's errors as errors of ours: here and nowhere else.

What a failure means depends on how far the request had come:

* `PeerDown`: no connection (refused, DNS, TLS, no free connection in time). Nothing was sent.
* `PeerTimeout`: connected, but no complete answer in time. The peer may have acted.
* `PeerBroke`: connected, then cut off or answered nonsense. The peer may have acted.

Through a proxy, whatever fails before the target can be spoken to means that nothing was sent
(`PeerDown`, `PeerLocked`; their codes begin with ``proxy.``). After that the same three hold.

Texts never hold a URL, since paths and queries of some peers carry tokens; for the same reason
callers do not chain the foreign error.
"""

from __future__ import annotations

from http import HTTPStatus

import aiohttp

from bridge.errors import (
    PeerBroke,
    PeerDown,
    PeerError,
    PeerLocked,
    PeerRefused,
    PeerTimeout,
)

__all__ = (
    "FOREIGN",
    "defective",
    "failure",
    "proxy_broke",
    "proxy_failure",
    "proxy_locked",
    "proxy_refused",
    "proxy_unreachable",
)

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

_LOCKED = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
_CHECK = "Check the proxy of the instance."


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


def proxy_failure(error: Exception, proxy: str) -> PeerError:
    """What it means that a proxy gave no connection; `proxy` is its name, host and port."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        if error.status == _LOCKED:
            return proxy_locked(proxy)
        return proxy_refused(proxy, f"it answered {error.status}")
    if isinstance(error, TimeoutError):
        return proxy_unreachable(proxy, "no connection in time")
    told = failure(error, f"The proxy {proxy}")
    return PeerDown(
        told.message,
        code="proxy.unreachable" if isinstance(told, PeerDown) else "proxy.broke",
        advice=told.advice or _CHECK,
    )


def proxy_unreachable(proxy: str, why: str) -> PeerDown:
    return PeerDown(
        f"The proxy {proxy} cannot be reached: {why}.", code="proxy.unreachable", advice=_CHECK
    )


def proxy_refused(proxy: str, why: str) -> PeerDown:
    """It spoke to us, but gave no way to the target."""
    return PeerDown(
        f"The proxy {proxy} gives no connection: {why}.", code="proxy.refused", advice=_CHECK
    )


def proxy_broke(proxy: str, what: str) -> PeerDown:
    return PeerDown(f"The proxy {proxy} {what}.", code="proxy.broke", advice=_CHECK)


def proxy_locked(
    proxy: str, what: str = "does not accept its user name and password"
) -> PeerLocked:
    return PeerLocked(
        f"The proxy {proxy} {what}.",
        code="proxy.auth",
        advice="Correct the user name and the password of the instance's proxy.",
    )
