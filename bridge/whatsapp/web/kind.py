"""WhatsApp Web as a kind of channel: what a number's channel is made of."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from bridge.clock import Clock, utc
from bridge.core.instance import BAILEYS, InstanceConfig, Proxy
from bridge.whatsapp.channel import Channel
from bridge.whatsapp.registry import ChannelKind, absent_kind
from bridge.whatsapp.web import leftovers, parser
from bridge.whatsapp.web.channel import WebChannel
from bridge.whatsapp.web.ground import Ground, Patience
from bridge.whatsapp.web.kept import KeptEvents
from bridge.whatsapp.web.process import Process, environment
from bridge.whatsapp.web.showing import Showing
from bridge.whatsapp.web.supervisor import Supervisor

__all__ = ("FOLDER", "WebSettings", "web_kind")

#: Under the data directory: a folder for each number.
FOLDER: Final = "whatsapp-web"
#: Workers that start at the same time.
AT_ONCE: Final = 4
#: What runs as the worker; ``--fd N`` follows. ``-P``: else Python takes modules first from the
#: folder in which Ponte was started, where anybody may have put some.
WORKER: Final = (sys.executable, "-P", "-m", "bridge.whatsapp.web.worker")
LIBRARY: Final = "neonize"


class WebSettings(Protocol):
    """The settings of `[whatsapp_web]` that are used here."""

    @property
    def device_name(self) -> str: ...
    @property
    def revision(self) -> int | None: ...
    @property
    def start_seconds(self) -> float: ...
    @property
    def pairing_seconds(self) -> float: ...
    @property
    def qr_seconds(self) -> float: ...
    @property
    def heartbeat_seconds(self) -> float: ...
    @property
    def send_seconds(self) -> float: ...
    @property
    def most_codes(self) -> int: ...


def web_kind(
    settings: WebSettings,
    data_dir: Path,
    *,
    clock: Clock,
    chance: Callable[[], float],
    environ: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> ChannelKind:
    """The channels of numbers that are connected by QR code.

    `environ` adds to what workers are started with. `command` is another engine in the worker's
    place; without one, and without the library, nothing of this kind connects.
    """
    homes = data_dir.absolute() / FOLDER

    async def sweep(known: Collection[str]) -> None:
        await asyncio.to_thread(leftovers.sweep, homes, known, now=clock.ms())

    if command is None and find_spec(LIBRARY) is None:
        return replace(absent_kind(BAILEYS), sweep=sweep)
    made = partial(
        _channel,
        settings=settings,
        folder=homes,
        clock=clock,
        chance=chance,
        start=partial(
            Process.start, tuple(command or WORKER), environment(os.environ, environ or {})
        ),
        turn=asyncio.Semaphore(AT_ONCE),
        showing=Showing(settings.most_codes),
    )

    def make(instance: InstanceConfig) -> tuple[Channel, str]:
        return made(instance), f"whatsapp-web {instance.id}"

    return ChannelKind(
        integration=BAILEYS,
        make=make,
        identity=lambda instance: (instance.options.proxy, instance.options.device_name),
        has_session=True,
        sweep=sweep,
    )


def _channel(
    instance: InstanceConfig,
    *,
    settings: WebSettings,
    folder: Path,
    clock: Clock,
    chance: Callable[[], float],
    start: Callable[..., Any],
    turn: asyncio.Semaphore,
    showing: Showing,
) -> WebChannel:
    own = folder / instance.id
    kept = KeptEvents(
        number=instance.id,
        parse=lambda event, data: parser.events(
            event, data, number=instance.id, received_at=utc(clock.ms())
        ),
        aside=own / "unreadable",
        clock=clock,
    )
    channel = WebChannel(
        instance=instance.id,
        folder=own,
        kept=kept,
        behaviour=instance.options.behaviour,
        send_seconds=settings.send_seconds,
        clock=clock,
    )
    ground = Ground(
        instance=instance.id,
        start=partial(start, instance=instance.id),
        opening=partial(opening, instance, settings, own),
        patience=Patience(
            start=settings.start_seconds,
            qr=settings.qr_seconds,
            pairing=settings.pairing_seconds,
            heartbeat=settings.heartbeat_seconds,
        ),
        clock=clock,
        turn=turn,
        showing=showing,
        kept=kept,
        ears=channel,
    )
    channel.attend(Supervisor(ground, chance=chance))
    return channel


def opening(instance: InstanceConfig, settings: WebSettings, folder: Path) -> dict[str, Any]:
    """What a worker needs to open the session of a number."""
    return {
        "dir": str(folder),
        "device_name": instance.options.device_name or settings.device_name,
        "revision": settings.revision,
        "proxy": proxy_url(instance.options.proxy),
        "history": instance.options.behaviour.sync_full_history,
        "connect": True,
    }


def proxy_url(proxy: Proxy | None) -> str | None:
    """A proxy as one address, with its credentials."""
    if proxy is None:
        return None
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    who = ""
    if proxy.username is not None:
        who = f"{quote(proxy.username, safe='')}:{quote(proxy.password or '', safe='')}@"
    return f"{proxy.protocol}://{who}{host}:{proxy.port}"
