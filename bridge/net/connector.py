"""The connections of the house: one pool for the direct way and for all proxies.

A proxy travels with each request as a URL with its user name and password, which is part of the
key of the pool: a connection through one proxy is never used for another proxy or login. aiohttp
knows HTTP proxies (a tunnel for https, the absolute form for http); SOCKS5 is added here.
"""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.hdrs import PROXY_AUTHORIZATION
from aiohttp.tracing import Trace
from yarl import URL

from bridge.core.instance import Proxy
from bridge.errors import ForbiddenAddress, PeerLocked
from bridge.net.faults import FOREIGN, proxy_failure, proxy_locked, proxy_unreachable
from bridge.net.guard import Guard
from bridge.net.socks import open_socks

__all__ = ("SOCKS", "Connector", "proxy_name", "proxy_url")

SOCKS = "socks5"
LONGEST_LOGIN = 255


def proxy_url(proxy: Proxy, guard: Guard) -> URL:
    """The proxy with its login, for `Connector`. Raises `ForbiddenAddress` and `PeerLocked`.

    A literal address is judged here, a name when it is resolved.
    """
    try:
        plain = URL.build(scheme="http", host=proxy.host, port=proxy.port)
        host = guard.check(plain).raw_host or ""
    except ValueError:
        raise ForbiddenAddress("The host or the port of the proxy is not valid.") from None
    user = password = None
    if proxy.username:
        user, password = proxy.username, proxy.password or ""
        if not _can_be_sent(user, password, proxy.protocol):
            raise _unsendable(proxy_name(plain))
    return URL.build(
        scheme=proxy.protocol, user=user, password=password, host=host, port=proxy.port
    )


def proxy_name(url: URL) -> str:
    """How people recognise a proxy; without its login."""
    return f"{url.host_subcomponent}:{url.port}"


class Connector(aiohttp.TCPConnector):
    """Whatever fails before the target can be spoken to is told as an error of ours here.

    Only errors that concern the target itself (its certificate) stay foreign: `Http` knows what
    people call it.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's own name
    ) -> Connection:
        proxy = req.proxy
        if proxy is None:
            return await super().connect(req, traces, timeout)
        try:
            connection = await super().connect(req, traces, timeout)
        except FOREIGN as error:
            if _concerns_target(error, proxy):
                raise
            raise proxy_failure(error, proxy_name(proxy)) from None
        if proxy.scheme == SOCKS:
            # The connection leads to the target itself: nothing of the proxy goes along.
            req.headers.popall(PROXY_AUTHORIZATION, None)
            req.proxy = None
        return connection

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  aiohttp's own name
    ) -> ResponseHandler:
        proxy = req.proxy
        if proxy is None or proxy.scheme != SOCKS:
            return await super()._create_connection(req, traces, timeout)
        sock = await self._dialled(proxy)
        try:
            await open_socks(
                sock, req.host, req.port or 0, login=_login(proxy), proxy=proxy_name(proxy)
            )
        except BaseException:
            sock.close()
            raise
        tls = self._get_ssl_context(req)
        _, protocol = await self._wrap_existing_connection(
            self._factory,
            timeout=timeout,
            ssl=tls,
            sock=sock,
            server_hostname=req.host.rstrip(".") if tls else None,
            req=req,
        )
        return protocol

    async def _dialled(self, proxy: URL) -> socket.socket:
        """A connection to the first address of the proxy that answers."""
        name = proxy_name(proxy)
        loop = asyncio.get_running_loop()
        try:
            found = await self._resolve_host(proxy.raw_host or "", proxy.port or 0)
        except OSError:
            raise proxy_unreachable(name, "its host name is not found") from None
        for one in found:
            host = one["host"]
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)  # noqa: FBT003  so it is declared
            try:
                await loop.sock_connect(sock, (host, one["port"]))
            except OSError:
                sock.close()
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise proxy_unreachable(name, "no connection")


def _concerns_target(error: Exception, proxy: URL) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError) and (error.host, error.port) != (
        proxy.raw_host,
        proxy.port,
    )


def _login(proxy: URL) -> tuple[str, str] | None:
    return (proxy.user, proxy.password or "") if proxy.user else None


def _can_be_sent(user: str, password: str, protocol: str) -> bool:
    try:
        if protocol == SOCKS:
            return max(len(user.encode()), len(password.encode())) <= LONGEST_LOGIN
        f"{user}{password}".encode("latin-1")  # as aiohttp writes it
    except UnicodeEncodeError:
        return False
    return ":" not in user


def _unsendable(name: str) -> PeerLocked:
    return proxy_locked(name, "cannot be sent its user name and password: stray characters")
