"""What flows are lent: a key of their own, and files at addresses of ours."""

from __future__ import annotations

from functools import partial

from bridge.assembly.ground import Ground
from bridge.core.instance import BAILEYS
from bridge.relay.bot.flow_keys import FlowKeys
from bridge.relay.bot.flow_media import FlowMedia
from bridge.relay.directory import Entry
from bridge.settings import Settings
from bridge.typebot.client import Typebot

_MIB = 1024 * 1024


def make_flow_keys(ground: Ground) -> FlowKeys:
    return FlowKeys(ground.means.vault.tag)


def make_flow_media(ground: Ground) -> FlowMedia:
    means = ground.means
    settings = means.settings
    return FlowMedia(
        store=means.store,
        directory=ground.directory,
        clock=means.clock,
        typebot=lambda url: Typebot(
            http=means.http, url=url, timeout=settings.typebot.timeout_seconds
        ),
        tag=means.vault.tag,
        spool=means.spool,
        limit=partial(_limit, settings),
        base=public_url(settings),
        hours=settings.typebot.media_hours,
        show_once=settings.relay.view_once == "show",
    )


def public_url(settings: Settings) -> str | None:
    """Our address as others reach it; None while nobody has said it."""
    is_said = "public_url" in settings.server.model_fields_set
    return settings.server.public_url if is_said else None


def _limit(settings: Settings, entry: Entry) -> int:
    is_web = entry.instance.integration == BAILEYS
    megabytes = settings.whatsapp_web.max_media_mb if is_web else settings.cloud.max_media_mb
    return megabytes * _MIB
