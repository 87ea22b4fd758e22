"""Whether what an order names can be used at all, asked before anything is stored or made.

All peers are asked at once, each within a limit, and everything that is wrong is told in one
answer (evolution-instance-typebot.md 1.2, "COMPAT order").
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import structlog

from bridge.core.instance import InboxConfig, InstanceConfig, Proxy
from bridge.core.typebot import Bot
from bridge.errors import (
    ForbiddenAddress,
    Invalid,
    PeerError,
    PeerLocked,
    RequestError,
)
from bridge.net.http import Http
from bridge.relay.directory import Directory
from bridge.relay.provisioning import Provisioning
from bridge.whatsapp.channel import Channel, Session

log = structlog.get_logger(__name__)

#: Says whether a proxy takes a request; raises `RequestError`.
ProbeProxy = Callable[[Proxy, InstanceConfig], Awaitable[None]]

TYPEBOT = "Typebot"
#: What tells more than that nobody answered comes first in an answer.
_VAGUE = ("unreachable", "timeout", "down")


class Probes:
    """`seconds` is the limit of each probe."""

    def __init__(
        self,
        *,
        directory: Directory,
        provisioning: Provisioning,
        http: Http,
        probe_proxy: ProbeProxy,
        seconds: float,
    ) -> None:
        self._directory = directory
        self._provisioning = provisioning
        self._http = http
        self._probe_proxy = probe_proxy
        self._seconds = seconds

    async def ask(
        self, instance: InstanceConfig, inbox: InboxConfig | None, bot: Bot | None
    ) -> None:
        """Ask every peer of an order. Raises one `Invalid` with all that is wrong."""
        probes = [self._channel(instance)]
        if inbox is not None and inbox.enabled and inbox.auto_create:
            probes.append(self._chatwoot(inbox))
        if instance.options.proxy is not None:
            probes.append(self.proxy(instance.options.proxy, instance))
        if bot is not None and bot.enabled:
            probes.append(self._typebot(bot))
        failures = await asyncio.gather(*(_failure(probe) for probe in probes))
        wrong = [failure for failure in failures if failure is not None]
        if wrong:
            raise together(wrong)

    async def token(self, channel: Channel, name: str) -> None:
        """Refuse a token that WhatsApp refuses; when it cannot be asked, the token is believed.

        Raises `Invalid`.
        """
        if isinstance(channel, Session):  # a phone lends it the connection: there is no token
            return
        try:
            async with asyncio.timeout(self._seconds):
                await channel.link()
        except TimeoutError:
            log.warning("instance.not_asked", instance=name, cause="timeout")
        except PeerLocked as error:
            if error.cause == "whatsapp.token":
                raise Invalid(f"WhatsApp rejected the token: {error}", code=error.cause) from error
        except PeerError as error:
            log.warning("instance.not_asked", instance=name, cause=error.cause)

    async def _channel(self, instance: InstanceConfig) -> None:
        await self.token(self._directory.channel(instance), instance.name)

    async def _chatwoot(self, inbox: InboxConfig) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._provisioning.check(self._directory.chatwoot(inbox), inbox)
        except TimeoutError as error:
            raise Invalid(
                f"Chatwoot cannot be reached at {inbox.url}: it did not answer within "
                f"{self._seconds:g} s.",
                code="chatwoot.unreachable",
            ) from error

    async def proxy(self, proxy: Proxy, instance: InstanceConfig) -> None:
        """Raises `Invalid` when the channel of the instance cannot use the proxy."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._probe_proxy(proxy, instance)
        except TimeoutError as error:
            raise Invalid(
                "Invalid proxy",
                f"The proxy at {proxy.host}:{proxy.port} did not answer within "
                f"{self._seconds:g} s.",
                code="proxy.invalid",
            ) from error

    async def _typebot(self, bot: Bot) -> None:
        """Any answer of the viewer will do: its first page needs no flow."""
        try:
            await self._http.request("GET", bot.url, timeout=self._seconds, peer=TYPEBOT)
        except (PeerError, ForbiddenAddress) as error:
            host = urlsplit(bot.url).netloc.rpartition("@")[2]
            raise Invalid(
                f"Typebot cannot be reached at {host}: {error}", code="typebot.unreachable"
            ) from error


def together(failures: Sequence[RequestError]) -> Invalid:
    """One answer for all failures; its code is that of the one which says most."""
    ordered = sorted(failures, key=lambda one: one.cause.endswith(_VAGUE))
    return Invalid(*(text for one in ordered for text in one.messages), code=ordered[0].cause)


async def _failure(probe: Awaitable[None]) -> RequestError | None:
    try:
        await probe
    except RequestError as error:
        return error
    return None
