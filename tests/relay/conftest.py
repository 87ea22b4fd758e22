"""A house with one instance, set up and quiet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.bridge_house import House, bridge_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with bridge_house(tmp_path) as found:
        yield found


@pytest.fixture
async def signing_house(tmp_path: Path) -> AsyncIterator[House]:
    """At a Chatwoot that signs what it sends (from 4.13 on)."""
    async with bridge_house(tmp_path, chatwoot={"version": "4.13.0"}) as found:
        yield found
