"""A story that fails is played again and again without one of its steps, until all are needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from support.flow_orders.oracle import Oracle
from support.flow_orders.player import Player
from support.flow_orders.stage import Stage, stage
from support.flow_orders.stories import Story

#: So many times at most.
MOST_PLAYS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A story that breaks a promise, for people to read."""

    story: Story
    wrong: tuple[str, ...]
    told: str

    def __str__(self) -> str:
        steps = "\n".join(f"  - {step}" for step in self.story)
        wrong = "\n".join(f"  ! {one}" for one in self.wrong)
        return f"The story:\n{steps}\nWhat was seen:\n{self.told}\nWhat is wrong:\n{wrong}"


async def judged(its: Stage, story: Story) -> Judged | None:
    """Play a story; None: it breaks no promise."""
    player = Player(its)
    try:
        seen = await player.play(story)
        oracle = Oracle(stage=its, seen=seen, stuck=player.stuck)
        wrong = tuple(await oracle.judge())
    except AssertionError as error:
        wrong = (str(error),)
    if not wrong:
        return None
    return Judged(story=story, wrong=wrong, told=player.seen.told())


async def shrunk(data: Path, kind: str, failed: Judged) -> Judged:
    """The shortest story found that still fails, each played in a house of its own."""
    plays, at = 0, 1
    while at < len(failed.story) and plays < MOST_PLAYS:
        plays += 1
        shorter = (*failed.story[:at], *failed.story[at + 1 :])
        async with stage(data / f"shrunk{plays}", kind) as its:
            found = await judged(its, shorter)
        if found is None:
            at += 1
        else:
            failed = found
    return failed
