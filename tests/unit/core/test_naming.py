"""Whose name a contact has: issue 6, evolution-chatwoot.md 8 (complaint 21)."""

from __future__ import annotations

import itertools

import pytest

from bridge.core.identity import display_name
from bridge.core.naming import Name, Source, best_name, better_name
from bridge.core.party import Party

MARINA = Party(wa_id="551187650001", lid="103899771998284", name="Marina 🌸")
NAMELESS = Party(wa_id="551187650001", lid="103899771998284")
PROFILE = Name(text="Marina 🌸", source=Source.PROFILE)
GROUP = Party(group="120363025246125486@g.us")


@pytest.mark.parametrize(
    ("party", "address_name", "expected", "source"),
    [
        pytest.param(MARINA, "Marina Alves", "Marina Alves", "address_book", id="address book"),
        pytest.param(MARINA, None, "Marina 🌸", "profile", id="profile"),
        pytest.param(MARINA, "11 98765-0001", "Marina 🌸", "profile", id="a number is no name"),
        pytest.param(MARINA, " \n", "Marina 🌸", "profile", id="an empty name is none"),
        pytest.param(MARINA, "Ana\n\x00 Lu", "Ana Lu", "address_book", id="one clean line"),
        pytest.param(NAMELESS, None, "+5511987650001", "placeholder", id="number"),
        pytest.param(
            Party(lid="103899771998284"), None, "WhatsApp …998284", "placeholder", id="id"
        ),
        pytest.param(
            Party(wa_id="5511987650001", name="+55 11 98765-0001"),
            None,
            "+5511987650001",
            "placeholder",
            id="who is called like their number",
        ),
        *(
            pytest.param(
                Party(wa_id="5511987650001", name=name),
                None,
                "+5511987650001",
                "placeholder",
                id=f"who is called like somebody else's number, {name!a}",
            )
            for name in (
                "+55 11 91234-5678",
                "📞 (11) 1234-5678",
                "１１９１２３４５６７８",
                "٩١٢٣٤٥٦٧٨",
            )
        ),
        pytest.param(
            Party(wa_id="5511987650001", name="1001"), None, "1001", "profile", id="short digits"
        ),
        pytest.param(
            Party(group=GROUP.group, name="Obra"), "Agenda", "Obra (GROUP)", "profile", id="group"
        ),
        pytest.param(GROUP, None, "WhatsApp …s (GROUP)", "placeholder", id="nameless group"),
    ],
)
def test_the_best_name_that_whatsapp_knows(party, address_name, expected, source):
    found = best_name(party, address_name)
    assert found.source == source
    assert found.text == (display_name(GROUP) if party is GROUP else expected)


@pytest.mark.parametrize(
    "shown",
    [
        *("+5511987650001", "551187650001", "11 98765-0001", "+55 (11) 8765-0001", "87650001"),
        *("551187650001@s.whatsapp.net", "5511987650001@s.whatsapp.net", "WhatsApp …650001"),
        *("103899771998284", "103899771998284@lid", "WhatsApp …998284", "", None, "  "),
    ],
)
def test_a_number_or_an_id_in_any_spelling_gives_way_to_a_real_name(shown):
    assert better_name(shown, PROFILE, written=(), parties=[NAMELESS]) == PROFILE


@pytest.mark.parametrize("shown", ["Marina", "Dona Marina", "5511987650002", "+5521987650001", "M"])
def test_what_others_wrote_stays(shown):
    best = best_name(MARINA, "Marina Alves")
    assert better_name(shown, best, written=["Marina 🌸"], parties=[MARINA]) is None


@pytest.mark.parametrize(
    ("shown", "address_name", "expected"),
    [
        pytest.param("Mari", None, "Marina 🌸", id="another profile name"),
        pytest.param("Mari", "Marina Alves", "Marina Alves", id="address book over profile"),
        pytest.param("Marina Alves", "Marina Alves", None, id="the best stands already"),
        pytest.param("Marina A.", "Marina Alves", "Marina Alves", id="changed in the book"),
        pytest.param("Marina A.", None, "Marina 🌸", id="taken out of the book"),
    ],
)
def test_what_we_wrote_follows_what_whatsapp_says(shown, address_name, expected):
    best = best_name(MARINA, address_name)
    found = better_name(shown, best, written=[shown], parties=[MARINA])
    assert (found.text if found is not None else None) == expected


def test_a_made_up_name_takes_the_place_of_nothing_but_our_own_made_up_ones():
    best = best_name(NAMELESS)
    for shown, written, expected in (
        ("WhatsApp …998284", ["WhatsApp …998284"], best),  # the number has become known
        ("11 98765-0001", [], None),  # an agent's way of writing it
        ("Marina", ["Marina"], None),  # taken out of the book, and no profile name is known
        ("", [], best),
    ):
        assert better_name(shown, best, written=written, parties=[NAMELESS]) == expected


def test_a_name_made_of_an_id_of_before_is_made_up_too():
    before = Party(wa_id="5521987650007")
    found = better_name("+5521987650007", PROFILE, written=(), parties=[MARINA, before])
    assert found == PROFILE


FACTS = (
    {"wa_id": "551187650001"},
    {"lid": "103899771998284"},
    {"username": "marina.alves"},
    {"name": "Marina 🌸"},
    {"address": "Marina Alves"},
)


@pytest.mark.parametrize("count", range(len(FACTS) + 1))
def test_names_end_the_same_in_every_order_of_arrival(count):
    for facts in itertools.combinations(FACTS, count):
        assert len({_named(order) for order in itertools.permutations(facts)}) == 1


def _named(facts: tuple[dict[str, str], ...]) -> str | None:
    """What Chatwoot shows when each fact was told by itself."""
    known: dict[str, str] = {"bsuid": "BR.13491200000000000001"}
    address: str | None = None
    shown: str | None = None
    written: set[str] = set()
    for fact in ({}, *facts):
        known |= {key: value for key, value in fact.items() if key != "address"}
        address = fact.get("address", address)
        party = Party(**known)
        name = better_name(shown, best_name(party, address), written=written, parties=[party])
        if name is not None:
            shown, written = name.text, {name.text}
    return shown
