"""Conversations behave as at a real Chatwoot (chatwoot-api.md 8, 20 to 28 and 41 to 44)."""

from __future__ import annotations

import pytest

from support.chatwoot_office import office


@pytest.fixture
async def at():
    async with office() as place:
        yield place


def activities(chat):
    return [row.content for row in chat.messages if row.message_type == "activity"]


async def test_ids_count_up_and_messages_share_one_sequence(at):
    first, second = await at.chat("a", phone=None), await at.chat("b", phone=None)
    assert second.id == first.id + 1
    one, two = await at.incoming(first), await at.incoming(second)
    assert two["id"] == one["id"] + 1


async def test_without_the_lock_every_create_makes_a_new_conversation(at):
    first = await at.chat()
    second = await at.converse(first.contact_id, "k-1")
    assert second is not first
    assert second.contact_inbox is first.contact_inbox


async def test_with_the_lock_the_last_conversation_comes_back_unchanged(at):
    at.inbox.fields["lock_to_single_conversation"] = True
    first = await at.chat()
    at.sim.resolve(first.id)
    again = await at.converse(first.contact_id, "k-1", status="open")
    assert again is first
    assert again.status == "resolved"


async def test_a_missing_source_makes_a_new_binding_each_time(at):
    person = at.contact()
    body = {"inbox_id": at.inbox.id, "contact_id": person.id}
    for _ in range(2):
        await at.call("POST", "/conversations", json=body)
    assert len({row.source_id for row in person.contact_inboxes}) == 2


async def test_a_source_alone_is_looked_up_and_404_when_unknown(at):
    chat = await at.chat("k-1")
    shown = await at.call("POST", "/conversations", json={"source_id": "k-1"})
    assert at.sim.conversations[shown["id"]].contact_id == chat.contact_id
    await at.call("POST", "/conversations", json={"source_id": "none"}, expect=404)


async def test_blocked_contacts_start_resolved_and_bots_start_pending(at):
    person = at.contact(blocked=True)
    assert (await at.converse(person.id, "b", status="open")).status == "resolved"
    at.inbox.bot = at.sim.bot
    assert (await at.chat(status="open")).status == "pending"


async def test_a_create_may_carry_a_message_and_a_wrong_one_rolls_everything_back(at):
    person = at.contact()
    chat = await at.converse(person.id, "s", message={"content": "oi"})
    assert [row.content for row in chat.messages] == ["oi"]
    before = len(at.sim.conversations)
    body = {"inbox_id": at.inbox.id, "contact_id": person.id, "source_id": "s"}
    wrong = body | {"message": {"content": "x" * 150_001}}
    error = await at.call("POST", "/conversations", json=wrong, expect=422)
    assert error["attributes"] == ["content"]
    assert len(at.sim.conversations) == before
    long = body | {"custom_attributes": {"a": "x" * 1501}}
    error = await at.call("POST", "/conversations", json=long, expect=422)
    assert error["attributes"] == ["custom_attributes"]
    await at.call("POST", "/conversations", json=body | {"status": "nope"}, expect=500)


async def test_the_list_is_open_ones_by_default_and_narrows_by_source(at):
    chat, other = await at.chat("a", phone=None), await at.chat("b", phone=None)
    at.sim.resolve(chat.id)

    async def ids(**params):
        shown = await at.call("GET", "/conversations", params=params)
        return [row["id"] for row in shown["data"]["payload"]]

    assert await ids() == [other.id]
    assert set(await ids(status="all")) == {chat.id, other.id}
    assert await ids(status="all", source_id="a") == [chat.id]
    assert await ids(status="all", source_id="a", inbox_id=str(at.inbox.id)) == [chat.id]
    assert await ids(status="all", source_id="a", inbox_id="999") == []
    assert await ids(status="all", assignee_type="assigned") == []
    at.sim.assign(other.id, at.sim.agent)
    shown = await at.call("GET", "/conversations", params={"status": "all"})
    assert shown["data"]["meta"] == {
        "mine_count": 0,
        "assigned_count": 1,
        "unassigned_count": 1,
        "all_count": 2,
    }


async def test_a_page_has_twenty_five_unless_updated_within(at):
    first = await at.chat()
    for _ in range(26):
        await at.converse(first.contact_id, "k-1")

    async def count(**params):
        shown = await at.call("GET", "/conversations", params=params)
        return len(shown["data"]["payload"])

    assert (await count(), await count(page="2"), await count(updated_within="60")) == (25, 2, 27)


async def test_toggling_without_a_status_and_with_an_unknown_one(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/toggle_status"

    async def toggled(**body):
        return (await at.call("POST", path, json=body))["payload"]["current_status"]

    assert [await toggled(), await toggled(), await toggled(status="pending")] == [
        "resolved",
        "open",
        "pending",
    ]
    assert await toggled() == "open"
    await at.call("POST", path, json={"status": "nope"}, expect=500)


async def test_an_agent_who_opens_is_assigned_but_an_administrator_is_not(at):
    chat = await at.chat(status="pending")
    path = f"/conversations/{chat.id}/toggle_status"
    await at.call("POST", path, json={"status": "open"})
    assert chat.assignee is None
    at.sim.pend(chat.id)
    await at.call("POST", path, json={"status": "open"}, token=at.sim.agent_token)
    assert chat.assignee is at.sim.agent


async def test_custom_attributes_are_replaced_and_patch_takes_only_the_priority(at):
    chat = await at.chat(custom_attributes={"a": 1})
    path = f"/conversations/{chat.id}"
    await at.call("POST", f"{path}/custom_attributes", json={"custom_attributes": {"b": 2}})
    assert chat.custom_attributes == {"b": 2}
    await at.call("PATCH", path, json={"priority": "urgent", "status": "resolved"})
    assert (chat.priority, chat.status) == ("urgent", "open")


async def test_unassigning_answers_null(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/assignments"
    assert await at.call("POST", path, json={"assignee_id": 0}) is None
    shown = await at.call("GET", f"/conversations/{chat.id}")
    assert not {"assignee", "team"} & shown["meta"].keys()


async def test_looking_clears_the_unread_count_without_a_webhook(at):
    chat = await at.chat()
    for _ in range(12):
        await at.incoming(chat)
    path = f"/conversations/{chat.id}"
    assert (await at.call("GET", path))["unread_count"] == 10
    await at.sim.settled()
    before = len(at.hook.bodies)
    assert (await at.call("POST", f"{path}/update_last_seen"))["unread_count"] == 0
    assert (await at.call("POST", f"{path}/unread"))["unread_count"] == 1
    await at.sim.settled()
    assert len(at.hook.bodies) == before


async def test_an_incoming_message_reopens_with_an_activity(at):
    chat = await at.chat()
    at.sim.resolve(chat.id)
    await at.incoming(chat)
    assert chat.status == "open"
    assert activities(chat)[-1] == (
        "System reopened the conversation due to a new incoming message."
    )
    at.sim.snooze(chat.id, until=9e9)
    await at.incoming(chat)
    assert (chat.status, chat.snoozed_until) == ("open", None)
    assert activities(chat)[-1] == "Conversation was reopened by Marina Duarte"
    at.inbox.bot = at.sim.bot
    at.sim.resolve(chat.id)
    await at.incoming(chat)
    assert chat.status == "pending"


async def test_outgoing_messages_and_blocked_contacts_never_reopen(at):
    chat = await at.chat()
    at.sim.resolve(chat.id)
    at.sim.agent_writes(chat.id, "oi")
    at.sim.agent_writes(chat.id, "nota", private=True)
    assert chat.status == "resolved"
    at.sim.block_contact(chat.contact_id)
    await at.incoming(chat)
    assert (chat.status, chat.messages[-1].content) == ("resolved", "Bom dia!")
    at.sim.block_contact(chat.contact_id, blocked=False)
    at.sim.pend(chat.id)
    await at.incoming(chat)
    assert chat.status == "pending"


async def test_the_first_answer_of_a_human_is_told_once(at):
    chat = await at.chat()
    await at.incoming(chat)
    at.sim.agent_writes(chat.id, "nota", private=True)
    at.sim.agent_writes(chat.id, "oi")
    at.sim.agent_writes(chat.id, "tudo bem?")
    await at.sim.settled()
    (body,) = at.hook.of("conversation_updated")
    changed = {key for entry in body["changed_attributes"] for key in entry}
    assert changed == {"waiting_since", "first_reply_created_at", "updated_at"}
    await at.incoming(chat)
    await at.sim.settled()
    assert "waiting_since" in at.hook.of("conversation_updated")[-1]["changed_attributes"][0]


async def test_only_online_members_are_assigned_by_itself(at):
    at.inbox.fields["enable_auto_assignment"] = True
    at.sim.agent.availability = "offline"
    chat = await at.chat()
    assert chat.assignee is None
    at.sim.agent.availability = "online"
    at.sim.resolve(chat.id)
    await at.incoming(chat)
    assert chat.assignee is at.sim.agent


async def test_greeting_comes_once_and_before_any_answer(at):
    at.inbox.fields.update(greeting_enabled=True, greeting_message="Olá!")
    chat = await at.chat()
    await at.incoming(chat)
    await at.incoming(chat)
    kinds = [row.message_type for row in chat.messages]
    assert kinds == ["incoming", "template", "incoming"]


async def test_out_of_office_is_told_outside_the_hours(at):
    for day in at.inbox.working_hours:
        day.update(closed_all_day=True, open_all_day=False)
    at.inbox.fields.update(working_hours_enabled=True, out_of_office_message="Fechado")
    chat = await at.chat()
    await at.incoming(chat)
    await at.incoming(chat)
    assert [row.content for row in chat.messages] == ["Bom dia!", "Fechado", "Bom dia!"]
    for day in at.inbox.working_hours:
        day.update(closed_all_day=False, open_all_day=True)
    other = await at.chat("b", phone=None)
    await at.incoming(other)
    assert len(other.messages) == 1


async def test_agents_see_the_conversations_of_their_inboxes_only(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}"
    await at.call("GET", path, token=at.sim.agent_token)
    at.inbox.members.clear()
    await at.call("GET", path, token=at.sim.agent_token, expect=401)
    shown = await at.call("GET", "/conversations", token=at.sim.agent_token)
    assert shown["data"]["payload"] == []


async def test_an_agent_starts_a_conversation_with_an_unbound_contact(at):
    person = at.contact(phone_number="+5511999990001")
    chat = at.sim.agent_starts_conversation(person.id, at.inbox.id, "Olá!")
    assert len(chat.contact_inbox.source_id) == 36
    assert chat.assignee is at.sim.agent
    await at.sim.settled()
    assert sorted(at.hook.events)[:2] == ["conversation_created", "conversation_updated"]
    again = at.sim.agent_starts_conversation(person.id, at.inbox.id, "De novo")
    assert again.contact_inbox is chat.contact_inbox


async def test_an_agent_bot_may_do_what_its_table_says(at):
    bot = at.sim.bot_token
    body = {"inbox_id": at.inbox.id, "contact_id": at.contact().id, "source_id": "s"}
    error = await at.call("POST", "/conversations", json=body, token=bot, expect=401)
    assert error == {"error": "Bot is not authorized to access this account"}
    at.inbox.bot = at.sim.bot
    chat = await at.call("POST", "/conversations", json=body, token=bot)
    path = f"/conversations/{chat['id']}"
    handed = await at.call("POST", f"{path}/toggle_status", json={"status": "open"}, token=bot)
    assert handed["payload"]["success"] is None
    await at.call("GET", path, token=bot)
    await at.call("GET", f"{path}/messages", token=bot, expect=401)
    async with office(version="4.2.0") as old:
        old.inbox.bot = old.sim.bot
        chat = await old.chat()
        await old.call("GET", f"/conversations/{chat.id}", token=old.sim.bot_token, expect=401)


async def test_muting_resolves_and_blocks(at):
    chat = await at.chat()
    await at.call("POST", f"/conversations/{chat.id}/mute")
    assert (chat.status, chat.contact.blocked) == ("resolved", True)


async def test_a_deleted_inbox_takes_everything_with_it(at):
    chat = await at.chat()
    await at.call("DELETE", f"/inboxes/{at.inbox.id}")
    await at.call("GET", f"/conversations/{chat.id}", expect=404)
    await at.call("GET", f"/inboxes/{at.inbox.id}", expect=404)
    assert chat.contact.contact_inboxes == []
