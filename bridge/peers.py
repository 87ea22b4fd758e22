"""What we call: channels and Chatwoots with their limits, made from the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bridge.chatwoot.client import Chatwoot
from bridge.core.instance import BAILEYS, BUSINESS, InboxConfig, InstanceConfig, Proxy
from bridge.engine.breaker import Breaker
from bridge.engine.lanes import Head
from bridge.engine.pacing import Pacer, Rate
from bridge.engine.queue import LOCAL
from bridge.net.http import Http
from bridge.net.proxy import probe_proxy
from bridge.relay.lanes import is_to_whatsapp
from bridge.settings import Settings
from bridge.whatsapp.channel import Channel
from bridge.whatsapp.cloud.client import CloudChannel
from bridge.whatsapp.registry import ChannelKind, Registry, absent_kind


def make_channel(settings: Settings, http: Http, instance: InstanceConfig) -> tuple[Channel, str]:
    proxy = instance.options.proxy
    channel = CloudChannel(
        http=http.through(proxy),
        base_url=settings.cloud.base_url,
        version=settings.cloud.version,
        phone_number_id=instance.number or "",
        access_token=instance.token or "",
        media_host=settings.cloud.media_host,
        timeout=settings.cloud.timeout_seconds,
    )
    # A dead proxy is the trouble of its users alone, so it is part of the peer's name.
    way = f" through {proxy.host}:{proxy.port}" if proxy else ""
    return channel, f"whatsapp {settings.cloud.base_url}{way}"


async def check_proxy(
    settings: Settings, http: Http, proxy: Proxy, instance: InstanceConfig
) -> None:
    """Ask the server of the instance's channel for anything through a proxy. Raises `Invalid`."""
    is_cloud = instance.integration == BUSINESS
    base = settings.cloud.base_url if is_cloud else settings.whatsapp_web.base_url
    await probe_proxy(http, proxy, base, seconds=settings.api.probe_seconds)


def make_registry(
    settings: Settings, http: Http, more: Mapping[str, ChannelKind] | None = None
) -> Registry:
    """The channels that there are. `more` adds to them or replaces them, by integration."""
    cloud = ChannelKind(
        integration=BUSINESS,
        make=partial(make_channel, settings, http),
        identity=lambda instance: (instance.number, instance.token, instance.options.proxy),
    )
    return Registry((cloud, absent_kind(BAILEYS), *(more or {}).values()))


def make_chatwoot(settings: Settings, http: Http, inbox: InboxConfig) -> Chatwoot:
    return Chatwoot(
        http=http,
        url=inbox.url,
        account_id=inbox.account_id,
        token=inbox.token,
        timeout=settings.chatwoot.timeout_seconds,
    )


def make_breaker(settings: Settings, key: str) -> Breaker:
    if key == LOCAL:
        slots = settings.engine.slots
    elif key.startswith("chatwoot http"):
        slots = settings.chatwoot.slots
    else:
        slots = settings.engine.slots
    return Breaker(
        slots=slots,
        failures_to_open=settings.engine.breaker_failures,
        probe_waits=[round(s * 1000) for s in settings.engine.breaker_probe_seconds],
    )


def make_pacer(settings: Settings) -> Pacer:
    """Meta's limits (whatsapp-channels.md A.11): a pair of number and person, and a number."""
    cloud = settings.cloud
    pair = Rate(burst=cloud.pair_burst, interval_ms=cloud.pair_pause_seconds * 1000)
    number = Rate(
        burst=max(1, round(cloud.messages_per_second)),
        interval_ms=1000 / cloud.messages_per_second,
    )

    def rates(head: Head) -> Sequence[tuple[str, Rate]]:
        if not is_to_whatsapp(head.lane) or head.peer == LOCAL:
            return ()
        return ((head.lane, pair), (head.account, number))

    return Pacer(rates)
