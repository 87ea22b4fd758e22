"""The corpus in formatting/: what customers and agents write, and what the other side has to see.

A file says which way its pairs go, for which versions of Chatwoot, and which chapter or complaint
they come from; a pair may say otherwise. `back` is what a text becomes that goes back again,
where that is not the text itself.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.text import neutralise_liquid, to_chatwoot, to_whatsapp
from support.text_shown import shown_by_dashboard, shown_by_whatsapp

CORPUS = Path(__file__).parent / "formatting"
ZERO_WIDTH = "\u200b"
WAYS = {
    "to chatwoot": to_chatwoot,
    "mirrored": lambda text: neutralise_liquid(to_chatwoot(text)),
    "to whatsapp": to_whatsapp,
}
#: Addresses are left as they are, and the stock parser here knows none (`linkify` does).
DASHBOARD_FILES = {"whatsapp-marks", "whatsapp-blocks", "whatsapp-literal", "evolution-defects"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    file: str
    about: str
    way: str
    input: str
    expected: str
    back: str
    source: str


def _pairs() -> list[Pair]:
    found: list[Pair] = []
    for path in sorted(CORPUS.glob("*.toml")):
        file = tomllib.loads(path.read_text(encoding="utf-8"))
        for one in file["pair"]:
            assert ("expected" in one) is not one.get("unchanged", False), one
            way = one.get("way", file["way"])
            found += [
                Pair(
                    file=path.stem,
                    about=one["about"],
                    way=each,
                    input=one["input"],
                    expected=one.get("expected", one["input"]),
                    back=one.get("back", one["input"]),
                    source=one.get("source", file["source"]),
                )
                for each in (("to chatwoot", "to whatsapp") if way == "both" else (way,))
            ]
    return found


PAIRS = _pairs()


def _named(pair: Pair) -> str:
    return f"{pair.file}: {pair.about} ({pair.way})"


@pytest.mark.parametrize("pair", PAIRS, ids=_named)
def test_a_text_arrives_as_the_other_side_has_to_see_it(pair):
    assert WAYS[pair.way](pair.input) == pair.expected


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if pair.way in {"to chatwoot", "mirrored"}], ids=_named
)
def test_a_text_that_came_in_goes_back_as_it_was(pair):
    assert to_whatsapp(pair.expected).replace(ZERO_WIDTH, "") == pair.back.replace(ZERO_WIDTH, "")


@pytest.mark.parametrize(
    "pair",
    [pair for pair in PAIRS if pair.way == "to chatwoot" and pair.file in DASHBOARD_FILES],
    ids=_named,
)
def test_the_dashboard_shows_a_text_as_whatsapp_does(pair):
    seen = shown_by_dashboard(pair.expected)
    assert seen == shown_by_whatsapp(pair.input.replace("\r\n", "\n").replace("\r", "\n"))


def test_the_corpus_covers_every_way_and_names_its_sources():
    assert len(PAIRS) >= 400
    assert {pair.way for pair in PAIRS} == set(WAYS)
    assert all(pair.source for pair in PAIRS)
    names = [_named(pair) for pair in PAIRS]
    assert len(names) == len(set(names))
