"""Who is who, whatever comes first: events about the same few people in any order, repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import permutations
from random import Random  # noqa: TID251  (hypothesis gives it)
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.identity import keys
from bridge.core.party import Party
from bridge.relay.people import DAY, place_told
from bridge.relay.who import who
from bridge.store.queries import bindings, joins, links, people
from support.people_book import NOW, SCOPE, Book, Told, book, instance

T = TypeVar("T")

P1, P1_OLD, P2 = "5511987650001", "551187650001", "5521987650002"
L1, L2 = "103899771990001", "103899771990002"
B1, B2 = "BR.1", "BR.2"
#: The same business sees one person under one BSUID on all its numbers; another sees other BSUIDs.
C1, C2 = "BR.101", "BR.102"
INSTANCES = (
    instance("cloud", business="waba-1"),
    instance("cloud-2", business="waba-1"),
    instance("other-cloud", business="waba-2"),
    instance("web"),
    instance("web-2"),
)
PHONE = "phone:5511987650001"

_phones = st.sampled_from([None, P1, P1_OLD, P2])
_cloud = st.builds(Party, wa_id=_phones, bsuid=st.sampled_from([None, B1, B2]))
_other = st.builds(Party, wa_id=_phones, bsuid=st.sampled_from([None, C1, C2]))
_web = st.builds(Party, wa_id=_phones, lid=st.sampled_from([None, L1, L2]))
_TOLD_ON = {
    "cloud": _cloud,
    "cloud-2": _cloud,
    "other-cloud": _other,
    "web": _web,
    "web-2": _web,
}


@st.composite
def _events(draw: st.DrawFn) -> Told:
    on = draw(st.sampled_from(sorted(_TOLD_ON)))
    party = draw(_TOLD_ON[on].filter(keys))
    how = draw(st.sampled_from(["wrote", "wrote", "wrote", "named", "typed", "changed"]))
    new = draw(_TOLD_ON[on].filter(keys)) if how == "changed" else Party()
    return Told(on=on, party=party, at=draw(st.integers(1, 12)) * DAY // 3, how=how, new=new)


def heard(
    told: Sequence[Told], *, at_once: bool, times: int = 1
) -> tuple[set[frozenset[str]], dict[tuple[frozenset[str], str], object]]:
    """Who is who, and their addresses wherever messages were, after this (again and again)."""
    with book(INSTANCES) as its:
        for one in list(told) * times:
            its.hear(one)
            if at_once:
                its.run_links()
        its.run_links()
        check(its, told)
        wrote = [one for one in told if one.how in {"wrote", "typed"}]
        chats = {(its.person_of(keys(one.party)[0]), one.on) for one in wrote}
        addresses = its.addresses()
        return its.people(), {chat: addresses.get(chat) for chat in chats}


def check(its: Book, told: Iterable[Told]) -> None:
    """What holds whatever came: by a union-find that knows nothing of times."""
    events = [one for one in told if one.keys]
    connected = components([one.keys for one in events])
    people = its.people()
    for person in people:
        assert any(person <= one for one in connected), "joined without a shared key"
    known = {key for person in people for key in person}
    for one in events:
        ids = {key for key in one.keys & known if not key.startswith("phone:")}
        assert not ids or any(ids <= person for person in people), "one event, two persons"
    for component in connected:
        if not may_be_two(component):
            assert component & known in {*people, frozenset()}, "one person is two"
    shown = components([hidden(one.keys) for one in events if hidden(one.keys)])
    changed = components([one.keys for one in events if one.how == "changed"])
    for person in people:
        lids = frozenset(key for key in person if key.startswith("lid:"))
        assert any(lids <= one for one in shown) or not lids, "two LIDs without a word"
        if may_be_two(person - lids):
            assert any(person & one for one in changed), "two ids of a business without a word"
    strays = its.db.execute(
        "SELECT COUNT(*) FROM chat JOIN person ON person.id=chat.person_id"
        " WHERE person.merged_into IS NOT NULL"
    ).fetchone()
    assert strays[0] == 0


def components(groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    found: list[frozenset[str]] = []
    for group in groups:
        touching = [one for one in found if one & group]
        found = [one for one in found if not one & group]
        found.append(group.union(*touching))
    return found


def hidden(keys: frozenset[str]) -> frozenset[str]:
    return frozenset(key for key in keys if not key.startswith("phone:"))


def may_be_two(component: frozenset[str]) -> bool:
    kinds = [
        {key for key in component if key.startswith(start)}
        for start in ("lid:", "bsuid:BR.10", "bsuid:")
    ]
    lids, others, bsuids = kinds
    return max(len(lids), len(others), len(bsuids - others)) > 1


@settings(max_examples=60)
@given(st.lists(_events(), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_any_order_and_repetition_end_in_the_same_people_and_addresses(
    told: list[Told], chance: Random
) -> None:
    """Addresses: once each number was heard of again, by whom it is now."""
    shuffled = [*told, *chance.choices(told, k=3)]
    chance.shuffle(shuffled)

    one_by_one, _ = heard(told, at_once=True)
    mixed, _ = heard(shuffled, at_once=chance.random() < 0.5)
    # A change of somebody of whom nobody has heard makes nobody known.
    common = frozenset().union(*one_by_one) & frozenset().union(*mixed)
    assert {one & common for one in one_by_one if one & common} == {
        one & common for one in mixed if one & common
    }

    told = [one for one in told if one.how != "changed"]
    shuffled = [one for one in shuffled if one.how != "changed"]
    assert heard(told, at_once=False, times=2) == heard(shuffled, at_once=True, times=2)


MARINA_1, STRANGER_1 = Party(wa_id=P1, lid=L1), Party(wa_id=P1_OLD, lid=L2)


@pytest.mark.parametrize(
    ("told", "owner", "others"),
    [
        pytest.param(
            [(MARINA_1, 1), (STRANGER_1, 2)], f"lid:{L2}", [f"lid:{L1}"], id="the later has it"
        ),
        pytest.param(
            [(MARINA_1, 3), (STRANGER_1, 2)],
            f"lid:{L1}",
            [f"lid:{L2}"],
            id="older news takes nothing back",
        ),
        pytest.param(
            [(MARINA_1, 1), (STRANGER_1, 2), (MARINA_1, 3)],
            f"lid:{L1}",
            [f"lid:{L2}"],
            id="it came back",
        ),
        pytest.param(
            [(MARINA_1, 2), (STRANGER_1, 2)],
            f"lid:{L2}",
            [f"lid:{L1}"],
            id="at the same time the greater key",
        ),
        pytest.param(
            [(MARINA_1, 1), (Party(wa_id=P2, lid=L1), 2), (STRANGER_1, 3)],
            f"lid:{L2}",
            [f"lid:{L1}", "phone:5521987650002"],
            id="with another number in between",
        ),
    ],
)
def test_whose_a_recycled_number_is(
    told: list[tuple[Party, int]], owner: str, others: list[str]
) -> None:
    for order in permutations(told):
        with book(INSTANCES) as its:
            for party, at in order:
                its.hear(Told(on="web", party=party, at=at))
            assert its.person_of(PHONE) == {owner, PHONE}
            assert its.person_of(others[0]) == set(others)
            (address,) = (
                address for who, address in its.addresses().items() if others[0] in who[0]
            )
            assert address[0] != P1  # nobody writes to them under it any more


@pytest.mark.parametrize(
    ("other", "is_one"),
    [("cloud", False), ("cloud-2", False), ("other-cloud", True)],
)
def test_two_bsuids_with_one_number_are_two_persons_within_a_portfolio(
    other: str, is_one: bool
) -> None:
    events = [
        Told(on="cloud", party=Party(wa_id=P1, bsuid=B1), at=1),
        Told(on=other, party=Party(wa_id=P1, bsuid=C1), at=2),
    ]
    for order in permutations(events):
        with book(INSTANCES) as its:
            for one in order:
                its.hear(one)
            assert (len(its.people()) == 1) is is_one
            assert f"bsuid:{C1}" in its.person_of(PHONE)


def test_a_portfolio_of_two_accounts_is_known_by_a_bsuid_that_both_tell() -> None:
    """B2 took the number of B1, which is known once the second account has told of B1 too."""
    with book(INSTANCES) as its:
        its.hear(Told(on="cloud", party=Party(wa_id=P1, bsuid=B1), at=1))
        before = its.hear(Told(on="other-cloud", party=Party(wa_id=P1, bsuid=B2), at=2))
        assert len(its.people()) == 1
        chat = its.hear(Told(on="other-cloud", party=Party(bsuid=B1), at=3))
        assert its.person_of(PHONE) == {PHONE, f"bsuid:{B2}"}
        assert its.person_of(f"bsuid:{B1}") == {f"bsuid:{B1}"}
        assert chat != before


P3, B3, B4 = "5531987650003", "BR.3", "BR.4"


def wrote(number: str | None, *, bsuid: str | None = None, at: float, on: str = "cloud") -> Told:
    return Told(on=on, party=Party(wa_id=number, bsuid=bsuid), at=int(at * DAY))


def word(number: str | None, new: str, *, bsuid: str | None = None, at: float) -> Told:
    """WhatsApp tells of a change of number, without the new BSUID (whatsapp-channels.md A.4)."""
    old = Party(wa_id=number, bsuid=bsuid)
    return Told(on="cloud", party=old, new=Party(wa_id=new), how="changed", at=int(at * DAY))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(
            [wrote(P1, bsuid=B1, at=1), word(P1, P2, at=3), wrote(P2, bsuid=B2, at=5)],
            [{P1, B1, P2, B2}],
            id="the first to show an id is the one who came",
        ),
        pytest.param(
            [
                wrote(None, bsuid=B1, at=1),
                word(None, P2, bsuid=B1, at=3),
                wrote(P2, bsuid=B2, at=5),
            ],
            [{B1, P2, B2}],
            id="of whom no number was known",
        ),
        pytest.param(
            [wrote(P1, bsuid=B1, at=1), word(P1, P2, at=3), wrote(P2, bsuid=B2, at=2.99)],
            [{P1, B1, P2, B2}],
            id="what overtook the word of it",
        ),
        pytest.param(
            [wrote(P1, bsuid=B1, at=1), word(P1, P2, at=3), wrote(P2, bsuid=B2, at=2)],
            [{P1, B1, P2}, {B2}],
            id="who had the number before is another",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                wrote(P2, bsuid=B3, at=2),
                word(P1, P2, at=3),
                wrote(P2, bsuid=B2, at=5),
                wrote(P2, bsuid=B4, at=400),
            ],
            [{P1, B1, B2}, {B3}, {P2, B4}],
            id="of three owners the middle one",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                word(P1, P2, bsuid=B1, at=3),
                wrote(P2, bsuid=B2, at=5),
                wrote(P1, bsuid=B3, at=400),
            ],
            [{P2, B1, B2}, {P1, B3}],
            id="the old number is somebody else's in the end",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                wrote(P1, bsuid=C1, at=2, on="other-cloud"),
                word(P1, P2, at=3),
                wrote(P2, bsuid=B2, at=5),
                wrote(P2, bsuid=C2, at=6, on="other-cloud"),
            ],
            [{P1, P2, B1, B2, C1, C2}],
            id="told to one business, true of all",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                word(P1, P2, at=2),
                word(P2, P3, at=3),
                wrote(P3, bsuid=B3, at=4),
            ],
            [{P1, P2, P3, B1, B3}],
            id="twice, and silent in between",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                word(P1, P2, at=2),
                word(P2, P1, at=3),
                wrote(P1, bsuid=B1, at=4),
                wrote(P1, bsuid=B3, at=400),
            ],
            [{P2, B1}, {P1, B3}],
            id="back again, and given up later",
        ),
        pytest.param(
            [
                wrote(P1, bsuid=B1, at=1),
                word(P1, P2, at=2),
                wrote(P3, bsuid=B3, at=1),
                word(P3, P2, at=300),
                wrote(P2, bsuid=B4, at=301),
            ],
            [{P1, B1}, {P2, P3, B3, B4}],
            id="the last whom it was told of",
        ),
        pytest.param(
            [
                Told(on="web", party=Party(wa_id=P1, lid=L1), at=DAY),
                word(P1, P2, at=2),
                Told(on="web", party=Party(wa_id=P2, lid=L2), at=3 * DAY),
            ],
            [{L1}, {P1, P2, L2}],
            id="two LIDs are two all the same",
        ),
    ],
)
def test_who_has_another_number_by_word_of_whatsapp_is_who_shows_an_id_with_it_first(
    told: list[Told], expected: list[set[str]]
) -> None:
    orders = list(permutations(told))
    for order in orders[:: len(orders) // 24 or 1]:
        with book(INSTANCES) as its:
            for one in order * 2:
                its.hear(one)
            its.run_links()
            people = {frozenset(key.partition(":")[2] for key in one) for one in its.people()}
            assert people == {frozenset(one) for one in expected}
            check(its, told)


def test_what_only_names_people_makes_them_known_without_a_chat() -> None:
    with book(INSTANCES) as its:
        its.hear(Told(on="web", party=MARINA_1, at=1, how="named"))
        its.hear(Told(on="web", party=Party(wa_id=P2), at=1, how="named"))
        assert its.people() == {frozenset({PHONE, f"lid:{L1}"})}
        assert its.addresses() == {}


def test_a_chat_goes_along_with_its_own_id_when_one_person_turns_out_to_be_two() -> None:
    """The number joined a LID and a BSUID, until it came out that it had changed hands before."""
    with book(INSTANCES) as its:
        web = its.hear(Told(on="web", party=MARINA_1, at=1))
        cloud = its.hear(Told(on="cloud", party=Party(wa_id=P1, bsuid=B1), at=9))
        its.db.execute("UPDATE chat SET conversation_id=7 WHERE id=?", (web,))
        its.db.execute("UPDATE chat SET conversation_id=8 WHERE id=?", (cloud,))
        its.hear(Told(on="web-2", party=STRANGER_1, at=5))

        assert its.person_of(f"bsuid:{B1}") == {PHONE, f"bsuid:{B1}", f"lid:{L2}"}
        assert its.hear(Told(on="web", party=Party(lid=L1), at=10)) == web
        assert its.hear(Told(on="cloud", party=Party(bsuid=B1), at=10)) == cloud
        assert its.hear(Told(on="web", party=Party(lid=L2), at=10)) not in {web, cloud}


def test_what_a_job_found_for_a_chat_is_not_kept_once_it_is_somebody_elses() -> None:
    """It asked Chatwoot while an accept commit found out that the chat is another person's."""
    with book(INSTANCES) as its:
        chat = its.hear(Told(on="web", party=MARINA_1, at=1))
        assert chat is not None
        ids = {"source_id": "x", "conversation_id": 7, "status": "open"}
        bindings.bind(its.db, chat, person_id=2, **ids)
        bindings.bind(its.db, chat, person_id=1, **ids)
        its.db.execute("UPDATE chat SET person_id=2")
        bindings.bind(its.db, chat, person_id=1, **ids | {"conversation_id": 8})
        assert [row[0] for row in its.db.execute("SELECT conversation_id FROM chat")] == [7]


def test_nothing_names_an_erased_persons_number_not_even_a_change_that_was_told_of() -> None:
    with book(INSTANCES) as its:
        for one in (wrote(P1, bsuid=B1, at=1), word(P1, P2, at=2), wrote(P1, bsuid=B3, at=400)):
            its.hear(one)
        assert its.person_of(f"phone:{P2}") == {f"phone:{P2}", f"bsuid:{B1}"}
        (person,) = its.db.execute(
            "SELECT person_id FROM identity_key WHERE key=?", (f"phone:{P2}",)
        ).fetchone()
        links.delete_of(its.db, SCOPE, person)
        left = its.db.execute("SELECT one, other FROM identity_link").fetchall()
        assert left
        assert not [row for row in left if P2 in row["one"] + row["other"]]


def test_a_steady_message_costs_one_read_more_and_no_write() -> None:
    with book(INSTANCES) as its:
        party = Party(wa_id=P1, bsuid=B1, name="Marina")
        its.hear(Told(on="cloud", party=party, at=DAY))
        done: list[str] = []
        its.db.set_trace_callback(done.append)
        its.hear(Told(on="cloud", party=party, at=DAY + 1))
        its.hear(Told(on="cloud", party=party, at=DAY + 2, how="named"))
        its.db.set_trace_callback(None)

        what = [" ".join(one.split()[:2]) for one in done if not one.startswith("BEGIN")]
        # Before: whose the keys are, the chat, and when they wrote last.
        assert what == ["SELECT key,", "SELECT one,", "SELECT id,", "UPDATE chat", "SELECT one,"]


def test_people_of_a_number_are_the_accounts_once_it_has_one() -> None:
    own = "instance:web"
    with book(INSTANCES) as its:
        its.hear(Told(on="web", party=Party(lid=L1), at=1))
        for table in ("identity_key", "identity_link", "person"):
            its.db.execute(f"UPDATE {table} SET scope=?", (own,))  # noqa: S608
        its.hear(Told(on="web-2", party=Party(lid=L2), at=1))
        its.hear(Told(on="web-2", party=Party(wa_id=P1), at=1))
        its.db.execute("INSERT INTO identity_link VALUES(?,?,?,'e',1,1)", (own, f"lid:{L1}", PHONE))
        people.move(its.db, "web", own, SCOPE)

        assert its.people() == {frozenset({f"lid:{L1}", PHONE}), frozenset({f"lid:{L2}"})}
        (scopes,) = its.db.execute("SELECT COUNT(DISTINCT scope) FROM identity_link").fetchone()
        assert scopes == 1
        chat = its.hear(Told(on="web", party=Party(wa_id=P1), at=2))
        assert its.hear(Told(on="web", party=Party(lid=L1), at=3)) == chat


# ------------------------------------------------------------------ contacts of who is one


def bound(its: Book, person: int, contact: int | None, **more: object) -> None:
    row = {"scope": SCOPE, "person_id": person, "contact_id": contact, "claimed_at": 0, **more}
    its.db.execute(
        f"INSERT INTO contact({','.join(row)}) VALUES({','.join('?' * len(row))})",
        tuple(row.values()),
    )


def two_who_are_one(its: Book) -> None:
    its.hear(Told(on="web", party=Party(wa_id=P1), at=1))
    its.hear(Told(on="web", party=Party(lid=L1), at=2))


def test_the_contact_of_who_stays_is_kept_and_the_other_is_remembered() -> None:
    with book(INSTANCES) as its:
        two_who_are_one(its)
        bound(its, 1, 41, name="Marina")
        bound(its, 2, 42, address_name="Marina da obra", address_at=5)
        its.db.execute("INSERT INTO other_contact VALUES(?,43,2,1)", (SCOPE,))
        its.hear(Told(on="web", party=MARINA_1, at=3))
        assert its.waiting == [(1, 2)]
        joined = joins.join(its.db, SCOPE, 1, 2, now=NOW)

        assert joined.has_other_contact
        ((kept, gone, on),) = joined.chats
        assert (kept, gone, on) == (1, 2, "web")
        (contact,) = its.db.execute("SELECT * FROM contact").fetchall()
        assert (contact["person_id"], contact["contact_id"]) == (1, 41)
        assert (contact["name"], contact["address_name"]) == ("Marina", "Marina da obra")
        others = its.db.execute("SELECT contact_id, person_id FROM other_contact").fetchall()
        assert {tuple(row) for row in others} == {(42, 1), (43, 1)}


def test_who_stays_gets_the_contact_of_the_other_where_they_have_none() -> None:
    with book(INSTANCES) as its:
        two_who_are_one(its)
        bound(its, 1, None, address_name="Marina", address_at=9)
        bound(its, 2, 42, name="Ma", address_name="M", address_at=5)
        joined = joins.join(its.db, SCOPE, 1, 2, now=NOW)

        assert not joined.has_other_contact
        (contact,) = its.db.execute("SELECT * FROM contact").fetchall()
        assert (contact["person_id"], contact["contact_id"]) == (1, 42)
        assert (contact["name"], contact["address_name"]) == ("Ma", "Marina")


def test_what_stands_in_chatwoot_makes_no_one_person_of_two() -> None:
    """An agent may have written anybody's number onto a contact."""
    with book(INSTANCES) as its:
        two_who_are_one(its)
        web = its.instances["web"]
        told = place_told(its.db, web, MARINA_1, evidence="chatwoot contact 7", now=NOW)
        assert told is not None
        assert (told.person_id, told.merges, len(its.people())) == (2, (), 2)
        # Of whom nothing was known, it is all that is known until WhatsApp says otherwise.
        new = place_told(its.db, web, Party(wa_id=P2, lid=L2), evidence="chatwoot", now=NOW)
        assert new is not None
        chat = its.hear(Told(on="web", party=Party(lid=L2), at=1))
        assert chat == new.chat_id


# ------------------------------------------------------------------ asked by people


class Reading:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self.db)


def at_once(asked: Coroutine[None, None, T]) -> T:
    """What is answered without waiting for anything."""
    with pytest.raises(StopIteration) as answered:
        asked.send(None)
    answer: T = answered.value.value
    return answer


@pytest.mark.parametrize(
    "asked",
    [f"+{P1}", P1_OLD, f"{P1_OLD}@s.whatsapp.net", L1, f"{L1}@lid", f"lid:{L1}", PHONE, "41"],
)
def test_who_tells_all_of_a_person_by_any_of_their_ids(asked: str) -> None:
    with book(INSTANCES) as its:
        two_who_are_one(its)
        bound(its, 1, 41)
        its.hear(Told(on="web", party=MARINA_1, at=3 * DAY))
        its.run_links()
        (one,) = at_once(who(Reading(its.db), asked))

    assert {key["key"] for key in one["keys"]} == {PHONE, f"lid:{L1}"}
    (link,) = one["links"]
    assert (link["first"], link["evidence"]) == (
        "1970-01-04T00:00:00.000+00:00",
        f"wrote {3 * DAY}",
    )
    assert link["is_theirs"]
    assert (one["contact"], [former["person"] for former in one["merged_from"]]) == (41, [2])
    (chat,) = one["chats"]
    assert chat["address"] == {"wa_id": P1, "lid": L1}


def test_who_tells_of_a_number_that_was_lost() -> None:
    with book(INSTANCES) as its:
        its.hear(Told(on="web", party=MARINA_1, at=1))
        its.hear(Told(on="web", party=STRANGER_1, at=2))
        (one,) = at_once(who(Reading(its.db), L1))
        assert at_once(who(Reading(its.db), "nobody")) == []
    assert [link["is_theirs"] for link in one["links"]] == [False]
