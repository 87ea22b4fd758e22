"""One zygote for all tests of a run, and a migrated, empty database to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from bridge.store import schema
from support.crossing import Crossing, crossing
from support.ponte_process import Zygote

#: Makes worlds: `async with world(...) as its:`; the keywords are those of `crossing`.
Worlds = Callable[..., AbstractAsyncContextManager[Crossing]]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    yield found
    found.close()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ponte.db"
    schema.prepare(path)
    return path


@pytest.fixture
def world(zygote: Zygote, database: Path, tmp_path: Path) -> Worlds:
    numbers = count()
    make = partial(crossing, zygote, database)
    return lambda **options: make(tmp_path / str(next(numbers)), **options)
