from __future__ import annotations

import shutil
import sqlite3

import pytest

from bridge.sim.graph import Route, faults
from bridge.store.secrets import KEY_FILE
from support.bridge_house import KEY, MARINA, bridge_house
from support.command_line import ask, config_of, written_config

TOKEN_EXPIRED = 190


def found(report, what, state=None):
    """The findings about something, as (state, text, advice) in one text each."""
    return [
        f"{one['state']}: {one['text']} {one['advice'] or ''}"
        for one in report
        if one["what"] == what and state in (None, one["state"])
    ]


async def examined(config, *, code):
    """The report; the exit code must fit."""
    said = await ask("doctor", "-c", config, "--json")
    assert said.code == code, said.out
    return said.json


async def test_a_sound_house_has_no_failures(house, config):
    conversation = await house.talk()
    house.chat.agent_writes(conversation.id, "Olá!")
    await house.quiet()
    calls = sum(house.chat.requests.values())
    report = await examined(config, code=0)
    warned = {one["what"] for one in report if one["state"] != "ok"}
    assert warned == {"public address"}  # no https here
    assert {one["what"] for one in report} >= {
        "settings",
        "API key",
        "data folder",
        "disk",
        "database",
        "storage key",
        "service",
        "Meta app secret",
        "WhatsApp",
        "from WhatsApp",
        "Chatwoot",
        "Chatwoot token",
        "inbox",
        "webhook",
        "signature",
        "from Chatwoot",
    }
    assert "the last message of an agent arrived" in found(report, "from Chatwoot")[0]
    assert sum(house.chat.requests.values()) > calls
    assert len(house.chat.messages()) == 3  # the greeting, the customer, the agent: it wrote none


async def test_each_check_is_a_line_with_its_mark_and_advice(house, config):
    house.chat.delete_inbox(house.inbox.id)
    said = await ask("doctor", "-c", config)
    assert said.code == 1
    assert "  ✓ settings: " in said.out
    assert "  ! public address: " in said.out
    assert "  ✗ inbox: inbox 7 does not exist any more\n    POST /chatwoot/set/loja" in said.out
    assert said.out.count("\ninstance loja\n") == 1
    assert said.out.rstrip().endswith("17 checks: 1 failed, 2 to look at.")


async def test_no_secret_is_in_the_report(house, config):
    said = await ask("doctor", "-c", config, "--json")
    hook = house.hook.rpartition("/")[2]
    secrets = (
        KEY,
        house.chat.admin_token,
        house.graph.access_token,
        house.inbox.secret,
        hook,
    )
    for secret in secrets:
        assert secret not in said.out


def lose_inbox(house):
    house.chat.delete_inbox(house.inbox.id)


def move_webhook(house):
    house.chat.update_inbox(house.inbox.id, channel={"webhook_url": "https://other.example/x/y"})


def take_away_the_path(house):
    url = house.hook.rpartition("/")[0] + "/stale"
    house.chat.update_inbox(house.inbox.id, channel={"webhook_url": url})


def change_secret(house):
    house.chat.reset_secret(house.inbox.id)


def demote(house):
    house.chat.admin.role = "agent"


def forget_token(house):
    house.chat.world.tokens.clear()


def stop_chatwoot(house):
    house.chat.faults.fail(502)


def expire_meta_token(house):
    house.graph.faults.always(Route.NUMBER, faults.error(TOKEN_EXPIRED))


@pytest.mark.parametrize(
    ("break_it", "what", "told"),
    [
        (lose_inbox, "inbox", "failure: inbox 7 does not exist any more"),
        (move_webhook, "webhook", "failure: it delivers to https://other.example/… POST"),
        (take_away_the_path, "webhook", "/…, but to another path there"),
        (change_secret, "signature", "warning: the signing secret of the inbox was changed"),
        (demote, "Chatwoot token", "failure: Marina is agent of account 1, not administrator"),
        (forget_token, "Chatwoot token", "failure: Chatwoot does not let us in (401)"),
        (stop_chatwoot, "Chatwoot", "failure: "),
        (expire_meta_token, "WhatsApp", "failure: "),
    ],
)
async def test_what_is_broken_is_found(break_it, what, told, house, config):
    break_it(house)
    report = await examined(config, code=0 if told.startswith("warning") else 1)
    assert told in found(report, what)[-1]


async def test_a_delivery_that_chatwoot_could_not_make_is_found_in_chatwoot(house, config):
    house.inbox.webhook_url = "http://127.0.0.1:9/nobody"
    await house.graph.customer_writes(MARINA, "Oi")
    await house.chat.wait_for(lambda: any(one.status == "failed" for one in house.chat.messages()))
    await house.quiet()
    report = await examined(config, code=1)
    [told] = found(report, "from Chatwoot")
    assert told.startswith("failure: it could not deliver message")
    assert "/healthz from there" in told


@pytest.mark.parametrize(
    ("version", "what", "told"),
    [
        ("4.1.0", "Chatwoot version", "4.1.0 shows no statuses"),
        ("4.2.0", "signature", "4.2.0 does not sign webhooks"),
        ("4.14.0", "Chatwoot version", "SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true"),
    ],
)
async def test_the_version_of_chatwoot_comes_with_advice(version, what, told, tmp_path):
    async with bridge_house(tmp_path / "data", chatwoot={"version": version}) as house:
        report = await examined(config_of(house, tmp_path), code=0)
    assert told in found(report, what)[0]
    assert found(report, what)[0].startswith("warning: ")


async def test_a_private_address_that_chatwoot_refuses_is_explained(tmp_path):
    strict = {"version": "4.14.0", "refuse_private_webhooks": True}
    async with bridge_house(tmp_path / "data", chatwoot=strict) as house:
        await house.chat.wait_for(
            lambda: any(one.status == "failed" for one in house.chat.messages())
        )
        report = await examined(config_of(house, tmp_path), code=1)
    [told] = found(report, "from Chatwoot")
    assert "has no public ip addresses" in told
    assert "SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true" in told


async def test_a_service_that_is_stopped_is_no_failure_but_its_address_is(house, config):
    files = sorted(house.settings.storage.data_dir.iterdir())
    async with house.stopped():
        report = await examined(config, code=1)
        assert {one.name for one in files} >= {
            one.name for one in house.settings.storage.data_dir.iterdir()
        }
    assert "It does not run, or listens elsewhere." in found(report, "service", "warning")[0]
    assert "does not answer from here" in found(report, "public address", "failure")[0]
    assert found(report, "webhook", "ok")


async def test_another_public_address_than_the_inbox_has_is_found(house, tmp_path):
    moved = config_of(house, tmp_path, server={"public_url": house.chat_url})
    report = await examined(moved, code=1)
    assert "something else answers" in found(report, "public address", "failure")[0] or (
        "does not answer" in found(report, "public address", "failure")[0]
    )
    assert found(report, "webhook", "failure")


async def test_dead_letters_and_pauses_are_told(house, config):
    conversation = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026))
    house.chat.agent_writes(conversation.id, "Olá!")
    await house.quiet()
    house.service.queue.pause("chatwoot http://down", until=1 << 50, reason="a test")
    report = await examined(config, code=0)
    assert "1 could not be delivered" in found(report, "dead letters")[0]
    assert found(report, "work") == [
        "warning: calls to chatwoot http://down are paused See what is said of it below."
    ]


async def test_secrets_of_meta_that_are_missing_are_told(house, tmp_path):
    bare = config_of(house, tmp_path, cloud={"app_secrets": []})
    report = await examined(bare, code=1)
    assert "cloud.app_secrets" in found(report, "Meta app secret", "failure")[0]


async def test_a_key_file_that_is_lost_is_not_made_anew(house, config):
    data = house.settings.storage.data_dir
    (data / KEY_FILE).rename(data / "elsewhere")
    report = await examined(config, code=1)
    assert "is missing" in found(report, "storage key", "failure")[0]
    assert not (data / KEY_FILE).exists()


async def test_a_foreign_key_is_found(house, tmp_path):
    foreign = config_of(house, tmp_path, storage={"secret_keys": ["A" * 43 + "="]})
    report = await examined(foreign, code=1)
    assert "cannot be decrypted" in found(report, "storage key", "failure")[0]


async def test_rights_that_are_too_wide_are_told(house, config):
    data = house.settings.storage.data_dir
    data.chmod(0o755)
    (data / KEY_FILE).chmod(0o644)
    report = await examined(config, code=0)
    assert f"chmod 700 {data}" in found(report, "data folder", "warning")[0]
    assert "chmod 600" in found(report, "storage key", "warning")[0]


async def test_a_damaged_and_a_foreign_database_are_told(house, config, tmp_path):
    database = house.settings.storage.data_dir / "ponte.db"
    async with house.stopped():
        shutil.copy(database, tmp_path / "kept")
        database.write_bytes(b"no database at all" * 1000)
        damaged = await examined(config, code=1)
        database.unlink()
        with sqlite3.connect(database) as db:
            db.execute("CREATE TABLE holidays(day)")
        db.close()
        foreign = await examined(config, code=1)
        shutil.copy(tmp_path / "kept", database)
    assert "cannot be read" in found(damaged, "database", "failure")[0]
    assert "is no database of Ponte" in found(foreign, "database", "failure")[0]


async def test_on_a_new_machine_it_says_what_comes_next(tmp_path):
    report = await examined(written_config(tmp_path, {"server": {"port": 9}}), code=1)
    assert "PONTE_AUTH__API_KEY" in found(report, "API key", "failure")[0]
    assert "`ponte serve` makes it" in found(report, "data folder", "warning")[0]
    assert found(report, "instances", "warning")
    assert not (tmp_path / "data").exists()


async def test_settings_that_are_wrong_end_the_examination(tmp_path):
    report = await examined(written_config(tmp_path, {"server": {"port": "x"}}), code=1)
    assert len(report) == 1
    assert "server.port" in found(report, "settings", "failure")[0]
