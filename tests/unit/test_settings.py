"""Where options come from, which source wins, and what an error says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.errors import SetupError
from bridge.settings import ENV_PREFIX, KNOWN_KEYS, Settings, load, require_key

KEY = "a-long-and-random-key-1234"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path: Path):
    """No option of the machine that runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def toml(text: str, name: str = "config.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_without_any_source_the_defaults_hold():
    settings = load()

    assert settings == Settings()
    assert settings.server.port == 8080
    assert settings.auth.api_key is None
    assert settings.retention.seen_days >= 8


def test_a_file_is_read_where_it_is_expected():
    toml("[server]\nport = 9000\n")
    assert load().server.port == 9000


def test_a_file_can_be_named(monkeypatch):
    toml("[server]\nport = 9000\n")
    named = toml("[server]\nport = 9001\n", "named.toml")
    argument = toml("[server]\nport = 9002\n", "argument.toml")
    monkeypatch.setenv("PONTE_CONFIG", str(named))

    assert load().server.port == 9001
    assert load(argument).server.port == 9002


def test_the_environment_wins_over_the_file_option_by_option(monkeypatch):
    toml('[server]\nport = 9000\nhost = "0.0.0.0"\n[auth]\napi_key = "of-the-file-of-the-file"\n')
    monkeypatch.setenv("PONTE_SERVER__PORT", "9100")
    monkeypatch.setenv("PONTE_AUTH__API_KEY", KEY)
    settings = load()

    assert (settings.server.port, settings.server.host) == (9100, "0.0.0.0")  # noqa: S104  (data)
    assert require_key(settings) == KEY


def test_lists_come_from_the_environment_as_json(monkeypatch):
    monkeypatch.setenv("PONTE_NETWORK__ALLOWED_PRIVATE_HOSTS", '["rails", "10.0.0.0/8"]')
    assert load().network.allowed_private_hosts == ["rails", "10.0.0.0/8"]


def test_a_secret_can_lie_in_a_file_of_its_own(monkeypatch):
    Path("key").write_text(f"{KEY}\n")
    Path("secrets").write_text("new-secret\nold-secret\n")
    toml('[auth]\napi_key = "of-the-file-of-the-file"\n')
    monkeypatch.setenv("PONTE_AUTH__API_KEY_FILE", "key")
    monkeypatch.setenv("PONTE_CLOUD__APP_SECRETS_FILE", "secrets")
    settings = load()

    assert require_key(settings) == KEY
    shown = [secret.get_secret_value() for secret in settings.cloud.app_secrets]
    assert shown == ["new-secret", "old-secret"]


def test_a_secret_file_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("PONTE_AUTH__API_KEY_FILE", "nowhere")

    with pytest.raises(SetupError, match="PONTE_AUTH__API_KEY_FILE"):
        load()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[server]\nprot = 1\n", ["server.prot", "config.toml"], id="unknown option"),
        pytest.param("[servre]\nport = 1\n", ["servre"], id="unknown section"),
        pytest.param("[server]\nport = 70000\n", ["server.port"], id="out of range"),
        pytest.param("[server]\nport = 'x'\n[log]\nlevel = 'loud'\n", ["server.port", "log.level"]),
        pytest.param("[retention]\nseen_days = 7\n", ["retention.seen_days"], id="Meta repeats"),
        pytest.param(
            "[[relay.conversation_rules]]\ndo = 'new'\nwhen.hours.timezone = 'x'\n",
            ["relay.conversation_rules", "[0].when.hours.timezone"],
            id="a rule",
        ),
        pytest.param("server = 5\n", ["server"], id="no table"),
        pytest.param("[server\n", ["not valid TOML"], id="no TOML"),
    ],
)
def test_every_wrong_option_is_named(text, words):
    toml(text)

    with pytest.raises(SetupError) as caught:
        load()
    for word in words:
        assert word in str(caught.value)


def test_a_wrong_option_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("PONTE_SERVER__PORT", "eighty")
    with pytest.raises(SetupError, match=r"server\.port"):
        load()


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(SetupError, match=r"missing\.toml"):
        load(Path("missing.toml"))


def test_a_secret_that_is_wrong_is_not_shown():
    toml('[storage]\nsecret_keys = "hunter2-hunter2"\n[auth]\napi_key = 5\n')

    with pytest.raises(SetupError) as caught:
        load()
    assert "storage.secret_keys" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_do_not_show_in_the_settings():
    toml(f'[auth]\napi_key = "{KEY}"\n')

    assert KEY not in repr(load())
    assert KEY not in str(load().model_dump())


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "is not set"),
        ("", "is not set"),
        ("short-key", "shorter than 16"),
        *((key, "published example|shorter") for key in sorted(KNOWN_KEYS)),
    ],
)
def test_no_service_starts_with_a_missing_short_or_published_key(monkeypatch, key, why):
    if key is not None:
        monkeypatch.setenv("PONTE_AUTH__API_KEY", key)

    with pytest.raises(SetupError, match=why) as caught:
        require_key(load())
    assert "auth.api_key" in str(caught.value)
    assert "ponte config key" in str(caught.value)
    assert not key or key not in str(caught.value)


def test_settings_cannot_be_changed():
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.server.port = 1
