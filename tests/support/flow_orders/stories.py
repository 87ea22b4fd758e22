"""What happens in a story: drawn from a seed, read by people, and played again as it stands."""

from __future__ import annotations

import random  # noqa: TID251  (a seed gives the same story each time)
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.sim.graph import faults

#: Steps by how often they come. A step with a choice of arguments gets one of them.
EVERYWHERE: Final[Mapping[str, int]] = {
    "says": 26,
    "burst": 6,
    "soon": 20,
    "rests": 20,
    "a breath": 6,
    "a while": 5,
    "later": 3,
    "much later": 2,
    "says the last word": 2,
    "crash": 11,
    "restart": 4,
    "Typebot fails": 10,
    "Typebot is slow": 4,
    "Typebot goes on": 4,
    "Typebot forgets": 2,
    "WhatsApp fails": 4,
    "we are slow": 4,
    "interrupts": 9,
    "told twice": 2,
    "the API pauses": 2,
    "the API gives back": 2,
    "the API closes": 1,
    "the API deletes": 1,
    "the API starts": 2,
}
IN_CHATWOOT: Final[Mapping[str, int]] = {
    "agent writes": 7,
    "agent notes": 2,
    "assigns": 4,
    "unassigns": 4,
    "opens": 3,
    "pends": 5,
    "resolves": 4,
    "snoozes": 2,
    "webhooks wait": 5,
    "webhooks come": 6,
    "webhooks come backwards": 4,
    "pauses all bots": 2,
    "resumes all bots": 2,
    "Chatwoot fails": 3,
}
#: How a send to WhatsApp fails.
FAILS: Final[Mapping[str, faults.Fault]] = {
    "500": faults.broken(),
    "sent but 500": faults.broken(acted=True),
    "cut": faults.reset(),
    "sent but cut": faults.reset(acted=True),
    "131056": faults.error(131056),
    "131026": faults.error(131026),
}
CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "crash": (
        *("bot_turn", "bubble", "settle bot_turn", "settle bubble", "commit", "inbound"),
        *("outbound", "bot_ending", "bot_expiry", "command"),
    ),
    "Typebot fails": ("503", "503 twice", "500", "done but 500", "cut", "done but cut"),
    "Typebot is slow": ("", "and does it first"),
    "WhatsApp fails": tuple(FAILS),
    "Chatwoot fails": ("500", "done but 500", "cut"),
    "restart": ("", "agent writes", "assigns", "opens", "resolves"),
    "interrupts": ("agent writes", "assigns", "opens", "resolves", "the API pauses"),
}
#: A crash comes at one of so many awaits of its place.
_STEPS: Final = 12
_LENGTH: Final = (5, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    what: str
    how: str = ""
    at: int = 0

    def __str__(self) -> str:
        more = " ".join(str(one) for one in (self.how, self.at or "") if one)
        return f"{self.what}: {more}" if more else self.what


Story = tuple[Step, ...]


def story(seed: int, *, chatwoot: bool) -> Story:
    chance = random.Random(seed)  # noqa: S311
    weights = {**EVERYWHERE, **(IN_CHATWOOT if chatwoot else {})}
    names = chance.choices(list(weights), list(weights.values()), k=chance.randint(*_LENGTH))
    steps = [Step(what="says")]
    if chance.random() < 0.7:
        steps += [Step(what="rests"), Step(what="soon"), Step(what="rests")]
        steps += [Step(what="a while"), Step(what="rests")] if chance.random() < 0.5 else []
    for name in names:
        how = chance.choice(CHOICES[name]) if name in CHOICES else ""
        at = chance.randint(1, _STEPS) if name == "crash" else 0
        steps.append(Step(what=name, how=how, at=at))
        if name in {"says", "burst"} and chance.random() < 0.5:
            steps.append(Step(what="soon"))
    return tuple(steps)
