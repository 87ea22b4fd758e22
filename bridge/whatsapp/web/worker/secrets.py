"""Finds sends again in the engine's own store, by the secret that each message carries.

The engine writes a message's secret with its id before the stanza leaves, so a secret that is not
there was not sent. Where the engine has the store open this must run in a process of its own
(`python -m`, secrets on stdin): POSIX locks of a process are dropped by whichever of its parts
closes the file first, so reading it next to the engine could break the engine's locks.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

_PATIENCE: Final = 10.0


def look_up(store: Path, secrets: Iterable[bytes]) -> dict[bytes, str] | None:
    """The message of each secret that is there. None: the store tells nothing (no phone in it)."""
    if not store.is_file():
        return None
    try:
        with _opened(store) as base:
            if not _devices(base):
                return None
            return {secret: name for secret in secrets if (name := _message(base, secret))}
    except sqlite3.Error:
        return None


def has_phone(store: Path) -> bool:
    """Whether a phone is linked. The engine must not run: it makes the file before that is so."""
    if not store.is_file():
        return False
    try:
        with _opened(store) as base:
            return _devices(base) > 0
    except sqlite3.OperationalError as error:
        return "no such table" not in str(error)
    except sqlite3.Error:
        return True  # the engine will say what is wrong with it


def _opened(store: Path) -> closing[sqlite3.Connection]:
    address = f"{store.absolute().as_uri()}?mode=rw"
    return closing(sqlite3.connect(address, uri=True, timeout=5))


def _devices(base: sqlite3.Connection) -> int:
    return int(base.execute("SELECT count(*) FROM whatsmeow_device").fetchone()[0])


def _message(base: sqlite3.Connection, secret: bytes) -> str | None:
    row = base.execute(
        "SELECT message_id FROM whatsmeow_message_secrets WHERE key = ?", (secret,)
    ).fetchone()
    return None if row is None else str(row[0])


async def look_up_apart(store: str, secrets: Iterable[bytes]) -> dict[bytes, str] | None:
    """The same in a process of its own. Raises `OSError` or `ValueError` when that fails."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # nothing is imported from the number's own folder, which is where we are
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    asked = json.dumps({"store": store, "secrets": [secret.hex() for secret in secrets]})
    try:
        async with asyncio.timeout(_PATIENCE):
            told, _ = await child.communicate(asked.encode())
    except TimeoutError:
        child.kill()
        raise
    found = json.loads(told)
    return None if found is None else {bytes.fromhex(key): name for key, name in found.items()}


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    secrets = [bytes.fromhex(secret) for secret in asked["secrets"]]
    found = look_up(Path(asked["store"]), secrets)
    json.dump(
        None if found is None else {key.hex(): name for key, name in found.items()}, sys.stdout
    )


if __name__ == "__main__":
    main()
