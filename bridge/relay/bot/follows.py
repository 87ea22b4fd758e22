"""What follows from a flow's transitions, put together of those who deal with each of them."""

from __future__ import annotations

from bridge.relay.bot.endings import Endings
from bridge.relay.bot.events import BotEvents


class BotFollows:
    """`talks.Follows`."""

    def __init__(self, ends: Endings, tells: BotEvents) -> None:
        self.ended = ends.ended
        self.failed = ends.failed
        self.taken = ends.taken
        self.changed = tells.changed
