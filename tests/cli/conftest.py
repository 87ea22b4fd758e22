"""A house at work, and the configuration with which `ponte` finds it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from support.bridge_house import House, bridge_house
from support.command_line import config_of


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No option from the machine, no config.toml of the checkout."""
    for name in list(os.environ):
        if name.startswith("PONTE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def log_apart() -> Iterator[None]:
    """What the service logs goes to standard error, also while a command's output is caught."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    yield
    structlog.configure(**before)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "data").mkdir(mode=0o700)  # as the service makes it
    async with bridge_house(tmp_path / "data") as found:
        yield found


@pytest.fixture
def config(house: House, tmp_path: Path) -> Path:
    return config_of(house, tmp_path)
