"""Whether the service runs, can be reached at its public address, and has something to tell."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from bridge.cli import figures, remote
from bridge.cli.doctor.finding import Finding
from bridge.cli.doctor.local import PONTE
from bridge.cli.printing import ago
from bridge.errors import BridgeError, SetupError
from bridge.settings import Settings

PATIENCE = 6.0
#: Work that is older than this is late.
LATE_SECONDS = 120


async def service_findings(settings: Settings) -> AsyncIterator[Finding]:
    """The running service, from here."""
    try:
        url = remote.local_url(settings)
    except SetupError as error:
        yield PONTE.warning("service", error.message, "Give it a port of its own: server.port.")
        return
    key = settings.auth.api_key.get_secret_value() if settings.auth.api_key else ""
    service = remote.Remote(url=url, key=key, timeout=PATIENCE)
    try:
        await asyncio.to_thread(service.call, "GET", "healthz")
    except BridgeError as error:
        yield PONTE.warning("service", f"{error.message} It does not run, or listens elsewhere.")
        return
    yield PONTE.ok("service", f"it runs and answers at {url}")
    try:
        told = figures.read(await asyncio.to_thread(service.text, "metrics"))
    except BridgeError as error:
        yield PONTE.failed("service", error)
        return
    for finding in _work(told):
        yield finding


def _work(told: figures.Figures) -> list[Finding]:
    found: list[Finding] = []
    if told.dead_letters:
        found.append(
            PONTE.warning(
                "dead letters",
                f"{told.dead_letters} could not be delivered",
                "`ponte dead-letters list` tells which, and why.",
            )
        )
    oldest = max(told.oldest.values(), default=0)
    if oldest > LATE_SECONDS:
        found.append(
            PONTE.warning("work", f"the oldest job that waits is {ago(oldest)} old", "See below.")
        )
    found += [
        PONTE.warning("work", f"calls to {peer} are paused", "See what is said of it below.")
        for peer, is_up in told.peers.items()
        if not is_up
    ]
    return found


async def address_findings(
    settings: Settings, *, is_private: bool, for_meta: bool
) -> AsyncIterator[Finding]:
    """`server.public_url`: where Chatwoot, and Meta if there is a Cloud number, must find us."""
    url = settings.server.public_url.rstrip("/")
    public = remote.Remote(url=url, key="", timeout=PATIENCE)  # our key goes nowhere else
    try:
        answer = await asyncio.to_thread(public.call, "GET", "healthz")
    except BridgeError as error:
        yield PONTE.failure(
            "public address",
            f"{url}/healthz does not answer from here: {error.message}",
            "Start the service, and check server.public_url and the proxy in front.",
        )
    else:
        if answer == {"status": "ok"}:
            yield PONTE.ok("public address", f"{url} leads to a Ponte")
        else:
            yield PONTE.failure(
                "public address", f"something else answers at {url}", "Check server.public_url."
            )
    if for_meta and (is_private or urlsplit(url).scheme != "https"):
        yield PONTE.warning(
            "public address",
            f"Meta cannot deliver to {url}: it wants a public address with https",
            f"Let a proxy with a certificate forward to {_listens(settings)}, and name its address "
            "in server.public_url.",
        )


def meta_findings(settings: Settings, *, own_secrets: bool) -> list[Finding]:
    """What Meta's webhooks need besides the address."""
    found: list[Finding] = []
    if not settings.cloud.app_secrets and not own_secrets:
        found.append(
            PONTE.failure(
                "Meta app secret",
                "none is known, so every webhook of WhatsApp is refused",
                "Set cloud.app_secrets to the secret of your Meta app (App settings, Basic).",
            )
        )
    elif settings.cloud.app_secrets:
        found.append(PONTE.ok("Meta app secret", "cloud.app_secrets is set"))
    if settings.cloud.verify_token is None:
        found.append(
            PONTE.warning(
                "Meta verify token",
                "cloud.verify_token is not set",
                "Meta asks for it when you enter the webhook address there.",
            )
        )
    return found


async def is_private(url: str) -> bool:
    """Whether an address leads into a private network, as far as can be seen from here."""
    host = urlsplit(url).hostname or ""
    try:
        listed = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return "." not in host
    return not all(ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in listed)


def _listens(settings: Settings) -> str:
    return f"{settings.server.host}:{settings.server.port}"
