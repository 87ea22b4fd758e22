"""One process at a time works with a data folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.errors import SetupError

LOCK_FILE = "lock"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder until the block ends; two services on it would send everything twice.

    The system releases the lock when the process dies. Raises `SetupError` when another process
    holds it, or when it cannot be asked for.
    """
    path = data / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SetupError(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            advice="Give this user the right to write in storage.data_dir.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(
                f"Another Ponte works with {data} already.",
                advice="Stop it first, or give this one a storage.data_dir of its own.",
            ) from error
        yield
    finally:
        os.close(descriptor)
