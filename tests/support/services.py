"""Servers that some tests need: skipped without them, but not where they were promised.

``requires_service`` marks a test (or, as ``pytestmark``, a file); ``tests/conftest.py`` acts on
the mark before any fixture of the test runs.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import pytest

#: Set to 1 where every server is there, as in ``.ci/run``: a missing one is then a failure.
PROMISE = "PONTE_TEST_SERVICES"

CONNECT_SECONDS = 2.0


def requires_service(name: str, port: int, host: str = "127.0.0.1") -> pytest.MarkDecorator:
    """Mark tests that talk to a running `name` on `port`, such as ("postgres", 5432)."""
    return pytest.mark.service(name, port, host)


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


def insist(
    name: str, port: int, host: str = "127.0.0.1", *, environ: Mapping[str, str] = os.environ
) -> None:
    """Return when the server is there; else skip the test, or fail it where it was promised."""
    if answers(port, host):
        return
    missing = f"no {name} answers on {host}:{port}"
    if environ.get(PROMISE) == "1":
        pytest.fail(f"{missing}, and {PROMISE}=1 says that it is there", pytrace=False)
    pytest.skip(f"{missing} (with {PROMISE}=1 this would be a failure)")
