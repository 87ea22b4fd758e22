"""The worker's journal: what must outlive the worker does, in order, and within bounds."""

import sqlite3
from pathlib import Path

import pytest

from bridge.whatsapp.web.worker.failures import Failure
from bridge.whatsapp.web.worker.journal import KEPT_MS, Journal, Send
from bridge.whatsapp.web.worker.secrets import look_up
from bridge.whatsapp.web.worker.settling import boot, fate, settle

NOW = 1_800_000_000_000


def _open(path: Path, **limits):
    return Journal.open(path / "journal.db", now_ms=NOW, **limits)


def _texts(journal, after=0):
    journal.sync()
    return [kept.data["text"] for kept in journal.after(after, 1000)]


def _begin(journal, key, *, now_ms=NOW, secret=b"s" * 32):
    return journal.begin(key, secret, now_ms=now_ms, boot=boot())


def test_events_come_back_in_order_until_they_are_acknowledged(tmp_path):
    journal = _open(tmp_path)
    numbers = [journal.append("message", {"text": f"{index}"}) for index in range(5)]
    assert numbers == sorted(set(numbers))
    journal.acknowledge(numbers[1])
    journal.close()
    journal = _open(tmp_path)
    assert _texts(journal) == ["2", "3", "4"]
    assert journal.waiting == 3


def test_events_go_to_the_disk_together_and_sends_one_by_one(tmp_path):
    journal = _open(tmp_path)

    def syncs():
        return dict(journal._all("SELECT name, value FROM meta"))["syncs"]

    for index in range(50):
        journal.append("message", {"text": f"{index}"})
    assert (syncs(), journal.after(0, 1000)) == (0, [])
    journal.sync()
    journal.sync()
    assert (syncs(), len(journal.after(0, 1000))) == (1, 50)
    with pytest.raises(sqlite3.Error):
        journal.append(None, {})
    full = 2
    assert journal._one("PRAGMA synchronous") == (full,)


def test_long_events_are_not_all_read_at_once(tmp_path):
    journal = _open(tmp_path)
    for index in range(6):
        journal.append("message", {"text": f"{index}" + "x" * 2**20})
    journal.sync()
    read, last = [], 0
    while batch := journal.after(last, 100):
        assert 1 <= len(batch) <= 4
        last = batch[-1].seq
        read += [kept.data["text"][0] for kept in batch]
    assert read == list("012345")


def test_a_number_is_never_used_again(tmp_path):
    journal = _open(tmp_path)
    first = journal.append("message", {"text": "a"})
    journal.acknowledge(first)
    journal.close()
    assert _open(tmp_path).append("message", {"text": "b"}) > first


def test_odd_texts_come_back_as_far_as_they_can_be_written(tmp_path):
    journal = _open(tmp_path)
    journal.append("message", {"text": "\0 👋 \u202e \ud800"})
    assert _texts(journal) == ["\0 👋 \u202e ?"]


@pytest.mark.parametrize("limits", [{"events": 4}, {"size": 60}], ids=["number", "size"])
def test_it_says_when_too_much_waits_and_when_half_of_it_has_gone(tmp_path, limits):
    journal = _open(tmp_path, **limits)
    last = 0
    while not journal.full:
        assert last < 10
        last = journal.append("message", {"text": "x"})
    assert not journal.relieved
    journal.close()
    journal = _open(tmp_path, **limits)
    assert journal.full
    journal.acknowledge(last - 1)
    assert journal.relieved
    assert not journal.full


def test_what_was_begun_may_not_be_begun_again(tmp_path):
    journal = _open(tmp_path)
    assert _begin(journal, "k") is None
    assert _begin(journal, "k").state == "begun"
    journal.finish("k", "sent", message="M", at_ms=NOW, result={"id": "M"})
    known = _begin(journal, "k")
    assert (known.state, known.message, known.result) == ("sent", "M", {"id": "M"})


def test_what_was_certainly_not_sent_may_be_begun_again(tmp_path):
    journal = _open(tmp_path)
    _begin(journal, "k", secret=b"a" * 32)
    journal.finish("k", "not_sent")
    assert _begin(journal, "k", secret=b"b" * 32) is None
    assert journal.sent("k").secret == b"b" * 32


def test_old_sends_are_forgotten_and_nothing_is_certain_about_their_time(tmp_path):
    journal = _open(tmp_path)
    assert journal.covers(NOW)
    assert not journal.covers(NOW - 1)
    _begin(journal, "old", now_ms=NOW + 1)
    _begin(journal, "new", now_ms=NOW + 5000)
    journal.prune(NOW + KEPT_MS + 1)
    assert journal.sent("old") is None
    assert journal.sent("new") is not None
    assert not journal.covers(NOW + 1)
    assert journal.covers(NOW + 2)


def test_a_file_that_is_no_journal_is_a_failure_of_ours(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"x" * 5000)
    with pytest.raises(Failure) as failure:
        _open(tmp_path)
    assert failure.value.code == "broken"


def _store(path: Path, *secrets: tuple[str, bytes], devices: int = 1) -> Path:
    store = path / "session.db"
    base = sqlite3.connect(store)
    base.execute("CREATE TABLE whatsmeow_device (jid TEXT)")
    base.executemany("INSERT INTO whatsmeow_device VALUES (?)", [("x",)] * devices)
    base.execute("CREATE TABLE whatsmeow_message_secrets (message_id TEXT, key BLOB)")
    base.executemany("INSERT INTO whatsmeow_message_secrets VALUES (?, ?)", secrets)
    base.commit()
    base.close()
    return store


def test_what_a_worker_left_behind_is_settled_by_the_engines_store(tmp_path):
    journal = _open(tmp_path)
    _begin(journal, "left", secret=b"a" * 32)
    _begin(journal, "stayed", secret=b"b" * 32)
    settle(journal, _store(tmp_path, ("M1", b"a" * 32)), now_ms=NOW + 9)
    told = {kept.data["key"]: kept.data for kept in journal.after(0, 10)}
    assert told["left"] == {"key": "left", "fate": "unknown", "id": "M1", "at_ms": NOW + 9}
    assert told["stayed"] == {"key": "stayed", "fate": "not_sent", "id": None, "at_ms": NOW + 9}
    assert journal.unsure() == {"M1": "left"}
    settle(journal, tmp_path / "session.db", now_ms=NOW + 10)
    assert journal.waiting == 2


@pytest.mark.parametrize(
    ("found", "run", "expected"),
    [
        pytest.param({b"s": "M"}, "now", ("unknown", "M"), id="it left, and was it taken?"),
        pytest.param({}, "now", ("not_sent", None), id="it never left"),
        pytest.param({}, "before", ("unknown", None), id="the power may have taken the trace"),
        pytest.param(None, "now", ("unknown", None), id="another phone's store"),
    ],
)
def test_what_became_of_a_send_on_its_way(found, run, expected):
    send = Send(
        key="k",
        secret=b"s",
        begun_ms=NOW,
        boot=run,
        state="begun",
        message=None,
        at_ms=None,
        result=None,
    )
    assert fate(send, found, "now") == expected


def test_a_store_without_a_phone_tells_nothing(tmp_path):
    assert look_up(tmp_path / "session.db", [b"a"]) is None
    store = _store(tmp_path, devices=0)
    assert look_up(store, [b"a"]) is None
    store.write_bytes(b"no database" * 1000)
    assert look_up(store, [b"a"]) is None
