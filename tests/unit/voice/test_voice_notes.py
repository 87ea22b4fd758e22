"""Sounds become voice notes, and no sound takes the service with it."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.voice.notes import CHILD, NotMade, VoiceNotes
from support.sounds import encoded, wav

MIB = 2**20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def put(folder: Path, data: bytes) -> Path:
    path = folder / "out-1-0"
    path.write_bytes(data)
    return path


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "webm", "stereo ogg", "flac"])
async def test_what_recorders_and_phones_give_becomes_a_voice_note(folder: Path, kind: str) -> None:
    rising = wav(3, lambda second: second / 3)
    source = put(folder, rising if kind == "wav" else encoded(rising, kind))
    into = folder / "note"
    made = await VoiceNotes().make(source, into, limit=MIB)
    assert made.seconds == 3
    assert (len(made.waveform), max(made.waveform)) == (64, 100)
    assert made.waveform[8] < made.waveform[32] < made.waveform[56]
    note = into.read_bytes()
    assert note.startswith(b"OggS")
    assert b"OpusHead\x01\x01" in note[:64], "one channel"
    assert len(note) < 20_000
    again = await VoiceNotes().measure(into)
    assert again.seconds == 3
    assert into.read_bytes() == note


async def test_silence_is_flat(folder: Path) -> None:
    made = await VoiceNotes().measure(put(folder, wav(0.3, lambda _: 0)))
    assert (made.seconds, made.waveform) == (1, bytes(64))


async def test_of_a_file_that_is_cut_off_the_beginning_is_kept(folder: Path) -> None:
    whole = encoded(wav(4), "mp3")
    made = await VoiceNotes().make(put(folder, whole[: len(whole) // 2]), folder / "n", limit=MIB)
    assert made.seconds == 2


def lying_wav() -> bytes:
    """It plays for half a second, and says that it goes on for a day."""
    data = bytearray(wav(0.5))
    struct.pack_into("<I", data, 4, 0xFFFF_FFF0)
    struct.pack_into("<I", data, 40, 0xFFFF_FF00)
    return bytes(data)


async def test_a_length_that_is_only_said_counts_for_nothing(folder: Path) -> None:
    made = await VoiceNotes().make(put(folder, lying_wav()), folder / "note", limit=MIB)
    assert made.seconds == 1


def hostile() -> dict[str, bytes]:
    tone = wav(0.2)
    channels, rate = bytearray(tone), bytearray(tone)
    struct.pack_into("<H", channels, 22, 0xFFFF)
    struct.pack_into("<I", rate, 24, 0xFFFF_FFFF)
    return {
        "empty": b"",
        "a text": b"bom dia " * 1000,
        "half a header": encoded(tone, "m4a")[:200],
        "a playlist": b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "too many channels": bytes(channels),
        "too fast": bytes(rate),
        "no samples": tone[:44],
    }


@pytest.mark.parametrize("what", list(hostile()))
async def test_what_is_no_sound_is_refused_and_nothing_is_left(folder: Path, what: str) -> None:
    source = put(folder, hostile()[what])
    with pytest.raises(NotMade):
        await VoiceNotes().make(source, folder / "note", limit=MIB)
    assert left(folder) == [source]


async def test_a_list_of_files_is_not_followed(folder: Path) -> None:
    (folder / "other").write_bytes(wav(1))
    source = put(folder, b"ffconcat version 1.0\nfile other\n")
    with pytest.raises(NotMade, match="cannot be read"):
        await VoiceNotes().measure(source)


async def test_what_plays_for_too_long_or_gets_too_large_is_given_up(folder: Path) -> None:
    source = put(folder, encoded(wav(5, lambda _: 0), "flac"))
    with pytest.raises(NotMade, match="longer than 2 s"):
        await VoiceNotes(longest=2).make(source, folder / "note", limit=MIB)
    with pytest.raises(NotMade):
        await VoiceNotes().make(source, folder / "note", limit=500)
    assert left(folder) == [source]


def test_memory_and_files_are_bounded(folder: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import child; child._bound(1000)\n"
        "try: bytearray(400 * 2**20)\n"
        "except MemoryError: print('no memory')\n"
        "file = open(sys.argv[2], 'wb', buffering=0)\n"
        "print(file.write(bytes(2000)), child.signal.alarm(0) > 0)"
    )
    told = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", code, str(Path(CHILD[-1]).parent), str(folder / "large")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == "no memory\n1000 True\n"


def doing(code: str, patience: float = 30) -> VoiceNotes:
    """Another program in the child's place."""
    return VoiceNotes((sys.executable, "-c", code), patience=patience)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "status -11"),
        ("print('x' * 10**7)", "failed"),
        ("print('[' * 4000)", "failed"),
        ("print('[1]')", "nonsense"),
        ("print('{}')", "no length"),
        ('print(\'{"seconds": -1, "waveform": ""}\')', "no length"),
        ("print('{\"seconds\": 1, \"waveform\": \"' + 'ff' * 64 + '\"}')", "no waveform"),
        ('print(\'{"seconds": 1, "waveform": "zz"}\')', "no waveform"),
    ],
)
async def test_a_program_that_dies_or_talks_nonsense_is_told_apart(
    folder: Path, code: str, why: str
) -> None:
    with pytest.raises(NotMade, match=why):
        await doing(code).measure(put(folder, b"x"))


async def test_a_program_that_hangs_is_ended(folder: Path) -> None:
    with pytest.raises(NotMade, match="longer than"):
        await doing("import time; time.sleep(600)", patience=0.3).measure(put(folder, b"x"))


async def test_whoever_does_not_wait_any_more_leaves_nothing_running(folder: Path) -> None:
    said = folder / "pid"
    code = f"import os, time; open({str(said)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    waiting = asyncio.ensure_future(doing(code).make(put(folder, b"x"), folder / "n", limit=1))
    while not (said.exists() and said.read_text()):  # noqa: ASYNC110  the disk sends no events
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)


async def test_the_program_is_told_nothing_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PONTE_AUTH__API_KEY", "secret")
    code = "import json, os; print(json.dumps({'error': ' '.join(sorted(os.environ))[:150]}))"
    with pytest.raises(NotMade) as caught:
        await doing(code).measure(put(folder, b"x"))
    assert "PATH" in str(caught.value)
    assert "PONTE" not in str(caught.value)
