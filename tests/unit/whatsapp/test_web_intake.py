"""Events from the engine's thread: none is lost, whatever is in it."""

import base64
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.whatsapp.web.worker import events as intake
from bridge.whatsapp.web.worker.events import Intake
from bridge.whatsapp.web.worker.failures import Failure, clean, of_download, of_engine
from bridge.whatsapp.web.worker.history import forget_old
from bridge.whatsapp.web.worker.translate import milliseconds

MESSAGE, CONNECTED, TYPING = 17, 3, 19


class Unreadable:
    @staticmethod
    def FromString(_data):  # noqa: N802
        raise RuntimeError("a required field is missing")


class Told:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *args: self.calls.append((name, *args))


class Journal:
    """A disk that is full at first."""

    def __init__(self, fails=0):
        self.fails = fails
        self.kept = []

    def append(self, event, data):
        if self.fails:
            self.fails -= 1
            raise sqlite3.OperationalError("database or disk is full")
        self.kept.append((event, data))
        return len(self.kept)


def _intake(journal):
    types = SimpleNamespace(Message=Unreadable, Connected=Unreadable, ChatPresence=Unreadable)
    told = Told()
    return told, Intake(
        library=SimpleNamespace(types=types),
        journal=journal,
        translator=None,
        tells=told,
        keys={},
        history=Path("history"),
    )


def test_an_event_that_cannot_be_read_is_kept_as_it_came():
    journal = Journal()
    told, it = _intake(journal)
    it.event(MESSAGE, b"\x01\x02")
    raw = base64.b64encode(b"\x01\x02").decode()
    assert journal.kept == [("unknown", {"kind": "Message", "raw": raw, "bytes": 2})]
    assert told.calls == [("kept",)]


def test_what_no_frame_can_hold_is_told_without_its_content():
    journal = Journal()
    _, it = _intake(journal)
    it.event(MESSAGE, bytes(9_000_000))
    assert journal.kept == [("unknown", {"kind": "Message", "raw": None, "bytes": 9_000_000})]


def test_a_change_of_the_connection_is_told_even_when_it_cannot_be_read():
    told, it = _intake(Journal())
    it.event(CONNECTED, b"?")
    it.event(TYPING, b"?")
    assert told.calls == [("control", "Connected", None)]


def test_a_full_disk_holds_the_engine_back_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(intake, "_DISK_WAIT", 0)
    journal = Journal(fails=3)
    _, it = _intake(journal)
    it.event(MESSAGE, b"x")
    assert len(journal.kept) == 1


@pytest.mark.parametrize(
    ("words", "writes", "code", "certainty"),
    [
        ("websocket not connected", False, "not_connected", "not_done"),
        ("websocket not connected", True, "not_connected", "unknown"),
        ("message send: websocket disconnected, stream:error 515", True, "failed", "unknown"),
        ("the store doesn't contain a device JID", True, "not_logged_in", "not_done"),
        ("server returned error 463", True, "refused", "not_done"),
        ("info query returned status 404: item-not-found", False, "refused", "not_done"),
        ("failed to get device list: context deadline exceeded", True, "timeout", "not_done"),
        ("failed to get device list: not connected to WhatsApp", True, "not_connected", "not_done"),
        ("timed out waiting for message send response", True, "timeout", "unknown"),
        ("message send: info query timed out", False, "timeout", "not_done"),
        ("something new", True, "failed", "unknown"),
    ],
)
def test_what_the_engine_complains_of(words, writes, code, certainty):
    failure = of_engine(words, writes=writes)
    assert (failure.code, failure.certainty) == (code, certainty)


def test_a_file_that_whatsapp_has_no_more_is_gone():
    assert of_download("download failed with status code 410").code == "gone"
    assert of_download("websocket not connected").code == "not_connected"


def test_words_of_the_engine_are_told_without_what_is_secret():
    said = "dial socks5://user:pass@1.2.3.4:1: 5511900000001@s.whatsapp.net\nkey " + "Qk0" * 20
    told = Failure("failed", said).json()["message"]
    for secret in ("user", "pass", "5511900000001", "Qk0Qk0", "\n"):
        assert secret not in told
    assert clean("x" * 1000) == "…"


def test_times_are_milliseconds_in_whichever_unit_they_come():
    assert milliseconds(1_800_000_000) == milliseconds(1_800_000_000_000) == 1_800_000_000_000


def test_history_takes_so_many_files_and_bytes_and_the_newest_stay(tmp_path):
    def fill():
        for number in range(6):
            (tmp_path / f"{number}.json.gz").write_bytes(b"x" * 100)
        (tmp_path / "6.json.part").write_bytes(b"cut off")

    def left():
        return sorted(path.name[0] for path in tmp_path.iterdir())

    fill()
    forget_old(tmp_path, files=4)
    assert left() == ["2", "3", "4", "5"]
    fill()
    forget_old(tmp_path, size=250)
    assert left() == ["4", "5"]
    fill()
    forget_old(tmp_path, size=10)
    assert left() == ["5"]
