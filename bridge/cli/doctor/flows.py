"""Typebot flows: whether their viewer has them; whether flows can fetch our files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from bridge.app import DATABASE
from bridge.cli.doctor.finding import Examined, Finding
from bridge.cli.doctor.local import PONTE
from bridge.cli.offline import reading
from bridge.core.typebot import StoredBot
from bridge.errors import BridgeError
from bridge.net.http import Http
from bridge.settings import Settings
from bridge.store.queries import bots
from bridge.typebot.client import Typebot
from bridge.typebot.faults import FlowClosed, FlowUnknown

WHAT: Final = "Typebot"
_SECONDS: Final = 8.0
#: How people name the host of the builder (typebot-api.md 1).
_BUILDER_HOSTS: Final = ("app.", "builder.", "typebot-builder.", "editor.")
_BUILDER_PATHS: Final = ("/typebots", "/signin", "/register")


def stored_flows(settings: Settings, instance_id: str) -> Sequence[StoredBot]:
    """The flows of an instance that may run."""
    with reading(settings.storage.data_dir / DATABASE) as db:
        return [one for one in bots.of_instance(db, instance_id) if one.bot.enabled]


async def flow_findings(
    found: Examined, flows: Sequence[StoredBot], http: Http
) -> AsyncIterator[Finding]:
    """Look at how the flows are written down, and ask for each once. Nothing of them is started.

    A viewer that does not answer as one is not asked for its other flows.
    """
    for finding in _written(found, flows):
        yield finding
    failing: set[str] = set()
    for one in {(one.bot.url, one.bot.typebot): one for one in flows}.values():
        if one.bot.url in failing:
            continue
        flow = f"flow {one.bot.typebot!r} at {_host(one)}"
        try:
            await Typebot(http=http, url=one.bot.url, timeout=_SECONDS).register(one.bot.typebot)
        except (FlowUnknown, FlowClosed) as error:
            yield found.failure(WHAT, f"{flow}: {error.message}", error.advice)
        except BridgeError as error:
            failing.add(one.bot.url)
            advice = (
                f"Does Typebot's viewer run, and is {_host(one)} its address? {_set(found, one)}"
            )
            yield found.failure(WHAT, f"{flow}: {error.message}", error.advice or advice)
        else:
            yield found.ok(WHAT, f"{flow} is published and open")


def file_findings(settings: Settings) -> Iterator[Finding]:
    """Where flows fetch what people send, when Typebot has no storage of its own (1.6)."""
    url = settings.server.public_url.rstrip("/")
    host = urlsplit(url).hostname or ""
    if "public_url" not in settings.server.model_fields_set:
        yield PONTE.failure(
            "files for flows",
            "server.public_url is not set, so flows of a Typebot without storage get no files",
            "Set it to the address at which Typebot reaches Ponte.",
        )
    elif "." not in host and host != "localhost" and not _is_address(host):
        yield PONTE.failure(
            "files for flows",
            f"Typebot refuses the address of a file at {host}: its name has no dot",
            "Give server.public_url a name with a dot, or an IP address.",
        )
    elif host == "localhost" or (_is_address(host) and ip_address(host).is_loopback):
        yield PONTE.warning(
            "files for flows",
            f"only a Typebot on this machine can fetch files from {url}",
            "Set server.public_url to an address that Typebot reaches.",
        )
    else:
        yield PONTE.ok("files for flows", f"flows fetch what people send from {url}")


def _set(found: Examined, one: StoredBot) -> str:
    instance = found.about.removeprefix("instance ")
    return f"Change it with PUT /typebot/update/{one.id}/{instance}."


def _written(found: Examined, flows: Sequence[StoredBot]) -> Iterator[Finding]:
    for one in flows:
        parts = urlsplit(one.bot.url)
        if (parts.hostname or "").startswith(_BUILDER_HOSTS) or parts.path.startswith(
            _BUILDER_PATHS
        ):
            yield found.warning(
                WHAT,
                f"{_host(one)} looks like the builder of Typebot",
                f"`url` is the viewer's address (NEXT_PUBLIC_VIEWER_URL). {_set(found, one)}",
            )


def _host(one: StoredBot) -> str:
    return urlsplit(one.bot.url).netloc.rpartition("@")[2]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
