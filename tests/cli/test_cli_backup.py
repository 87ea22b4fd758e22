from __future__ import annotations

import json
import sqlite3

from bridge.store.secrets import KEY_FILE
from support.bridge_house import MARINA
from support.command_line import ask, config_of

FAR = 1 << 50


async def test_a_backup_is_made_while_the_service_runs_and_put_back_later(house, config, tmp_path):
    await house.talk(text="before")
    said = await ask("backup", tmp_path / "copy.db", "-c", config)
    assert said.code == 0
    assert said.out.startswith(f"{tmp_path / 'copy.db'} is written")
    assert str(house.settings.storage.data_dir / KEY_FILE) in said.err
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    written = await house.graph.customer_writes(MARINA, "after")
    await house.quiet()
    async with house.stopped():
        said = await ask("restore", tmp_path / "copy.db", "-c", config, answers="y\n")
        assert said.code == 0, said.err
        assert "is kept as" in said.out
        assert (await ask("why", written, "-c", config)).code == 1
    assert len(list(house.settings.storage.data_dir.glob("ponte.db.before-restore-*"))) == 1
    await house.talk(text="afterwards")
    assert house.shown() == ["before", "after", "afterwards"]


async def test_sessions_are_in_no_backup_and_outlive_a_restore(house, config, tmp_path):
    session = house.settings.storage.data_dir / "whatsapp-web" / "of-a-newer-number" / "session.db"
    assert "QR code" not in (await ask("backup", tmp_path / "before.db", "-c", config)).err
    session.parent.mkdir(parents=True)
    session.write_bytes(b"the keys of a session")

    said = await ask("backup", tmp_path / "copy.db", "-c", config)
    assert "QR code are not in it" in said.err
    assert b"the keys" not in (tmp_path / "copy.db").read_bytes()
    async with house.stopped():
        said = await ask("restore", tmp_path / "before.db", "--yes", "-c", config)
        assert said.code == 0, said.err
    assert session.read_bytes() == b"the keys of a session"


async def test_a_backup_replaces_no_file_unless_it_is_told_to(house, config, tmp_path):
    (tmp_path / "mine").write_text("something of mine")
    said = await ask("backup", tmp_path / "mine", "-c", config)
    assert said.code == 2
    assert (tmp_path / "mine").read_text() == "something of mine"
    assert (await ask("backup", tmp_path / "mine", "--overwrite", "-c", config)).code == 0


async def test_restore_leaves_a_running_service_alone(house, config, tmp_path):
    await ask("backup", tmp_path / "copy.db", "-c", config)
    said = await ask("restore", tmp_path / "copy.db", "--yes", "-c", config)
    assert said.code == 2
    assert "Another Ponte works with" in said.err
    await house.talk(text="undisturbed")
    assert house.shown() == ["undisturbed"]


async def test_restore_asks_before_it_replaces_a_database(house, config, tmp_path):
    await ask("backup", tmp_path / "copy.db", "-c", config)
    await house.talk(text="kept")
    async with house.stopped():
        said = await ask("restore", tmp_path / "copy.db", "-c", config, answers="n\n")
        assert said.code == 1
    await house.talk(text="and on")
    assert house.shown() == ["kept", "and on"]


async def waiting_backup(house, config, folder):
    """A backup in which an agent's message waits for WhatsApp."""
    conversation = await house.talk()
    number = house.service.directory.by_name("loja").channel_account
    house.service.queue.pause(number, until=FAR, reason="a test")
    message = house.chat.agent_writes(conversation.id, "Olá!")
    await house.chat.settled()
    assert (await ask("backup", folder / "copy.db", "-c", config)).code == 0
    return message


async def test_nothing_of_a_restored_backup_is_sent_before_somebody_says_so(
    house, config, tmp_path
):
    message = await waiting_backup(house, config, tmp_path)
    await house.stop()
    said = await ask("restore", tmp_path / "copy.db", "--yes", "-c", config)
    assert "1 messages waited for WhatsApp in it and are held" in said.out
    await house.start()
    await house.talk(text="Alô?")
    assert house.graph.sent == []
    report = (await ask("doctor", "-c", config, "--json")).json
    assert "restored backup" in {one["what"] for one in report if one["state"] == "warning"}
    async with house.stopped():
        said = await ask("restore", "--resend", "-c", config)
        assert said.out.startswith("1 held messages wait to be sent")
    await house.sent(1)
    await house.quiet()
    assert house.texts == ["Olá!"]
    story = (await ask("why", message.id, "-c", config, "--json")).json[0]
    assert story["state"] == "delivered"


async def test_what_is_held_can_be_given_up_with_the_restore(house, config, tmp_path):
    message = await waiting_backup(house, config, tmp_path)
    await house.stop()
    said = await ask("restore", tmp_path / "copy.db", "--yes", "--no-resend", "-c", config)
    assert "1 held messages will not be sent" in said.out
    await house.start()
    await house.talk(text="Alô?")
    assert house.graph.sent == []
    story = (await ask("why", message.id, "-c", config, "--json")).json[0]
    assert (story["state"], story["cause"]) == ("ignored", "restored.not_resent")


async def test_restore_without_a_file_or_a_decision_says_what_to_name(tmp_path):
    said = await ask("restore")
    assert said.code == 2
    assert "--no-resend" in said.err


async def test_a_decision_without_a_restore_is_refused(house, config):
    async with house.stopped():
        said = await ask("restore", "--resend", "-c", config)
    assert said.code == 2
    assert "No restored backup waits" in said.err


async def test_a_backup_whose_key_is_missing_is_told_at_once(house, config, tmp_path):
    await ask("backup", tmp_path / "copy.db", "-c", config)
    elsewhere = config_of(house, tmp_path, storage={"data_dir": str(tmp_path / "new")})
    said = await ask("restore", tmp_path / "copy.db", "-c", elsewhere)
    assert said.code == 0
    assert "Attention: " in said.err
    assert str(tmp_path / "new" / KEY_FILE) in said.err


async def test_a_backup_of_nothing_is_refused(tmp_path):
    said = await ask("backup", tmp_path / "copy.db")
    assert said.code == 2
    assert "There is no database data/ponte.db" in said.err
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "copy.db").exists()


async def test_what_is_no_backup_is_refused(house, config, tmp_path):
    (tmp_path / "notes.txt").write_text(json.dumps({"not": "a backup"}))
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE holidays(day)")
    db.close()
    async with house.stopped():
        for name in ("notes.txt", "other.db", "missing.db"):
            said = await ask("restore", tmp_path / name, "--yes", "-c", config)
            assert said.code == 2, name
            assert name in said.err
    await house.talk(text="as before")
    assert house.shown() == ["as before"]
