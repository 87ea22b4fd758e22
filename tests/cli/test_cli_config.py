from __future__ import annotations

import re
import sqlite3
import tomllib
from pathlib import Path

import orjson
import pytest
from cryptography.fernet import Fernet

from bridge.errors import SetupError
from bridge.settings import ENV_PREFIX, Settings, load, require_key
from bridge.store.secrets import KEY_FILE
from support.command_line import ask, call, config_of, written_config

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = [
    (section, option)
    for section, field in Settings.model_fields.items()
    for option in field.annotation.model_fields
]
COMMENTED = re.compile(r"^# (\w+ = )", re.MULTILINE)


def test_the_example_in_the_repository_is_the_one_that_the_settings_make():
    assert (ROOT / "config.example.toml").read_text("utf-8") == call("config", "example").out, (
        "run: ponte config example > config.example.toml"
    )


def test_the_example_loads_and_says_what_holds_without_it(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(call("config", "example").out, "utf-8")
    assert load(path) == Settings()


def test_the_example_holds_every_option_also_uncommented():
    held = tomllib.loads(COMMENTED.sub(r"\1", call("config", "example").out))
    assert [(section, option) for section in held for option in held[section]] == OPTIONS


@pytest.mark.parametrize(("section", "option"), OPTIONS)
def test_the_names_in_the_example_set_the_options(section, option, monkeypatch, tmp_path):
    name = f"{ENV_PREFIX}{section}__{option}".upper()
    assert f"# {name}\n" in call("config", "example").out
    monkeypatch.setenv(name, '{"no": "such value"}')  # text takes it, all else refuses it
    default = getattr(getattr(Settings.model_construct(), section), option)
    try:
        found = getattr(getattr(load(), section), option)
    except SetupError as error:
        refusal = str(error)
        assert section in refusal
    else:
        assert str(found) != str(default)


def test_show_masks_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("PONTE_CLOUD__APP_SECRETS", '["first-app-secret", "second-app-secret"]')
    path = written_config(tmp_path, {"auth": {"api_key": "a-long-key-that-nobody-sees"}})
    said = call("config", "show", "--config", path)
    assert said.code == 0
    assert 'app_secrets = ["********", "********"]' in said.out
    assert 'secret"' not in said.out.replace("********", "")
    assert "nobody" not in said.out
    assert tomllib.loads(said.out)["server"]["port"] == 8080
    told = call("config", "show", "--config", path, "--json").json
    assert told["auth"]["api_key"] == "********"
    assert told["storage"]["data_dir"] == "data"


def test_show_names_each_option_that_is_wrong(tmp_path):
    path = written_config(tmp_path, {"server": {"port": 70000, "colour": "red"}})
    said = call("config", "show", "--config", path)
    assert said.code == 2
    assert "server.port" in said.err
    assert "server.colour" in said.err


def test_a_new_key_is_one_that_serve_takes():
    keys = {call("config", "key").out.strip() for _ in range(2)}
    assert len(keys) == 2
    for key in keys:
        assert require_key(Settings(auth={"api_key": key})) == key


def test_a_new_secret_is_a_fernet_key():
    Fernet(call("config", "secret").out.strip())


async def test_rotate_seals_with_the_first_key_and_the_old_one_may_go(house, config, tmp_path):
    data = house.settings.storage.data_dir
    before = _sealed(data)
    new, old = Fernet.generate_key().decode(), (data / KEY_FILE).read_text("ascii").strip()
    async with house.stopped():
        (data / KEY_FILE).write_text(f"{new}\n{old}\n")
        said = await ask("config", "rotate", "--config", config)
        assert (said.code, said.err.count("other keys")) == (0, 1)
        assert said.out.startswith(f"{len(before)} stored secrets")
        (data / KEY_FILE).write_text(new)
    after = _sealed(data)
    assert len(after) == len(before) > 2
    assert not after & before
    await house.talk(text="still there")
    assert house.shown() == ["still there"]


async def test_rotate_seals_what_a_clean_up_waits_for(house, config):
    """A create failed, and Chatwoot is still down when the key is changed."""
    data = house.settings.storage.data_dir
    creating = house.chat.faults.fail(502, route="POST contacts")
    another = house.order(
        instanceName="filial", integration="WHATSAPP-BAILEYS", chatwootNameInbox="Filial"
    )
    house.chat.faults.fail(502, route="PATCH inbox")
    status, _ = await house.call("POST", "/instance/create", json=another)
    assert (status, creating.hits) == (400, 1)
    assert [inbox.name for inbox in house.chat.inboxes.values()] == ["WhatsApp Loja", "Filial"]
    await house.stop()
    new, old = Fernet.generate_key().decode(), (data / KEY_FILE).read_text("ascii").strip()
    (data / KEY_FILE).write_text(f"{new}\n{old}\n")
    assert (await ask("config", "rotate", "--config", config)).code == 0
    (data / KEY_FILE).write_text(new)
    house.chat.faults.clear()
    await house.start()
    await house.quiet()
    assert [inbox.name for inbox in house.chat.inboxes.values()] == ["WhatsApp Loja"]
    assert await house.ok("GET", "/dead-letters") == []


async def test_rotate_leaves_a_running_service_alone(house, config):
    before = _sealed(house.settings.storage.data_dir)
    said = await ask("config", "rotate", "--config", config)
    assert said.code == 2
    assert "Another Ponte works with" in said.err
    assert _sealed(house.settings.storage.data_dir) == before


async def test_rotate_with_a_key_that_does_not_fit_changes_nothing(house, tmp_path):
    data = house.settings.storage.data_dir
    before = _sealed(data)
    foreign = config_of(house, tmp_path, storage={"secret_keys": [Fernet.generate_key().decode()]})
    async with house.stopped():
        said = await ask("config", "rotate", "--config", foreign)
    assert said.code == 2
    assert "key" in said.err
    assert "Traceback" not in said.err
    assert _sealed(data) == before


def test_rotate_without_a_database_says_so(tmp_path):
    said = call("config", "rotate")
    assert said.code == 2
    assert "There is no database data/ponte.db" in said.err
    assert not (tmp_path / "data").exists()


def _sealed(data: Path) -> set[str]:
    found: set[str] = set()
    db = sqlite3.connect(data / "ponte.db")
    for table in ("instance", "chatwoot_inbox"):
        cursor = db.execute(f"SELECT * FROM {table}")  # noqa: S608  (names of ours)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            found |= {
                value
                for name, value in zip(names, row, strict=True)
                if name.startswith("sealed_") and value
            }
    db.close()
    return found


def test_json_that_is_shown_can_be_read_back():
    assert orjson.loads(call("config", "show", "--json").out)["log"]["level"] == "info"
