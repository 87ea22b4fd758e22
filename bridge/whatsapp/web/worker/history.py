"""The files of history: the newest ones stay, so many and of so many bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FILES: Final = 64
BYTES: Final = 256 * 2**20


def forget_old(folder: Path, *, files: int = FILES, size: int = BYTES) -> None:
    """Keep the newest, whatever its size; and what was never finished not at all."""
    length = 0
    for count, path in enumerate(sorted(folder.glob("*.json.gz"), reverse=True)):
        length += path.stat().st_size
        if count and (count >= files or length > size):
            path.unlink()
    for draft in folder.glob("*.part"):
        draft.unlink()
