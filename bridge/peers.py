"""What we call: channels and Chatwoots with their limits, made from the settings."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.chatwoot.client import Chatwoot
from bridge.core.instance import InboxConfig, InstanceConfig
from bridge.engine.breaker import Breaker
from bridge.engine.lanes import Head
from bridge.engine.pacing import Pacer, Rate
from bridge.engine.queue import LOCAL
from bridge.net.http import Http
from bridge.relay.lanes import is_to_whatsapp
from bridge.settings import Settings
from bridge.whatsapp.channel import Channel
from bridge.whatsapp.cloud.client import CloudChannel


def make_channel(settings: Settings, http: Http, instance: InstanceConfig) -> tuple[Channel, str]:
    channel = CloudChannel(
        http=http,
        base_url=settings.cloud.base_url,
        version=settings.cloud.version,
        phone_number_id=instance.number or "",
        access_token=instance.token or "",
        media_host=settings.cloud.media_host,
        timeout=settings.cloud.timeout_seconds,
    )
    return channel, f"whatsapp {settings.cloud.base_url}"


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
