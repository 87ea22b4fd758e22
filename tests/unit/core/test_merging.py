"""Which contacts are one person, and which of them stays: tables."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.identity import contact_keys
from bridge.core.merging import (
    Because,
    Candidate,
    Evidence,
    base_of,
    contradicts,
    edits_of,
    evidence_of,
    groups,
    is_ambiguous,
)
from bridge.core.party import Party

MARINA = Party(wa_id="5511987650001", name="marina 🌸")
#: Those of which Chatwoot may hold both numbers.
VECTORS: list[dict[str, Any]] = [
    row
    for row in json.loads(
        (Path(__file__).parents[2] / "contract" / "phone_vectors.json").read_text("utf-8")
    )
    if row["a_e164"] and row["b_e164"]
]


def candidate(id_: int, at: float | None = 0, *edits: str) -> Candidate:
    return Candidate(id=id_, created_at=at, edits=edits)


@pytest.mark.parametrize(
    ("candidates", "base", "because"),
    [
        ([candidate(7, 20), candidate(9, 10)], 9, Because.OLDER),
        ([candidate(7, 10), candidate(9, 10)], 7, Because.OLDER),
        ([candidate(7, None), candidate(9, None)], 7, Because.OLDER),
        ([candidate(7, 10), candidate(9, 20, "name")], 9, Because.EDITED),
        ([candidate(7, 10, "labels"), candidate(9, 20, "name", "email")], 7, Because.OLDER),
        (
            [candidate(7, 10), candidate(8, 15), candidate(9, 30, "name"), candidate(6, 40, "x")],
            9,
            Because.EDITED,
        ),
    ],
)
def test_the_older_contact_stays_unless_only_a_newer_one_was_edited(
    candidates: list[Candidate], base: int, because: Because
) -> None:
    for order in itertools.permutations(candidates):
        found, why = base_of(order)
        assert (found.id, why) == (base, because)


@pytest.mark.parametrize(
    ("changes", "edits"),
    [
        ({}, ()),
        ({"name": None}, ()),
        ({"name": "+55 11 98765-0001"}, ()),
        ({"name": "551187650001"}, ()),
        ({"name": "WhatsApp …650001"}, ()),
        ({"name": "MARINA 🌸"}, ()),
        ({"name": "Dona Marina"}, ("name",)),
        ({"email": "marina@example.com"}, ("email",)),
        ({"attributes": (None, "", [])}, ()),
        ({"attributes": ("", "gold")}, ("attributes",)),
        ({"labels": {"vip"}}, ("labels",)),
    ],
)
def test_only_what_software_would_not_write_counts_as_an_edit(
    changes: dict[str, Any], edits: tuple[str, ...]
) -> None:
    told: dict[str, Any] = {"name": "marina 🌸", "email": None, "attributes": (), "labels": ()}
    assert edits_of(MARINA, names={"marina 🌸"}, **(told | changes)) == edits


@pytest.mark.parametrize(
    ("number", "identifier", "keys"),
    [
        ("+551187650001", None, ("phone:5511987650001",)),
        ("+551187650001", "5511987650001@s.whatsapp.net", ("phone:5511987650001",)),
        (None, "5511987650001@s.whatsapp.net", ("phone:5511987650001",)),
        ("+5511987650001", "77001@lid", ("lid:77001", "phone:5511987650001")),
        (None, "BR.13491200000000000001", ("bsuid:BR.13491200000000000001",)),
        ("+551133334444", None, ("phone:551133334444",)),
        (None, "crm-77", ()),
        (None, "5511987650001", ()),
        (None, "marina@example.com", ()),
        (None, None, ()),
    ],
)
def test_a_contact_is_known_by_its_number_and_by_whatsapp_ids_alone(
    number: str | None, identifier: str | None, keys: tuple[str, ...]
) -> None:
    assert contact_keys(number, identifier) == keys


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"row {row['n']}")
def test_two_numbers_of_an_account_are_joined_only_if_they_are_one_person(
    row: dict[str, Any],
) -> None:
    found = groups({1: contact_keys(row["a_e164"], None), 2: contact_keys(row["b_e164"], None)}, {})
    assert found == ([(1, 2)] if row["same"] else [])


@pytest.mark.parametrize(
    ("contacts", "people", "found"),
    [
        pytest.param({1: {"lid:7"}, 2: {"phone:1"}}, {}, [], id="nothing shared"),
        pytest.param(
            {1: {"lid:7", "phone:1"}, 2: {"phone:1"}, 3: {"lid:7"}}, {}, [(1, 2, 3)], id="a chain"
        ),
        pytest.param(
            {1: {"lid:7", "phone:1"}, 2: {"lid:8", "phone:1"}}, {}, [], id="two hidden ids"
        ),
        pytest.param(
            {1: {"lid:7", "phone:1"}, 2: {"lid:8", "phone:1"}, 3: {"phone:1"}},
            {},
            [(1, 3)],
            id="the older of two hidden ids has the number",
        ),
        pytest.param(
            {1: {"lid:7", "person:3"}, 2: {"phone:1", "person:3"}},
            {"person:3": {"lid:7", "phone:1"}},
            [(1, 2)],
            id="WhatsApp showed them together",
        ),
        pytest.param(
            {1: {"phone:2", "person:3"}, 2: {"phone:1", "person:3"}},
            {"person:3": {"phone:1", "phone:2"}},
            [(1, 2)],
            id="the number before and the one after",
        ),
        pytest.param(
            {1: {"phone:1", "person:3"}, 2: {"phone:1", "person:4"}}, {}, [], id="two people"
        ),
        pytest.param({1: {"group:5"}, 2: {"group:5"}}, {}, [], id="a group is nobody"),
    ],
)
def test_who_is_one_person_in_an_account(
    contacts: dict[int, set[str]], people: dict[str, set[str]], found: list[tuple[int, ...]]
) -> None:
    assert groups(contacts, people) == found


KEYS = st.sets(
    st.sampled_from([f"{kind}:{n}" for kind in ("lid", "bsuid", "phone") for n in (1, 2, 3)]),
    max_size=3,
)


@given(st.dictionaries(st.integers(1, 9), KEYS))
def test_no_two_hidden_ids_are_ever_joined(contacts: dict[int, set[str]]) -> None:
    clear = {one: keys for one, keys in contacts.items() if not is_ambiguous(keys)}
    members: list[int] = []
    for group in groups(clear, {}):
        members += group
        together = set().union(*(clear[one] for one in group))
        for kind in ("lid", "bsuid", "phone"):
            assert sum(key.startswith(kind) for key in together) <= 1
        for one in group:
            others = set().union(*(clear[other] for other in group if other != one))
            assert clear[one] & others
    assert len(members) == len(set(members))


@pytest.mark.parametrize(
    ("theirs", "known", "expected"),
    [
        ({"phone:1"}, {"phone:1", "lid:7"}, False),
        ({"lid:7"}, {"phone:1"}, False),
        ({"lid:8"}, {"lid:7", "phone:1"}, True),
        ({"phone:1", "lid:8"}, {"lid:7", "phone:1"}, True),
        ({"phone:2"}, {"phone:1", "phone:2"}, False),
        ({"group:5"}, {"group:5"}, True),
        (set(), {"phone:1"}, False),
    ],
)
def test_another_key_of_the_same_kind_is_another_person(
    theirs: set[str], known: set[str], expected: bool
) -> None:
    assert contradicts(theirs, known) is expected


def test_a_contact_with_the_ids_of_two_people_is_left_alone() -> None:
    assert is_ambiguous({"phone:1", "phone:2"})
    assert not is_ambiguous({"phone:1", "phone:2"}, {"phone:1", "phone:2", "lid:7"})
    assert is_ambiguous({"phone:1", "phone:2"}, {"phone:1"})
    assert not is_ambiguous({"phone:1", "lid:7"})


def test_a_shared_number_is_the_simplest_evidence() -> None:
    assert evidence_of(("phone:1", "lid:7"), ("phone:1",)) is Evidence.NUMBER
    assert evidence_of(("lid:7",), ("phone:1",)) is Evidence.IDS


def test_a_number_that_hundreds_have_joins_nobody_and_costs_no_time() -> None:
    """Chatwoot lets no two contacts have a number; but who runs one may answer what they want."""
    crowd = {number: {"phone:1", *((f"lid:{number}",) * (number % 2))} for number in range(2000)}
    assert groups(crowd | {5001: {"phone:1", "phone:2"}, 5002: {"phone:2"}}, {}) == [(5001, 5002)]
