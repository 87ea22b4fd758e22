"""The key of a flow: what it says is what was signed, and nothing else is one."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bridge.relay.bot.flow_keys import FlowKey, FlowKeys
from bridge.store.secrets import Vault

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
KEYS = FlowKeys(Vault([OLD]).tag)
ID = "9a5c3a0e-3b0a-4f0e-9f4e-0c1d2e3f4a5b"


@given(st.integers(1, 2**53), st.integers(2000, 2**43))
def test_a_key_says_what_it_was_made_of(chat_id: int, until: int) -> None:
    read = KEYS.read(KEYS.issue(ID, chat_id, until=until), now=0)
    assert read == FlowKey(
        instance_id=ID, chat_id=chat_id, until=until - until % 1000, is_over=False
    )


def test_a_key_whose_time_is_over_says_so() -> None:
    key = KEYS.issue(ID, 7, until=5_000)
    read = KEYS.read(key, now=5_000)
    assert read is not None
    assert read.is_over


def test_a_key_outlives_a_new_storage_key() -> None:
    key = KEYS.issue(ID, 7, until=5_000)
    assert FlowKeys(Vault([NEW, OLD]).tag).read(key, now=0) is not None
    assert FlowKeys(Vault([NEW]).tag).read(key, now=0) is None


@pytest.mark.parametrize("place", range(len(KEYS.issue(ID, 255, until=5_000))))
def test_no_character_of_a_key_can_be_changed(place: int) -> None:
    key = KEYS.issue(ID, 255, until=5_000)
    for other in "0f_g-Z":
        changed = key[:place] + other + key[place + 1 :]
        assert changed == key or KEYS.read(changed, now=0) is None


@given(st.text(max_size=300))
def test_nothing_else_is_a_key(text: str) -> None:
    assert KEYS.read(text, now=0) is None
