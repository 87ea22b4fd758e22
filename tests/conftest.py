"""What holds for every test. The time-out and the strictness are in pyproject.toml."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

from support.blocking import active, detector
from support.measuring import Measuring
from support.services import insist

# `dev` looks for new counter-examples and remembers them; `ci` (make test) is the same every time
# and bounded. A run of our own choice: pytest --hypothesis-profile=thorough
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", _PATIENT, max_examples=50)
settings.register_profile(
    "ci", _PATIENT, max_examples=50, stateful_step_count=30, derandomize=True, database=None
)
settings.register_profile("thorough", _PATIENT, max_examples=2000, stateful_step_count=100)
settings.load_profile("dev")

_WATCH = pytest.StashKey[BlockBuster]()
_MEASURING = pytest.StashKey[Measuring]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch for blocking calls from the first fixture to the last finaliser."""
    if _MEASURING not in item.config.stash:
        item.config.stash[_MEASURING] = Measuring()
    item.config.stash[_MEASURING].measure(item)
    if item.get_closest_marker("may_block"):
        return (yield)
    if _WATCH not in item.config.stash:
        item.config.stash[_WATCH] = detector()
    with active(item.config.stash[_WATCH]):
        return (yield)


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: tests of services wait a third of their time, so one more than processors."""
    return (os.cpu_count() or 1) + 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("service"):
        insist(*mark.args, **mark.kwargs)
