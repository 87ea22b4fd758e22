"""The one HTTP client of the house: guarded addresses, limits, and failures with a name.

What aiohttp and the system raise becomes ours in `bridge.net.faults`; there stands what each
means for the caller.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypedDict

import aiohttp
import orjson
from yarl import URL

from bridge import __version__
from bridge.core.instance import Proxy
from bridge.errors import (
    PeerBroke,
    PeerBusy,
    PeerDown,
    PeerError,
    PeerGone,
    PeerRefused,
    Scope,
    TooBig,
)
from bridge.net.connector import SOCKS, Connector, proxy_name, proxy_url
from bridge.net.faults import FOREIGN, defective, failure, proxy_locked
from bridge.net.guard import Guard
from bridge.net.spool import PIECE, Downloaded, Spool

__all__ = ("Answer", "Body", "Downloaded", "Http", "retry_after")

#: What may be sent besides JSON. An open file is streamed and stays the caller's to close.
Body: TypeAlias = aiohttp.FormData | bytes | BinaryIO

MIB = 1024 * 1024
#: Longest time to get a connection; shorter than any peer's patience with us.
CONNECT = 10.0
#: A download that brings nothing for this long has stalled.
STALL = 30.0
LONGEST_WAIT = 86400.0

_JSON = {"Content-Type": "application/json"}
#: The headers of a caller that are harmless enough to follow a redirect to another host.
_HARMLESS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a peer answered, whatever the status. `headers` ignore upper and lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Options(TypedDict):
    timeout: aiohttp.ClientTimeout
    headers: Mapping[str, str] | None
    allow_redirects: bool
    proxy: URL | None


class Http:
    """Outgoing HTTP of the whole process. Create it inside the running loop; `close` it.

    It keeps no cookies, reads no proxy settings from the environment, and calls no address
    that `guard` forbids (`ForbiddenAddress`). `keep_alive` (seconds) is shorter than the five
    seconds after which Node's servers hang up, so that a POST seldom meets a connection that
    is just being closed: such a POST cannot be repeated, its outcome is unknown.
    """

    def __init__(self, guard: Guard, *, connections: int = 100, keep_alive: float = 4.0) -> None:
        self._guard = guard
        self._proxy: Proxy | None = None
        self._session = aiohttp.ClientSession(
            connector=Connector(
                resolver=guard.resolver(), limit=connections, keepalive_timeout=keep_alive
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"Ponte/{__version__}"},
            trust_env=False,
        )

    def through(self, proxy: Proxy | None) -> Http:
        """Give this client by way of a proxy (None: the direct way), for downloads as well.

        It is a view: connections, their limit and `close` are those of this client, so there is
        nothing to give back. The guard judges the proxy's own address as any other; names of
        targets are resolved by the proxy, so of a target only a literal address is judged.
        `PeerDown` and `PeerLocked` with a code ``proxy.*`` say that the proxy gave no way.
        """
        view = copy(self)
        view._proxy = proxy  # noqa: SLF001  a copy of our own
        return view

    async def judge(self, url: str) -> None:
        """Raise `ForbiddenAddress` where `request` would; nobody but the resolver is asked."""
        await self._guard.judge(url)

    async def request(
        self,
        method: str,
        url: str | URL,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Body | None = None,
        params: Mapping[str, str] | None = None,
        timeout: float,  # noqa: ASYNC109  its phases mean different errors
        limit: int = 4 * MIB,
        peer: str,
    ) -> Answer:
        """Make one call and read the whole answer, at most `limit` bytes (else `PeerBroke`).

        Redirects are answers like any other. A POST or PATCH is sent once at most; aiohttp
        repeats a GET, PUT or DELETE once if a kept-alive connection breaks. `json` may be bytes
        that are JSON already. `peer` is the name that people read in errors. Raises
        `ForbiddenAddress`, `PeerDown`, `PeerTimeout`, `PeerBroke`, and `PeerRefused` for what
        cannot be sent at all (a line break in a header, broken Unicode).
        """
        if json is not None:
            data = json if isinstance(json, bytes) else _encoded(json, peer)
            headers = {**_JSON, **headers} if headers else _JSON
        target = self._guard.check(url)
        options = self._options(peer, _timeout(timeout), headers)
        try:
            async with self._session.request(
                method, target, data=data, params=params, **options
            ) as response:
                self._let_through(response)
                body = await _read(response.content, limit, peer)
                return Answer(status=response.status, headers=response.headers, body=body)
        except FOREIGN as error:
            raise failure(error, peer) from None

    async def download(
        self,
        url: str | URL,
        into: Path,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int,
        timeout: float,  # noqa: ASYNC109  bounds the whole transfer, redirects included
        peer: str,
        redirects: int = 5,
    ) -> Downloaded:
        """Stream a file to `into`, which appears only when it is complete.

        Each redirect is guarded like a first URL; once one leads to another scheme, host or
        port, `headers` stay behind for good. Raises `TooBig` as soon as `limit` bytes are
        passed or announced, `PeerGone` (404, 410), `PeerRefused` (other 4xx), `PeerBusy`
        (429), `PeerBroke`, `PeerDown`, `PeerTimeout`, `ForbiddenAddress`.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        target = self._guard.check(url)
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        for _ in range(redirects + 1):
            left = max(deadline - asyncio.get_running_loop().time(), 0.001)
            options = self._options(peer, _timeout(left, stall=STALL), sent)
            try:
                async with self._session.get(target, **options) as response:
                    self._let_through(response)
                    location = response.headers.get("Location")
                    if response.status not in _MOVED or not location:
                        return await _save(response, into, limit=limit, peer=peer)
            except FOREIGN as error:
                raise failure(error, peer) from None
            moved = self._guard.check(_join(target, location))
            if moved.origin() != target.origin():
                sent = {name: sent[name] for name in sent if name.lower() in _HARMLESS}
            target = moved
        raise PeerRefused(f"{peer} redirects a file more than {redirects} times.")

    async def close(self) -> None:
        await self._session.close()

    def _options(
        self, peer: str, timeout: aiohttp.ClientTimeout, headers: Mapping[str, str] | None
    ) -> _Options:
        if self._session.closed:
            raise PeerDown(f"{peer} was not called: Ponte is shutting down.", scope=Scope.ONE)
        return {
            "timeout": timeout,
            "headers": headers,
            "allow_redirects": False,
            "proxy": proxy_url(self._proxy, self._guard) if self._proxy else None,
        }

    def _let_through(self, response: aiohttp.ClientResponse) -> None:
        """Without TLS an HTTP proxy answers in the target's place; of that only 407 is certain."""
        proxy = self._proxy
        if (
            proxy is not None
            and proxy.protocol != SOCKS
            and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
            and response.url.scheme == "http"
        ):
            raise proxy_locked(proxy_name(proxy_url(proxy, self._guard)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a peer asks us to wait (`Retry-After`), at most a day.

    A date is counted from the answer's own `Date`, so that no clock of ours is involved.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:  # noqa: PLR2004  is no number
        return min(float(value), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)


def _timeout(total: float, *, stall: float | None = None) -> aiohttp.ClientTimeout:
    """Connecting always runs out before the whole, so the two can be told apart.

    For that the limits are exact: aiohttp would round long ones up to whole seconds.
    """
    return aiohttp.ClientTimeout(
        total=total,
        connect=min(CONNECT, total * 0.9),
        sock_read=stall,
        ceil_threshold=math.inf,
    )


def _encoded(json: Any, peer: str) -> bytes:
    try:
        return orjson.dumps(json)
    except TypeError:
        raise defective(peer) from None


async def _read(content: aiohttp.StreamReader, limit: int, peer: str) -> bytes:
    """Everything in `content`; the limit counts what came out of decompression."""
    body = await content.readany()
    if content.at_eof() and len(body) <= limit:
        return body
    pieces = [body]
    size = len(body)
    while size <= limit:
        piece = await content.readany()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise PeerBroke(f"{peer} answered more than {limit} bytes.", scope=Scope.ONE)


async def _save(
    response: aiohttp.ClientResponse, into: Path, *, limit: int, peer: str
) -> Downloaded:
    if response.status != HTTPStatus.OK:
        raise _no_file(response, peer)
    announced = response.content_length
    if announced is not None and announced > limit:
        raise TooBig(f"A file of {peer} is larger than {limit} bytes.")
    async with Spool.beside(into) as spool:
        size = 0
        pieces: list[bytes] = []
        waiting = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > limit:
                raise TooBig(f"A file of {peer} is larger than {limit} bytes.")
            pieces.append(piece)
            waiting += len(piece)
            if waiting >= PIECE:
                await spool.write(pieces)
                pieces, waiting = [], 0
        return await spool.finish(pieces, mime=response.content_type.lower())


def _no_file(response: aiohttp.ClientResponse, peer: str) -> PeerError:
    status = response.status
    said = f"{peer} answered {status} instead of a file."
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return PeerGone(said)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return PeerBusy(said, retry_after=retry_after(response.headers))
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return PeerRefused(said)
    return PeerBroke(said, retry_after=retry_after(response.headers))


def _join(url: URL, location: str) -> URL:
    try:
        return url.join(URL(location))
    except ValueError:
        # The guard refuses the empty URL, in its own words.
        return URL()
