"""Flows of Typebot: what they stand on, and the handlers of their jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.assembly.ground import Ground
from bridge.assembly.lending import make_flow_keys, make_flow_media
from bridge.assembly.life import Life
from bridge.engine.worker import Handler
from bridge.relay.bot.agent_bot import AGENT_BOT, AgentBots
from bridge.relay.bot.bubble_ends import BubbleEnds
from bridge.relay.bot.bubbles import Bubbles
from bridge.relay.bot.endings import Endings
from bridge.relay.bot.events import BotEvents
from bridge.relay.bot.flow_keys import FlowKeys
from bridge.relay.bot.flow_media import FlowMedia
from bridge.relay.bot.flows import Shelf
from bridge.relay.bot.phone_words import PHONE_WORD, PhoneWords
from bridge.relay.bot.silence import Silence
from bridge.relay.bot.takeover import Takeover
from bridge.relay.bot.talks import BUBBLE, Talks
from bridge.relay.composing import Composing
from bridge.relay.outbound import Outbound


class _Follows:
    """`relay.bot.follows.Follows`, put together of those who deal with each of it."""

    def __init__(self, ends: Endings, tells: BotEvents) -> None:
        self.ended = ends.ended
        self.failed = ends.failed
        self.taken = ends.taken
        self.changed = tells.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Bots:
    """Who speaks in each chat."""

    shelf: Shelf
    events: BotEvents
    talks: Talks
    silence: Silence
    keys: FlowKeys
    media: FlowMedia
    agent_bots: AgentBots
    takeover: Takeover
    phone_words: PhoneWords


def begin_bots(ground: Ground, life: Life) -> Bots:
    shelf = Shelf()
    events = BotEvents(ground.events)
    talks = Talks(ground.queue, shelf, _Follows(Endings(ground.queue, shelf), events))
    return Bots(
        shelf=shelf,
        events=events,
        talks=talks,
        silence=Silence(talks, ground.means.clock),
        keys=make_flow_keys(ground),
        media=make_flow_media(ground),
        takeover=Takeover(ground.directory, talks),
        phone_words=PhoneWords(
            store=ground.means.store,
            queue=ground.queue,
            directory=ground.directory,
            talks=talks,
            clock=ground.means.clock,
        ),
        agent_bots=AgentBots(
            store=ground.means.store,
            queue=ground.queue,
            directory=ground.directory,
            inboxes=life.inboxes,
            shelf=shelf,
            turns=ground.turns,
            clock=ground.means.clock,
        ),
    )


def make_bubbles(ground: Ground, bots: Bots, outbound: Outbound, composing: Composing) -> Bubbles:
    means = ground.means
    relay = means.settings.relay
    not_after = round(relay.not_after_seconds * 1000)
    return Bubbles(
        store=means.store,
        queue=ground.queue,
        directory=ground.directory,
        outbound=outbound,
        silence=bots.silence,
        ends=BubbleEnds(
            queue=ground.queue,
            talks=bots.talks,
            typing=composing if relay.show_typing else None,
            clock=means.clock,
            not_after=not_after,
        ),
        agent_bots=bots.agent_bots,
        clock=means.clock,
        not_after=not_after,
    )


def bot_handlers(bots: Bots, bubbles: Bubbles) -> dict[str, Handler]:
    return {BUBBLE: bubbles, AGENT_BOT: bots.agent_bots, PHONE_WORD: bots.phone_words}
