"""Has sounds made into voice notes, each by a process of its own (`child`).

A decoder that runs wild over a hostile file takes nothing of the service with it: not its memory,
not its time, and not its life.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

__all__ = ("CHILD", "INSTALL", "Measured", "NotMade", "VoiceNotes", "environment", "installed")

INSTALL: Final = "pip install 'ponte[voice]'"
_LIBRARY: Final = "av"
#: Without arguments it says the version of the library.
CHILD: Final = (sys.executable, "-P", str(Path(__file__).with_name("child.py")))
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")

#: Conversions at the same time; each keeps a processor busy.
AT_ONCE: Final = 2
#: Seconds. The child ends itself after 120.
_PATIENCE: Final = 125.0
#: Of sound; longer ones stay what they are.
_LONGEST: Final = 2 * 3600
_LONGEST_ANSWER: Final = 4096
_WAVEFORM: Final = 64
_LOUDEST: Final = 100


class NotMade(Exception):
    """There is no voice note; in words for the log, with nothing of the file in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How long a sound plays, and how loud it is: 64 bytes of 0 to 100."""

    seconds: int
    waveform: bytes


def installed() -> bool:
    """Whether the optional part is there; loading it may fail all the same."""
    return find_spec(_LIBRARY) is not None


def environment() -> dict[str, str]:
    """Of a child: nothing secret is in it."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


class VoiceNotes:
    """`command` is another program in the child's place."""

    def __init__(
        self,
        command: Sequence[str] = CHILD,
        *,
        patience: float = _PATIENCE,
        longest: int = _LONGEST,
    ) -> None:
        self._command = tuple(command)
        self._patience = patience
        self._longest = longest
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def make(self, source: Path, into: Path, *, limit: int) -> Measured:
        """Write a voice note (Ogg, Opus, mono) of at most `limit` bytes to the path `into`.

        Raises `NotMade`; then nothing is left at `into`.
        """
        try:
            return await self._run(limit, source, into)
        except BaseException:
            await asyncio.to_thread(into.unlink, missing_ok=True)
            raise

    async def measure(self, source: Path) -> Measured:
        """Raises `NotMade`."""
        return await self._run(0, source)

    async def _run(self, limit: int, *paths: Path) -> Measured:
        given = (str(self._longest), str(limit), *(str(path.absolute()) for path in paths))
        async with self._turn:
            return _measured(await _answer((*self._command, *given), seconds=self._patience))


async def _answer(command: Sequence[str], *, seconds: float) -> dict[str, Any]:
    """What a program says in its one line; it is gone when this returns. Raises `NotMade`."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise NotMade(f"its program does not start ({error.strerror})") from error
    assert child.stdout is not None  # noqa: S101  (it is a pipe)
    said = b""
    try:
        async with asyncio.timeout(seconds):
            while len(said) < _LONGEST_ANSWER and (
                piece := await child.stdout.read(_LONGEST_ANSWER)
            ):
                said += piece
            if len(said) < _LONGEST_ANSWER:
                await child.wait()  # it has hung up, and says how it ended
    except TimeoutError:
        raise NotMade(f"it took longer than {seconds:g} s") from None
    finally:
        await _end(child)
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        raise NotMade(f"its program failed (status {child.returncode})") from None
    if not isinstance(told, dict) or "error" in told:
        why = str(told.get("error"))[:200] if isinstance(told, dict) else "nonsense"
        raise NotMade(why)
    return told


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill what may still run, and wait for its end; being cancelled does not cut this short."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
    ending = asyncio.ensure_future(_drained(child))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _drained(child: asyncio.subprocess.Process) -> None:
    """Its end is not noticed while something of what it said is unread."""
    while child.stdout is not None and await child.stdout.read(_LONGEST_ANSWER):
        pass
    await child.wait()


def _measured(told: dict[str, Any]) -> Measured:
    seconds, waveform = told.get("seconds"), told.get("waveform")
    if not isinstance(seconds, int) or not 0 < seconds <= _LONGEST + 1:
        raise NotMade("its program says no length")
    try:
        heights = bytes.fromhex(str(waveform))
    except ValueError:
        heights = b""
    if len(heights) != _WAVEFORM or max(heights) > _LOUDEST:
        raise NotMade("its program says no waveform")
    return Measured(seconds=seconds, waveform=heights)
