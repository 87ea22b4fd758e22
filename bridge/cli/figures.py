"""What `/metrics` says, read back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

ENDED = ("delivered", "ignored", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts by (road, outcome), the causes by (road, outcome, cause), and which peers are up."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    waiting: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, float] = field(default_factory=dict)
    peers: dict[str, bool] = field(default_factory=dict)
    dead_letters: int = 0

    @property
    def roads(self) -> list[str]:
        """Every road, in the service's order."""
        return list(self.waiting)

    def adds_up(self, road: str) -> bool:
        """Accepted is delivered, ignored, dead or waiting; nothing has disappeared."""
        ended = sum(self.events[road, outcome] for outcome in ENDED)
        return self.events[road, "accepted"] == ended + self.waiting.get(road, 0)


def read(text: str) -> Figures:
    """Read the text of `/metrics`; what is not ours in it is passed over."""
    figures = Figures()
    dead_letters = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels, value = sample.labels, sample.value
            match sample.name:
                case "ponte_events_total":
                    road, outcome = labels["road"], labels["outcome"]
                    figures.events[road, outcome] += int(value)
                    figures.causes[road, outcome, labels["cause"]] += int(value)
                case "ponte_waiting":
                    figures.waiting[labels["road"]] = int(value)
                case "ponte_oldest_waiting_seconds":
                    figures.oldest[labels["road"]] = value
                case "ponte_peer_up":
                    figures.peers[labels["peer"]] = bool(value)
                case "ponte_dead_letters":
                    dead_letters = int(value)
                case _:
                    pass
    return Figures(
        events=figures.events,
        causes=figures.causes,
        waiting=figures.waiting,
        oldest=figures.oldest,
        peers=figures.peers,
        dead_letters=dead_letters,
    )
