"""Secrets at rest, keys, and the file that holds the first one."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bridge.errors import SetupError
from bridge.store.secrets import KEY_FILE, Vault, hash_key, load_vault, new_key, new_secret

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_a_sealed_secret_does_not_show_and_opens_again():
    vault = Vault([OLD])
    sealed = vault.seal("token-ção-1234")

    assert "1234" not in sealed
    assert vault.seal("token-ção-1234") != sealed
    assert vault.open(sealed) == "token-ção-1234"


def test_a_secret_of_an_old_key_opens_while_that_key_is_listed():
    sealed = Vault([OLD]).seal("token")
    both = Vault([NEW, OLD])

    assert both.open(sealed) == "token"
    assert Vault([NEW]).open(both.rotate(sealed)) == "token"


def test_without_its_key_a_secret_stays_shut_and_the_error_says_what_to_do():
    with pytest.raises(SetupError, match=r"secret\.key") as caught:
        Vault([NEW]).open(Vault([OLD]).seal("token"))
    assert "token with" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "short", "ç" * 44, "QUJD" * 10])
def test_what_is_no_key_is_refused_and_not_repeated(key: str):
    with pytest.raises(SetupError, match="not a Fernet key") as caught:
        Vault([key])
    assert not key or key not in str(caught.value)


def test_tags_stay_the_same_when_a_key_is_added_and_separate_their_parts():
    tag = Vault([OLD]).tag("account", "person")

    assert Vault([NEW, OLD]).tag("account", "person") == tag
    assert re.fullmatch("[0-9a-f]{20}", tag)
    assert (
        len({tag, Vault([OLD]).tag("accountp", "erson"), Vault([NEW]).tag("account", "person")})
        == 3
    )


def test_keys_are_hashed_and_made_at_random():
    assert hash_key("a") == hash_key("a") != hash_key("b")
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", key) for key in keys)
    secrets = {new_secret() for _ in range(50)}
    assert all(re.fullmatch(r"[\w-]{32}", secret) for secret in secrets)


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path):
    sealed = load_vault([], tmp_path).seal("token")

    assert load_vault([], tmp_path).open(sealed) == "token"
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_key_file_may_list_several_keys(tmp_path: Path):
    (tmp_path / KEY_FILE).write_text(f"{NEW}\n{OLD}\n")

    assert load_vault([], tmp_path).open(Vault([OLD]).seal("token")) == "token"


def test_keys_that_are_given_need_no_file(tmp_path: Path):
    assert load_vault([OLD], tmp_path).open(Vault([OLD]).seal("token")) == "token"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"\xff\xfe", "cannot be read"), (b"x", "Fernet")]
)
def test_a_broken_key_file_is_named_and_not_replaced(tmp_path: Path, content, message):
    (tmp_path / KEY_FILE).write_bytes(content)

    with pytest.raises(SetupError, match=message):
        load_vault([], tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_folder_that_takes_no_key_file_is_named(tmp_path: Path):
    with pytest.raises(SetupError, match="cannot be made"):
        load_vault([], tmp_path / "none")
