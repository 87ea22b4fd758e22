from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from support.database import fresh
from support.rig import Rig, rigged


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return fresh(tmp_path)


@pytest.fixture
async def rig(database: Path) -> AsyncIterator[Rig]:
    async with rigged(database) as made:
        yield made


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What was logged; it is not printed, since drawing a traceback reads files."""
    with capture_logs() as entries:
        yield entries
