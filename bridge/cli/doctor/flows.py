"""Typebot flows: whether their viewer answers, and is one; whether flows can fetch our files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import orjson

from bridge.app import DATABASE
from bridge.cli.doctor.finding import Examined, Finding
from bridge.cli.doctor.local import PONTE
from bridge.cli.offline import reading
from bridge.core.typebot import StoredBot
from bridge.errors import BridgeError
from bridge.net.http import Answer, Http
from bridge.settings import Settings
from bridge.store.queries import bots
from bridge.typebot import wire
from bridge.typebot.client import PEER, Typebot

WHAT: Final = "Typebot"
_SECONDS: Final = 8.0
_SET: Final = "Change it with PUT /typebot/update."
#: How people name the host of the builder (typebot-api.md 1).
_BUILDER_HOSTS: Final = ("app.", "builder.", "typebot-builder.", "editor.")
_BUILDER_PATHS: Final = ("/typebots", "/signin", "/register")
#: A body that no version takes: whoever has the route says what is wrong with it, and does nothing.
_WRONG: Final = b'{"message":1}'


def stored_flows(settings: Settings, instance_id: str) -> Sequence[StoredBot]:
    """The flows of an instance that may run."""
    with reading(settings.storage.data_dir / DATABASE) as db:
        return [one for one in bots.of_instance(db, instance_id) if one.bot.enabled]


async def flow_findings(
    found: Examined, flows: Sequence[StoredBot], http: Http
) -> AsyncIterator[Finding]:
    """Look at how the flows are written down, and ask each viewer once. Nothing is started."""
    for finding in _written(found, flows):
        yield finding
    for url in dict.fromkeys(one.bot.url for one in flows):
        flow = next(one.bot.typebot for one in flows if one.bot.url == url)
        yield await _viewer(found, url, flow, http)


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


def _written(found: Examined, flows: Sequence[StoredBot]) -> Iterator[Finding]:
    for one in flows:
        name = one.bot.typebot
        if "/" in name:
            yield found.failure(
                WHAT,
                f"the flow is written {name!r}, as an address",
                f"`typebot` is the flow's public id alone, the last part of its link. {_SET}",
            )
        parts = urlsplit(one.bot.url)
        path = parts.path.strip("/")
        if path and (path == name or path.startswith("api")):
            yield found.warning(
                WHAT,
                f"the URL of flow {name!r} ends in /{path}",
                f"`url` is the viewer's address without a path. {_SET}",
            )
        if (parts.hostname or "").startswith(_BUILDER_HOSTS) or parts.path.startswith(
            _BUILDER_PATHS
        ):
            yield found.warning(
                WHAT,
                f"{parts.netloc} looks like the builder of Typebot",
                f"`url` is the viewer's address (NEXT_PUBLIC_VIEWER_URL). {_SET}",
            )


async def _viewer(found: Examined, url: str, flow: str, http: Http) -> Finding:
    host = urlsplit(url).netloc
    advice = f"Is {host} the address of Typebot's viewer? {_SET}"
    try:
        is_well = await Typebot(http=http, url=url, timeout=_SECONDS).healthy()
        answer = await http.request(
            "POST",
            f"{url}/api/v1/typebots/{wire.segment(flow)}/startChat",
            data=_WRONG,
            headers={"Content-Type": "application/json"},
            timeout=_SECONDS,
            peer=PEER,
        )
    except BridgeError as error:
        told = f"flow {flow!r} at {host}: {error.message}"
        return found.failure(WHAT, told, error.advice or advice)
    if not _has_route(answer):
        return found.failure(
            WHAT, f"{host} answers, but not as a viewer: it has no startChat", advice
        )
    if not is_well:
        return found.warning(WHAT, f"the viewer at {host} says that it is not well")
    return found.ok(WHAT, f"the viewer at {host} answers")


def _has_route(answer: Answer) -> bool:
    """A viewer answers in JSON that the body, or the flow, is wrong (typebot-api.md 1.7)."""
    if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
        return False
    try:
        return isinstance(orjson.loads(answer.body), dict)
    except orjson.JSONDecodeError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
