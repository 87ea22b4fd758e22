"""What we call: channels and Chatwoots with their limits, made from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bridge.chatwoot.client import Chatwoot
from bridge.clock import Clock
from bridge.core.instance import BUSINESS, InboxConfig, InstanceConfig, Proxy
from bridge.engine.breaker import Breaker
from bridge.engine.lanes import Head
from bridge.engine.pacing import Pacer, Rate
from bridge.engine.queue import LOCAL
from bridge.net.http import Http
from bridge.net.proxy import probe_proxy
from bridge.relay.bot.pending import TYPEBOT_ACCOUNT, TYPEBOT_PEER
from bridge.relay.bot.talks import BUBBLE
from bridge.relay.lanes import is_to_whatsapp
from bridge.relay.pictures import PICTURES, PROFILE
from bridge.relay.retrying import AUTOMATIC
from bridge.relay.templates import LISTS
from bridge.settings import Settings
from bridge.whatsapp.channel import Channel
from bridge.whatsapp.cloud.client import CloudChannel
from bridge.whatsapp.registry import ChannelKind, Registry
from bridge.whatsapp.web.kind import web_kind

#: Kinds of jobs that send what no person wrote.
_NOBODYS = frozenset({AUTOMATIC, BUBBLE})
#: How the peers of numbers that are connected by QR code begin.
WEB_PEER = "whatsapp-web "
#: Messages to one person at once, before the pause between two applies.
PAIR_BURST = 3
#: How often a number asks who somebody is: nothing waits for it, and WhatsApp counts it.
PROFILES = Rate(burst=10, interval_ms=2000)
#: Pictures that are under way at once: they must not take the places of messages.
PICTURE_SLOTS = 2
#: Lists of templates that are under way at once, for the same reason.
LIST_SLOTS = 2


def make_channel(settings: Settings, http: Http, instance: InstanceConfig) -> tuple[Channel, str]:
    proxy = instance.options.proxy
    channel = CloudChannel(
        http=http.through(proxy),
        base_url=settings.cloud.base_url,
        version=settings.cloud.version,
        phone_number_id=instance.number or "",
        access_token=instance.token or "",
        business_id=instance.business_id,
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
    settings: Settings,
    http: Http,
    more: Mapping[str, ChannelKind] | None = None,
    *,
    clock: Clock,
    chance: Callable[[], float],
) -> Registry:
    """The channels that there are. `more` adds to them or replaces them, by integration."""
    cloud = ChannelKind(
        integration=BUSINESS,
        make=partial(make_channel, settings, http),
        identity=lambda instance: (
            instance.number,
            instance.business_id,
            instance.token,
            instance.options.proxy,
        ),
    )
    web = web_kind(settings.whatsapp_web, settings.storage.data_dir, clock=clock, chance=chance)
    return Registry((cloud, web, *(more or {}).values()))


def make_chatwoot(settings: Settings, http: Http, inbox: InboxConfig) -> Chatwoot:
    return Chatwoot(
        http=http,
        url=inbox.url,
        account_id=inbox.account_id,
        token=inbox.token,
        timeout=settings.chatwoot.timeout_seconds,
    )


def make_breaker(settings: Settings, key: str) -> Breaker:
    if key.startswith("chatwoot http"):
        slots = settings.chatwoot.slots
    elif key.startswith((TYPEBOT_PEER, TYPEBOT_ACCOUNT)):
        # By instance too: whoever names many servers that hang takes nobody else's slots.
        slots = settings.typebot.slots
    elif key == PICTURES:
        slots = PICTURE_SLOTS
    elif key == LISTS:
        slots = LIST_SLOTS
    else:
        slots = settings.engine.slots
    return Breaker(
        slots=slots,
        failures_to_open=settings.engine.breaker_failures,
        probe_waits=[round(s * 1000) for s in settings.engine.breaker_probe_seconds],
    )


def make_pacer(settings: Settings) -> Pacer:
    """How fast a number sends: Meta's limits (whatsapp-channels.md A.11), or ours against bans.

    A bucket for each pair of number and person, and one for the number. What no person wrote may
    use half of the number's: an agent need not wait until a bot has answered everybody else.
    """
    cloud, web = settings.cloud, settings.whatsapp_web
    meta = _Limits.of(
        pair=Rate(burst=cloud.pair_burst, interval_ms=cloud.pair_pause_seconds * 1000),
        burst=max(1, round(cloud.messages_per_second)),
        per_second=cloud.messages_per_second,
    )
    phone = _Limits.of(
        pair=Rate(burst=PAIR_BURST, interval_ms=web.pair_pause_seconds * 1000),
        burst=web.burst,
        per_second=web.messages_per_second,
    )

    def rates(head: Head) -> Sequence[tuple[str, Rate]]:
        if head.kind == PROFILE:
            return ((f"{PICTURES} {head.account}", PROFILES),)
        if not is_to_whatsapp(head.lane) or head.peer == LOCAL:
            return ()
        limits = phone if head.peer.startswith(WEB_PEER) else meta
        of_number = limits.automatic if head.kind in _NOBODYS else limits.number
        number = (head.account, of_number)
        return ((head.lane, limits.pair), number) if limits.pair.interval_ms else (number,)

    return Pacer(rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    pair: Rate
    number: Rate
    #: Of the same bucket, for what no person wrote.
    automatic: Rate

    @classmethod
    def of(cls, *, pair: Rate, burst: int, per_second: float) -> _Limits:
        number = Rate(burst=burst, interval_ms=1000 / per_second)
        return cls(pair=pair, number=number, automatic=replace(number, leaves=burst // 2))
