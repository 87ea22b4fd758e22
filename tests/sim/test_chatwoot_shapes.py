"""Every answer and webhook has the keys and types of the recorded shapes."""

from __future__ import annotations

import aiohttp
import pytest

from support.chatwoot_office import Office, differences, office, sample

PNG = b"\x89PNG\r\n\x1a\n"


def same(given, name):
    assert differences(given, sample(name)) == []


@pytest.fixture
async def at():
    """A 4.12: the first shapes, before inboxes show their secret."""
    async with office(version="4.12.1", storage="newer") as place:
        yield place


async def busy(at: Office):
    """A conversation with assignee, team, label and an answered customer."""
    chat = await at.chat()
    team = at.sim.add_team("vendas")
    at.sim.agent_writes(chat.id, "Temos sim, João!")
    at.sim.assign(chat.id, at.sim.agent)
    at.sim.assign_team(chat.id, team)
    at.sim.label(chat.id, ["pedido"])
    await at.incoming(chat, source_id="WAID:1")
    return chat


def test_the_comparison_sees_a_missing_key_a_surplus_key_and_a_wrong_type():
    assert differences({"a": 1, "c": {}}, {"a": "1", "b": 2}) == [
        "$.b is missing",
        "$.c is too much",
        "$.a: int instead of str",
    ]


async def test_profile_account_version_and_agents(at):
    same(await at.call("GET", f"{at.url}/api/v1/profile"), "rest-profile-show")
    same(await at.call("GET", ""), "rest-account-show")
    same(await at.call("GET", f"{at.url}/api"), "rest-api-root-version")
    same(await at.call("GET", "/agents"), "rest-agents-index")
    same(await at.call("GET", f"/inbox_members/{at.inbox.id}"), "rest-inbox-members")


async def test_inboxes_before_and_after_they_are_signed(at):
    body = {"name": "WhatsApp Vendas", "channel": {"type": "api", "webhook_url": at.hook.url}}
    same(await at.call("POST", "/inboxes", json=body), "rest-inbox-create")
    listed = await at.call("GET", "/inboxes", token=at.sim.agent_token)
    same(listed, "rest-inbox-list-as-agent")
    assert [row["id"] for row in listed["payload"]] == [at.inbox.id]
    async with office(version="4.13.0") as newer:
        same(await newer.call("POST", "/inboxes", json=body), "rest-inbox-create-4.13plus")


async def test_agent_bots(at):
    made = await at.call("POST", "/agent_bots", json={"name": "Bot", "outgoing_url": at.hook.url})
    same(made, "rest-agent-bot-create")
    path = f"/inboxes/{at.inbox.id}"
    assert await at.call("GET", f"{path}/agent_bot") == {}
    await at.call("POST", f"{path}/set_agent_bot", json={"agent_bot": made["id"]})
    same(await at.call("GET", f"{path}/agent_bot"), "rest-inbox-agent-bot-show")


async def test_contacts(at):
    bound = {"name": "J", "inbox_id": at.inbox.id, "source_id": "s", "identifier": "5511@x"}
    made = await at.call("POST", "/contacts", json=bound)
    same(made, "rest-contact-create")
    loose = await at.call("POST", "/contacts", json={"name": "A", "phone_number": "+55211"})
    same(loose, "rest-contact-create-without-inbox")
    chat = await at.converse(made["payload"]["contact"]["id"], "s")
    await at.incoming(chat)
    one = f"/contacts/{chat.contact_id}"
    same(await at.call("GET", one), "rest-contact-show")
    found = await at.call("GET", "/contacts/search", params={"q": "5511", "page": "1"})
    same(found, "rest-contact-search")
    clause = {"attribute_key": "identifier", "filter_operator": "equal_to", "values": ["5511@x"]}
    filtered = await at.call("POST", "/contacts/filter", json={"payload": [clause]})
    same(filtered, "rest-contact-filter-response")
    key = {"inbox_id": at.inbox.id, "source_id": "s"}
    same(await at.call("POST", f"{one}/contact_inboxes", json=key), "rest-contact-inbox-create")
    same(await at.call("POST", "/contact_inboxes/filter", json=key), "rest-contact-inbox-filter")
    same(await at.call("GET", f"{one}/contactable_inboxes"), "rest-contactable-inboxes")
    merge = {"base_contact_id": chat.contact_id, "mergee_contact_id": chat.contact_id}
    same(await at.call("POST", "/actions/contact_merge", json=merge), "rest-contact-merge")


async def test_conversations(at):
    earlier = await at.chat("k-0", phone=None)
    await at.incoming(earlier)
    person = {"inbox_id": at.inbox.id, "contact_id": earlier.contact_id, "source_id": "k-0"}
    same(await at.call("POST", "/conversations", json=person), "rest-conversation-create")
    at.sim.delete_contact(earlier.contact_id)
    chat = await busy(at)
    one = f"/conversations/{chat.id}"
    same(await at.call("GET", one), "rest-conversation-show")
    at.sim.assign_team(chat.id, None)
    same(await at.call("GET", "/conversations"), "rest-conversation-list")
    same(await at.call("POST", "/conversations/filter", json={}), "rest-conversation-filter")
    at.sim.agent_writes(chat.id, "Até logo")
    person = await at.call("GET", f"/contacts/{chat.contact_id}/conversations")
    same(person, "rest-contact-conversations")
    snoozed = {"status": "snoozed", "snoozed_until": 1893456000}
    toggled = await at.call("POST", f"{one}/toggle_status", json=snoozed)
    same(toggled, "rest-conversation-toggle-status")
    assert toggled["payload"]["snoozed_until"] == "2030-01-01T00:00:00.000Z"
    labels = await at.call("POST", f"{one}/labels", json={"labels": ["pedido", "vip"]})
    assert labels == sample("rest-conversation-labels")
    attributes = sample("rest-conversation-custom-attributes")
    assert await at.call("POST", f"{one}/custom_attributes", json=attributes) == attributes
    agent = await at.call("POST", f"{one}/assignments", json={"assignee_id": at.sim.agent.id})
    same(agent, "rest-conversation-assignment-agent")
    team = await at.call("POST", f"{one}/assignments", json={"team_id": 2})
    same(team, "rest-conversation-assignment-team")


async def test_messages(at):
    chat = await at.chat()
    path = f"/conversations/{chat.id}/messages"
    same(await at.incoming(chat, source_id="WAID:1"), "rest-message-create-incoming")
    mirror = {"content": "eco", "echo_id": "tmp-77", "source_id": "WAID:2"}
    echo = await at.call("POST", path, json=mirror)
    same(echo, "rest-message-create-outgoing")
    reply = await at.incoming(chat, content_attributes={"in_reply_to": echo["id"]})
    same(reply, "rest-message-create-incoming-reply")
    form = aiohttp.FormData({"content": "Olha", "message_type": "incoming"})
    form.add_field("attachments[]", PNG, filename="bolo.png", content_type="image/png")
    picture = await at.call("POST", path, data=form)
    same(picture, "rest-message-create-incoming-image")
    at.sim.assign(chat.id, at.sim.agent)
    same(await at.call("GET", path), "rest-messages-list")
    patch = {"status": "failed", "external_error": "1006"}
    failed = await at.call("PATCH", f"{path}/{reply['id']}", json=patch)
    assert failed.pop("sender")["type"] == "contact"
    wanted = sample("rest-message-update-failed")
    del wanted["sender"]
    assert differences(failed, wanted) == []
    own = f"{path}/{echo['id']}"
    same(await at.call("DELETE", own), "rest-message-delete")


async def test_account_webhooks(at):
    async with office(version="4.10.0") as older:
        hook = {"webhook": {"url": "https://x.example/1", "name": "p", "subscriptions": []}}
        made = await older.call("POST", "/webhooks", json=hook)
        same(made, "rest-webhooks-create")
    await at.call("POST", "/webhooks", json=hook)
    same(await at.call("GET", "/webhooks"), "rest-webhooks-index-4.11.2plus")
    again = await at.call("POST", "/webhooks", json=hook, expect=422)
    assert again == sample("error-422-webhook-duplicate")


async def test_public_api(at):
    base = f"{at.url}/public/api/v1/inboxes/{at.inbox.identifier}/contacts"
    made = await at.call("POST", base, json={"source_id": "pub", "name": "Ana"})
    same(made, "rest-public-contact-create")
    chat = await at.call("POST", f"{base}/pub/conversations", json={})
    path = f"{base}/pub/conversations/{chat['id']}/messages"
    same(await at.call("POST", path, json={"content": "oi"}), "rest-public-message-create")


MESSAGE_WEBHOOKS = {
    "incoming": lambda at, chat: at.incoming(chat, source_id="WAID:1"),
    "outgoing-agent": lambda at, chat: at.sim.agent_writes(chat.id, "Temos"),
    "private-note": lambda at, chat: at.sim.agent_writes(chat.id, "nota", private=True),
    "outgoing-audio": lambda at, chat: at.sim.agent_writes(
        chat.id, None, attachments=[("d2f0.mp3", b"ID3", "audio/mpeg")]
    ),
    "outgoing-attachments": lambda at, chat: at.sim.agent_writes(
        chat.id,
        "Segue",
        attachments=[("o.pdf", b"%PDF", "application/pdf"), ("b.png", PNG, "image/png")],
    ),
    "incoming-image": lambda at, chat: at.call(
        "POST", f"/conversations/{chat.id}/messages", data=_form("b.png", "image/png")
    ),
    "incoming-audio": lambda at, chat: at.call(
        "POST", f"/conversations/{chat.id}/messages", data=_form("ptt.ogg", "audio/ogg")
    ),
    "outgoing-own-echo": lambda at, chat: at.call(
        "POST", f"/conversations/{chat.id}/messages", json={"content": "eu", "source_id": "WAID:9"}
    ),
    "agent-bot-select": lambda at, chat: at.call(
        "POST",
        f"/conversations/{chat.id}/messages",
        json={
            "content": "Escolha",
            "content_type": "input_select",
            "content_attributes": {"items": [{"title": "a", "value": "b"}]},
            "sender_type": "AgentBot",
            "sender_id": at.sim.bot.id,
        },
    ),
}


def _form(name, mime):
    form = aiohttp.FormData({"message_type": "incoming"})
    form.add_field("attachments[]", PNG, filename=name, content_type=mime)
    return form


@pytest.mark.parametrize("name", MESSAGE_WEBHOOKS)
async def test_message_created(at, name):
    chat = await at.chat()
    if name == "private-note":
        at.sim.agent_writes(chat.id, None, attachments=[("a.mp3", b"ID3", "audio/mpeg")])
    result = MESSAGE_WEBHOOKS[name](at, chat)
    if hasattr(result, "__await__"):
        await result
    await at.sim.settled()
    same(at.hook.of("message_created")[-1], f"webhook-message_created-{name}")


async def test_message_created_by_newer_versions():
    async with office(version="4.18.0") as at:
        chat = await at.chat()
        at.sim.agent_writes(chat.id, "Temos")
        await at.sim.settled()
        same(at.hook.of("message_created")[-1], "webhook-message_created-outgoing-4.18-shape")
    async with office(version="4.15.0") as at:
        chat = await at.chat()
        voice = [("d2f0.mp3", b"ID3", "audio/mpeg")]
        at.sim.agent_writes(chat.id, None, attachments=voice, voice=True)
        await at.sim.settled()
        body = at.hook.of("message_created")[-1]
        same(body, "webhook-message_created-outgoing-voice-4.15plus")
        assert body["attachments"][0]["meta"] == {"is_voice_message": True}


async def test_templates(at):
    at.inbox.fields.update(greeting_enabled=True, greeting_message="Olá!", csat_survey_enabled=True)
    chat = await at.chat()
    await at.incoming(chat)
    at.sim.resolve(chat.id)
    await at.sim.settled()
    greeting, survey = (b for b in at.hook.of("message_created") if b["message_type"] == "template")
    same(greeting, "webhook-message_created-template-greeting")
    same(survey, "webhook-message_created-template-csat")
    assert greeting["sender"] is None
    assert survey["content_type"] == "input_csat"


async def test_message_updated(at):
    chat = await at.chat()
    message = at.sim.agent_writes(chat.id, "Temos")
    path = f"/conversations/{chat.id}/messages/{message.id}"

    async def updated():
        await at.sim.settled()
        return at.hook.of("message_updated")[-1]

    await at.call("PATCH", path, json={"status": "read"})
    same(await updated(), "webhook-message_updated-read")
    await at.call("PATCH", path, json={"status": "failed", "external_error": "1006"})
    body = await updated()
    same(body, "webhook-message_updated-failed")
    assert body["content_attributes"] == {"external_error": "1006"}
    at.sim.agent_retries(message.id)
    body = await updated()
    same(body, "webhook-message_updated-retry")
    assert body["content_attributes"] == {}
    at.sim.agent_deletes(message.id)
    body = await updated()
    same(body, "webhook-message_updated-deleted")
    assert body["content_attributes"] == {"deleted": True}


async def test_conversation_events(at):
    chat = await at.chat()
    await at.sim.settled()
    same(at.hook.of("conversation_created")[-1], "webhook-conversation_created")
    await at.incoming(chat)
    at.sim.assign(chat.id, at.sim.agent)
    await at.sim.settled()
    same(at.hook.of("conversation_updated")[-1], "webhook-conversation_updated-assignee")
    at.sim.label(chat.id, ["pedido"])
    await at.sim.settled()
    first, second = at.hook.of("conversation_updated")[-2:]
    for body in (first, second):
        same(body, "webhook-conversation_updated-labels")
        assert body["changed_attributes"] == [
            {"label_list": {"previous_value": [], "current_value": ["pedido"]}}
        ]
    at.sim.agent_writes(chat.id, "Até logo")
    at.sim.resolve(chat.id)
    at.sim.snooze(chat.id, until=1893456000.0)
    await at.sim.settled()
    resolved, snoozed = at.hook.of("conversation_status_changed")
    same(resolved, "webhook-conversation_status_changed-resolved")
    same(snoozed, "webhook-conversation_status_changed-snoozed")
    assert resolved["changed_attributes"] is None


async def test_typing(at):
    chat = await at.chat()
    await at.incoming(chat)
    at.sim.typing(chat.id, private=True)
    base = f"{at.url}/public/api/v1/inboxes/{at.inbox.identifier}/contacts/k-1"
    path = f"{base}/conversations/{chat.id}/toggle_typing"
    await at.call("POST", path, json={"typing_status": "off"})
    await at.sim.settled()
    on, off = at.hook.of("conversation_typing_on")[0], at.hook.of("conversation_typing_off")[0]
    same(on, "webhook-conversation_typing_on-agent")
    same(off, "webhook-conversation_typing_off-contact")
    assert (on["is_private"], off["is_private"]) == (True, False)


async def test_account_events():
    async with office(version="4.12.1", inbox_events=True) as at:
        events = ["contact_created", "contact_updated", "inbox_created", "inbox_updated"]
        hook = {"webhook": {"url": at.hook.url, "subscriptions": events}}
        await at.call("POST", "/webhooks", json=hook)
        person = at.contact()
        at.sim.block_contact(person.id)
        inbox = at.sim.add_inbox("Entregas", webhook_url="http://127.0.0.1:9/x")
        at.sim.update_inbox(inbox.id, lock_to_single_conversation=True)
        await at.sim.settled()
        for event in events:
            same(at.hook.of(event)[-1], f"webhook-{event}-account-only")


async def test_agent_bot_events():
    async with office(version="4.12.1") as at:
        at.sim.bot.outgoing_url = at.hook.url
        at.inbox.bot, at.inbox.webhook_url = at.sim.bot, None
        chat = await at.chat()
        at.sim.open(chat.id)
        await at.sim.settled()
        same(at.hook.of("conversation_opened")[-1], "webhook-agent-bot-conversation_opened")


async def test_errors(at):
    api = f"{at.url}/api/v1/accounts"
    nobody = await at.http.get(f"{api}/1/inboxes")
    assert (nobody.status, await nobody.json()) == (401, sample("error-401-missing-token"))
    refusals = [
        ("GET", "/inboxes", "wrong", 401, "error-401-invalid-token", None),
        ("GET", "/contacts", at.sim.bot_token, 401, "error-401-bot-endpoint", None),
        ("POST", "/inboxes", at.sim.agent_token, 401, "error-401-pundit", {}),
        ("GET", f"{api}/2/inboxes", None, 401, "error-401-wrong-account", None),
        ("GET", "/contacts/999999", None, 404, "error-404-resource", None),
        ("GET", f"{api}/99/inboxes", None, 404, "error-404-resource", None),
    ]
    for method, path, token, status, name, body in refusals:
        got = await at.call(method, path, token=token, expect=status, json=body)
        assert got == sample(name), path


async def test_validation_errors(at):
    async def refused(path, body, name):
        assert await at.call("POST", path, json=body, expect=422) == sample(name)

    at.contact(phone_number="+5511999990001", identifier="i", email="a@b.example")
    await refused("/contacts", {"phone_number": "11999990001"}, "error-422-contact-phone-format")
    taken = {"phone_number": "+5511999990001"}
    await refused("/contacts", taken, "error-422-contact-phone-duplicate")
    both = {"identifier": "i", "email": "A@B.example"}
    await refused("/contacts", both, "error-422-contact-identifier-and-email")
    clause = {"attribute_key": "telefone", "filter_operator": "equal_to", "values": ["1"]}
    await refused("/contacts/filter", {"payload": [clause]}, "error-422-filter-attribute")
    chat = await at.chat("k-9", phone=None)
    other = at.contact("Ana")
    clash = {"inbox_id": at.inbox.id, "contact_id": other.id, "source_id": "k-9"}
    await refused("/conversations", clash, "error-422-conversation-source-id")
    path = f"/conversations/{chat.id}/messages"
    await refused(path, {"content": "x" * 150_001}, "error-422-message-too-long")
    at.sim.world.flood_limit = 3
    for _ in range(3):
        await at.incoming(chat)
    await refused(path, {"content": "x"}, "error-422-message-flood")
    site = at.sim.add_inbox("Site", channel="web_widget")
    at.inbox = site
    visitor = await at.converse(other.id, "w")
    message = at.sim.agent_writes(visitor.id, "oi")
    one = f"/conversations/{visitor.id}/messages/{message.id}"
    got = await at.call("PATCH", one, json={"status": "read"}, expect=403)
    assert got == sample("error-403-message-update-non-api")
