"""What `ponte doctor` says about voice notes."""

from __future__ import annotations

import sys

import pytest

from bridge.cli.doctor import voice
from bridge.cli.doctor.finding import State


def test_the_library_is_loaded_as_for_a_conversion() -> None:
    found = voice.voice_finding(wanted=True)
    assert found.state is State.OK
    assert "becomes voice notes (PyAV " in found.text


def test_without_the_part_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "installed", lambda: False)
    found = voice.voice_finding(wanted=True)
    assert (found.state, "pip install 'ponte[voice]'" in found.text) == (State.OK, True)


@pytest.mark.parametrize("code", ["import os; os.kill(os.getpid(), 9)", "print('[]')", "print(1)"])
def test_a_library_that_cannot_be_loaded_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(voice, "CHILD", (sys.executable, "-c", code))
    found = voice.voice_finding(wanted=True)
    assert found.state is State.WARNING
    assert "pip install" in (found.advice or "")


def test_what_is_switched_off_is_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "CHILD", ("/nowhere",))
    assert "is off" in voice.voice_finding(wanted=False).text
