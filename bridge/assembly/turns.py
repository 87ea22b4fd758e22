"""The turns of flows: who hears what people say, who asks Typebot, who ends what nobody answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from bridge.assembly.bots import Bots
from bridge.assembly.ground import Ground
from bridge.assembly.lending import public_url
from bridge.engine.worker import Handler
from bridge.relay.bot.asking import Terms
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.calls import Calls
from bridge.relay.bot.deciding import Deciding
from bridge.relay.bot.expiring import Expiring
from bridge.relay.bot.failing import Failing
from bridge.relay.bot.flow_keys import LASTS
from bridge.relay.bot.hearing import Hearing, Patience
from bridge.relay.bot.plans import Plans
from bridge.relay.bot.starting import Starting
from bridge.relay.bot.staying import Staying
from bridge.relay.bot.talks import EXPIRY, TURN
from bridge.relay.bot.turn import BotTurns
from bridge.relay.bot.variables import Surroundings
from bridge.relay.directory import Entry
from bridge.store.queries.chats import ChatRow
from bridge.typebot.client import Typebot

#: So many viewers are remembered.
MOST_VIEWERS: Final = 1000


def make_hearing(ground: Ground, bots: Bots, bubbles: Bubbles) -> Hearing:
    settings = ground.means.settings.typebot
    return Hearing(
        queue=ground.queue,
        shelf=bots.shelf,
        talks=bots.talks,
        bubbles=bubbles,
        patience=Patience(
            newest=round(settings.newest_minutes * 60_000),
            burst=round(settings.burst_seconds * 1000),
        ),
    )


def turn_handlers(ground: Ground, bots: Bots, bubbles: Bubbles) -> dict[str, Handler]:
    expiring = Expiring(
        store=ground.means.store,
        queue=ground.queue,
        directory=ground.directory,
        shelf=bots.shelf,
        talks=bots.talks,
        bubbles=bubbles,
        clock=ground.means.clock,
    )
    return {TURN: _turns(ground, bots, bubbles), EXPIRY: expiring}


def _turns(ground: Ground, bots: Bots, bubbles: Bubbles) -> BotTurns:
    means, queue = ground.means, ground.queue
    settings = means.settings.typebot
    terms = Terms(
        newest=round(settings.newest_minutes * 60_000),
        timezone=settings.timezone,
        country=settings.country,
    )
    starting = Starting(
        talks=bots.talks, clock=means.clock, around=partial(_around, ground, bots), terms=terms
    )
    staying = Staying(bots.talks, bubbles)
    deciding = Deciding(
        queue=queue,
        shelf=bots.shelf,
        talks=bots.talks,
        starting=starting,
        staying=staying,
        clock=means.clock,
        terms=terms,
    )
    failing = Failing(
        talks=bots.talks,
        bubbles=bubbles,
        deciding=deciding,
        staying=staying,
        clock=means.clock,
        patience=round(settings.connect_patience_seconds * 1000),
    )
    return BotTurns(
        store=means.store,
        directory=ground.directory,
        deciding=deciding,
        starting=starting,
        failing=failing,
        calls=Calls(
            http=means.http,
            typebot=_viewers(ground),
            publish=bots.media.publish,
            allows_http=settings.client_http,
        ),
        plans=Plans(queue=queue, talks=bots.talks, bubbles=bubbles, events=bots.events),
        clock=means.clock,
        most_wait=round(settings.most_wait_seconds * 1000),
    )


def _around(ground: Ground, bots: Bots, entry: Entry, chat: ChatRow) -> Surroundings:
    return Surroundings(
        public_url=(public_url(ground.means.settings) or "").rstrip("/"),
        owner_jid=ground.connections.view(entry).owner_jid,
        key=bots.keys.issue(entry.id, chat.id, until=ground.means.clock.ms() + LASTS),
    )


def _viewers(ground: Ground) -> Callable[[str], Typebot]:
    """One client for each viewer: it remembers how old its server is."""
    means = ground.means
    timeout = means.settings.typebot.timeout_seconds
    known: dict[str, Typebot] = {}

    def viewer(url: str) -> Typebot:
        found = known.get(url)
        if found is None:
            if len(known) >= MOST_VIEWERS:
                del known[next(iter(known))]
            found = known[url] = Typebot(http=means.http, url=url, timeout=timeout)
        return found

    return viewer
