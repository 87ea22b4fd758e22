"""The nets under the other tests hold."""

from __future__ import annotations

import socket

import pytest
from blockbuster import BlockingError

from bridge import settings
from support.services import PROMISE, insist


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[server]\nport = 1234\n", "utf-8")
    return path


@pytest.fixture
def unused_port():
    """A port that is taken but does not accept connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_our_code_may_not_block_the_event_loop(config):
    with pytest.raises(BlockingError):
        settings.load(config)


def test_our_code_may_block_where_no_event_loop_runs(config):
    assert settings.load(config).server.port == 1234


@pytest.mark.may_block("proves that the mark works")
async def test_a_marked_test_may_block(config):
    assert settings.load(config).server.port == 1234


def test_a_missing_server_skips_the_test(unused_port):
    with pytest.raises(pytest.skip.Exception, match="no postgres answers"):
        insist("postgres", unused_port, environ={})


def test_a_missing_server_that_was_promised_fails_the_test(unused_port):
    with pytest.raises(pytest.fail.Exception, match="no postgres answers"):
        insist("postgres", unused_port, environ={PROMISE: "1"})


def test_a_server_that_is_there_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as server:
        insist("postgres", server.getsockname()[1], environ={PROMISE: "1"})
