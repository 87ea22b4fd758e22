from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.store.engine import Store
from support.database import fresh


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return fresh(tmp_path)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    opened = await Store.open(database)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What was logged; it is not printed, since drawing a traceback reads files."""
    with capture_logs() as entries:
        yield entries
