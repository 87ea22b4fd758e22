"""`ponte instances`, `why` and `dead-letters`, with the service and without."""

from __future__ import annotations

import json

import pytest

from bridge.sim.graph import Route, faults
from support.bridge_house import KEY, MARINA, House
from support.command_line import ask, config_of, written_config

UNDELIVERABLE = 131026


async def refused(house: House) -> int:
    """Have WhatsApp refuse an agent's message; gives its Chatwoot number."""
    conversation = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(UNDELIVERABLE))
    message = house.chat.agent_writes(conversation.id, "Olá!")
    await house.status(message, "failed")
    await house.quiet()
    return message.id


async def test_instances_are_listed_with_their_inboxes(house, config):
    said = await ask("instances", "list", "-c", config)
    assert said.code == 0
    _, row = said.out.strip().splitlines()
    assert row.split()[:3] == ["loja", "open", "WHATSAPP-BUSINESS"]
    assert f"'WhatsApp Loja' (inbox {house.inbox.id}) at {house.chat_url}" in row
    assert (await ask("instances", "list", "-c", config, "--json")).json[0]["name"] == "loja"


async def test_an_instance_is_shown_without_its_secrets(house, config):
    said = await ask("instances", "show", "loja", "-c", config)
    assert said.code == 0
    assert "state     open" in said.out
    secret = house.hook.rpartition("/")[2]
    for hidden in (secret, house.chat.admin_token, house.graph.access_token, KEY):
        assert hidden not in said.out
    told = (await ask("instances", "show", "loja", "-c", config, "--json")).json
    assert told["Chatwoot"]["inboxId"] == house.inbox.id


async def test_an_instance_is_deleted_only_after_a_yes(house, config):
    said = await ask("instances", "delete", "loja", "-c", config, answers="n\n")
    assert said.code == 1
    assert len((await ask("instances", "list", "-c", config, "--json")).json) == 1
    assert (await ask("instances", "delete", "loja", "-c", config, answers="y\n")).code == 0
    assert "no instances yet" in (await ask("instances", "list", "-c", config)).out


async def test_an_unknown_instance_is_told_in_the_services_words(house, config):
    said = await ask("instances", "show", "nada", "-c", config)
    assert (said.code, said.out) == (1, "")
    assert said.err == 'ponte: The "nada" instance does not exist\n'


async def test_a_wrong_key_is_told_with_advice(house, config):
    said = await ask("instances", "list", "-c", config, "--key", "some-other-key")
    assert said.code == 1
    assert "does not know this API key" in said.err
    assert "--key" in said.err


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:8080", "http://", "http://[half", "http://h:99999"]
)
async def test_an_address_that_is_none_is_a_usage_error(url):
    said = await ask("instances", "list", "--url", url, "--key", "k")
    assert said.code == 2
    assert "--url" in said.err


async def test_what_answers_may_be_something_else(house):
    said = await ask("instances", "list", "--url", house.chat_url, "--key", "k")
    assert said.code == 1
    assert f"What answers at {house.chat_url} is no Ponte" in said.err


async def test_why_tells_the_story_of_a_customers_message_by_either_id(house, config):
    written = await house.graph.customer_writes(MARINA, "Oi")
    await house.quiet()
    message = house.of(f"WAID:{written}")
    said = await ask("why", written, "-c", config)
    assert said.code == 0
    steps = [line for line in said.out.splitlines() if line.startswith("  ")]
    for step, told in zip(
        steps,
        (
            "accepted",
            f"placed     {message.conversation.id}: first conversation of this contact",
            f"posted     message {message.id}",
            "delivered",
            f"WhatsApp {written} = Chatwoot message {message.id}",
        ),
        strict=True,
    ):
        assert told in step
    assert (await ask("why", message.id, "-c", config)).out == said.out
    assert (await ask("why", written, "-c", config, "--json")).json[0]["state"] == "delivered"


async def test_why_tells_of_nothing_that_it_does_not_know(house, config):
    said = await ask("why", "wamid.nothing", "-c", config)
    assert (said.code, said.out) == (1, "")
    assert "Nothing is stored about wamid.nothing" in said.err


async def test_stories_are_the_same_from_the_database_of_a_stopped_service(house, config):
    number = await refused(house)
    letter = (await ask("dead-letters", "list", "-c", config, "--json")).json[0]["id"]
    questions = (
        ("why", number),
        ("why", "no-such-message"),
        ("who", f"+{MARINA}"),
        ("who", f"{MARINA}@s.whatsapp.net", "--json"),
        ("who", "nobody@lid"),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--json"),
        ("dead-letters", "show", letter, "--json"),
        ("dead-letters", "show", letter),
        ("dead-letters", "show", 999),
    )
    running = [await ask(*question, "-c", config) for question in questions]
    data = house.settings.storage.data_dir
    async with house.stopped():
        files = sorted(data.iterdir())
        stopped = [await ask(*question, "-c", config) for question in questions]
        assert sorted(data.iterdir()) == files
    assert [one.out for one in stopped] == [one.out for one in running]
    assert [one.code for one in stopped] == [one.code for one in running]
    assert all("read from" in one.err for one in stopped)
    assert not any("read from" in one.err for one in running)


async def test_another_machines_service_is_not_answered_from_our_database(house, config):
    url = house.settings.server.public_url
    async with house.stopped():
        said = await ask("why", "x", "--url", url, "--key", KEY)
    assert said.code == 1
    assert f"No Ponte answers at {url}" in said.err


async def test_dead_letters_are_listed_shown_and_replayed(house, config):
    number = await refused(house)
    said = await ask("dead-letters", "list", "-c", config)
    assert "whatsapp.recipient" in said.out
    letter = (await ask("dead-letters", "list", "-c", config, "--json")).json[0]
    assert letter["message"].split(":")[2] == str(number)
    shown = await ask("dead-letters", "show", letter["id"], "-c", config)
    assert '"content": "Olá!"' in shown.out
    done = await ask("dead-letters", "replay", letter["id"], "-c", config)
    assert done.out == f"{letter['id']} waits to be tried again.\n"
    await house.sent(1)
    await house.quiet()
    assert (await ask("dead-letters", "list", "-c", config)).out == "There are no dead letters.\n"


async def test_a_dead_letter_is_discarded_once(house, config):
    await refused(house)
    letter = (await ask("dead-letters", "list", "-c", config, "--json")).json[0]["id"]
    assert (await ask("dead-letters", "discard", letter, "-c", config)).code == 0
    again = await ask("dead-letters", "discard", letter, "-c", config)
    assert again.code == 1
    assert f"There is no dead letter {letter}." in again.err
    assert not house.graph.sent


async def test_what_peers_wrote_reaches_the_terminal_without_its_controls(house, config):
    conversation = await house.talk(text="\x1b]0;owned\x07[bold]not markup[/bold]")
    await house.service.store.write(
        lambda unit: unit.db.execute(
            "UPDATE job SET trace=? WHERE road='inbound'",
            (json.dumps([[0, "st\x1bep", "\x1b[2J[bold]x[/bold]"]]),),
        )
    )
    written = house.chat.messages(conversation.id)[0].source_id.removeprefix("WAID:")
    said = await ask("why", written, "-c", config)
    assert "\x1b" not in said.out
    assert "�[2J[bold]x[/bold]" in said.out


async def test_no_key_is_needed_to_read_the_database_of_a_stopped_service(house, tmp_path):
    await house.talk()
    bare = config_of(house, tmp_path, auth={"api_key": ""})
    async with house.stopped():
        said = await ask("dead-letters", "list", "-c", bare)
    assert said.out == "There are no dead letters.\n"


async def test_without_a_database_the_advice_names_the_setting(tmp_path):
    said = await ask("why", "x", "-c", written_config(tmp_path, {"server": {"port": 9}}))
    assert said.code == 2
    assert "storage.data_dir" in said.err
