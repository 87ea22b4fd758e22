"""Voice notes: whether what makes them is there, and works."""

from __future__ import annotations

import json
import subprocess
from typing import Final

from bridge.cli.doctor.finding import Finding
from bridge.cli.doctor.local import PONTE
from bridge.voice.notes import CHILD, INSTALL, environment, installed

WHAT: Final = "voice notes"
_SECONDS: Final = 30


def voice_finding(*, wanted: bool) -> Finding:
    """`wanted` is what the settings say (`relay.voice_notes`)."""
    if not wanted:
        return PONTE.ok(WHAT, "relay.voice_notes is off; sound of agents goes as audio files")
    if not installed():
        text = f"sound of agents goes as audio files; {INSTALL} makes voice notes of it"
        return PONTE.ok(WHAT, text)
    version = _version()
    if version is None:
        return PONTE.warning(
            WHAT,
            "the optional part voice is installed, but its library cannot be loaded",
            f"Install it again: {INSTALL}",
        )
    return PONTE.ok(WHAT, f"sound of agents becomes voice notes (PyAV {version})")


def _version() -> str | None:
    """Of the library, loaded as it is for a conversion; None when it cannot be."""
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            CHILD, capture_output=True, timeout=_SECONDS, check=False, env=environment()
        )
        told = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    version = told.get("version") if isinstance(told, dict) else None
    return version if isinstance(version, str) else None
