"""Whether a proxy works, asked before it is stored."""

from __future__ import annotations

from http import HTTPStatus

from yarl import URL

from bridge.core.instance import Proxy
from bridge.errors import BridgeError, Invalid
from bridge.net.connector import SOCKS
from bridge.net.http import Http

__all__ = ("probe_proxy",)

#: What a proxy answers itself in the place of a target that is called without TLS.
_GATEWAY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


async def probe_proxy(http: Http, proxy: Proxy, base_url: str, *, seconds: float) -> None:
    """Ask `base_url`, the channel's own server, for anything at all through the proxy.

    Any answer of the target is a success; that of a proxy is not. Raises `Invalid` with two
    sentences: Evolution's "Invalid proxy", and the cause.
    """
    target = URL(base_url)
    try:
        answer = await http.through(proxy).request(
            "HEAD", target, timeout=seconds, peer=target.host or "The server"
        )
    except BridgeError as error:
        raise Invalid("Invalid proxy", str(error), code="proxy.invalid") from None
    is_own_word = target.scheme == "http" and proxy.protocol != SOCKS
    if is_own_word and answer.status in _GATEWAY:
        raise Invalid(
            "Invalid proxy",
            f"It answered {answer.status} instead of reaching {target.host}.",
            code="proxy.invalid",
        )
