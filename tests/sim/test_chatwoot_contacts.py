"""Contacts, bindings and merging behave as at a real Chatwoot (chatwoot-api.md 8, 8 to 19)."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from support.chatwoot_office import Office, office

CRASH = {"status": 500, "error": "Internal Server Error"}


@pytest.fixture
async def at():
    async with office() as place:
        yield place


async def names(at: Office, path: str, **kwargs):
    return [row["name"] for row in (await at.call(path=path, **kwargs))["payload"]]


@pytest.mark.parametrize(
    ("phone", "status"),
    [
        ("+5511999990001", 200),
        ("x+5511999990001", 200),
        ("", 200),
        (None, 200),
        ("5511999990001", 422),
        ("+0511999990001", 422),
        ("+5511999990001 ", 422),
        ("+55119999900011234", 422),
    ],
)
async def test_the_phone_pattern_is_anchored_at_its_end_only(at, phone, status):
    await at.call("POST", "/contacts", json={"phone_number": phone}, expect=status)


async def test_an_empty_identifier_counts_for_the_index_and_crashes_the_second_time(at):
    await at.call("POST", "/contacts", json={"name": "A", "identifier": ""})
    assert await at.call("POST", "/contacts", json={"identifier": ""}, expect=500) == CRASH
    await at.call("POST", "/contacts", json={"name": "B", "identifier": None})
    await at.call("POST", "/contacts", json={"name": "C", "identifier": None})


async def test_emails_are_lowered_and_blank_ones_are_null(at):
    made = await at.call("POST", "/contacts", json={"email": " Ana@X.example "})
    assert made["payload"]["contact"]["email"] == "ana@x.example"
    blank = await at.call("POST", "/contacts", json={"email": ""})
    assert blank["payload"]["contact"]["email"] is None
    wrong = await at.call("POST", "/contacts", json={"email": "ana"}, expect=422)
    assert wrong["attributes"] == ["email"]


async def test_an_update_merges_attributes_one_level_deep(at):
    person = at.contact(custom_attributes={"a": {"x": 1}, "b": 2})
    body = {"custom_attributes": {"a": {"y": 1}}}
    shown = await at.call("PATCH", f"/contacts/{person.id}", json=body)
    assert shown["payload"]["custom_attributes"] == {"a": {"y": 1}, "b": 2}
    gone = {"custom_attributes": ["b"]}
    path = f"/contacts/{person.id}/destroy_custom_attributes"
    shown = await at.call("POST", path, json=gone)
    assert shown["payload"]["custom_attributes"] == {"a": {"y": 1}}


async def test_search_is_a_substring_over_resolved_contacts(at):
    at.contact("Ana Prado", phone_number="+5521988880002")
    at.contact("Sem Nada")
    at.contact("Bia", identifier="Ab@lid", additional_attributes={"company_name": "Aurora"})
    path = "/contacts/search"
    assert await names(at, path, method="GET", params={"q": "PRADO"}) == ["Ana Prado"]
    assert await names(at, path, method="GET", params={"q": "98888"}) == ["Ana Prado"]
    assert await names(at, path, method="GET", params={"q": "aurora"}) == ["Bia"]
    assert await names(at, path, method="GET", params={"q": "ab@lid"}) == []
    assert await names(at, path, method="GET", params={"q": "Nada"}) == []
    plus = aiohttp.client.URL(f"{at.url}/api/v1/accounts/1{path}?q=+5521", encoded=True)
    response = await at.http.get(plus, headers={"api_access_token": at.sim.admin_token})
    assert len((await response.json())["payload"]) == 1  # a space, stripped, then digits
    assert await at.call("GET", path) == {
        "meta": {"count": None, "current_page": 1},
        "payload": [],
    }


async def test_pages_have_fifteen_and_echo_the_query(at):
    for number in range(17):
        at.contact(f"P{number:02}", phone_number=f"+55119999{number:05}")
    first = await at.call("GET", "/contacts", params={"sort": "name"})
    assert (len(first["payload"]), first["meta"]) == (15, {"count": 17, "current_page": 1})
    second = await at.call("GET", "/contacts", params={"sort": "-name", "page": "2"})
    assert [row["name"] for row in second["payload"]] == ["P01", "P00"]
    assert second["meta"]["current_page"] == "2"


def clause(key, value, joint=None, operator="equal_to"):
    return {
        "attribute_key": key,
        "filter_operator": operator,
        "values": [value],
        "query_operator": joint,
    }


async def test_the_filter_prepends_plus_and_finds_unresolved_contacts(at):
    at.contact("Longo", phone_number="+5511999990001")
    at.contact("Curto", phone_number="+551199990001")
    at.contact("Nada")

    async def found(*clauses):
        body = {"payload": list(clauses)}
        return await names(at, "/contacts/filter", method="POST", json=body)

    both = [clause("phone_number", "5511999990001", "OR"), clause("phone_number", "551199990001")]
    assert await found(*both) == ["Longo", "Curto"]
    assert await found(clause("phone_number", "+5511999990001")) == []
    assert await found(clause("name", "nada")) == ["Nada"]
    narrowed = [clause("phone_number", "5511999990001", "AND"), clause("name", "curto")]
    assert await found(*narrowed) == []
    assert await found(clause("phone_number", "9999", operator="contains")) == ["Longo", "Curto"]
    body = {"payload": [clause("name", "a"), clause("name", "b")]}
    error = await at.call("POST", "/contacts/filter", json=body, expect=422)
    assert error == {"error": 'Query operator must be either "AND" or "OR".'}


async def test_a_create_with_a_taken_source_crashes_and_stores_nothing(at):
    await at.chat("k-1")
    before = len(at.sim.contacts)
    body = {"name": "Outro", "inbox_id": at.inbox.id, "source_id": "k-1"}
    assert await at.call("POST", "/contacts", json=body, expect=500) == CRASH
    assert len(at.sim.contacts) == before


async def test_a_binding_is_idempotent_for_its_triple_and_crashes_for_another_contact(at):
    person, other = at.contact("A"), at.contact("B")
    body = {"inbox_id": at.inbox.id, "source_id": "s"}
    path = f"/contacts/{person.id}/contact_inboxes"
    first = await at.call("POST", path, json=body)
    assert await at.call("POST", path, json=body) == first
    await at.call("POST", path, json=body | {"source_id": "s2"})
    assert len(at.sim.contact_inboxes) == 2
    taken = await at.call("POST", f"/contacts/{other.id}/contact_inboxes", json=body, expect=500)
    assert taken == CRASH
    uuid = await at.call("POST", path, json={"inbox_id": at.inbox.id})
    assert len(uuid["source_id"]) == 36


async def test_contactable_inboxes_give_the_latest_source_or_a_new_uuid_each_time(at):
    person = at.contact()
    path = f"/contacts/{person.id}/contactable_inboxes"

    async def source():
        return (await at.call("GET", path))["payload"][0]["source_id"]

    assert await source() != await source()
    for key in ("s1", "s2"):
        body = {"inbox_id": at.inbox.id, "source_id": key}
        await at.call("POST", f"/contacts/{person.id}/contact_inboxes", json=body)
    assert await source() == "s2"


async def test_a_filter_miss_is_404_without_body(at):
    body = {"inbox_id": at.inbox.id, "source_id": "unknown"}
    response = await at.raw("POST", "/contact_inboxes/filter", json=body)
    assert (response.status, await response.read()) == (404, b"")


async def test_contact_inboxes_can_be_left_out_and_activity_starts_with_a_message(at):
    chat = await at.chat()
    path = f"/contacts/{chat.contact_id}"
    shown = await at.call("GET", path, params={"include_contact_inboxes": "false"})
    assert "contact_inboxes" not in shown["payload"]
    assert "last_activity_at" not in shown["payload"]
    at.sim.agent_writes(chat.id, "oi")
    assert "last_activity_at" not in (await at.call("GET", path))["payload"]
    await at.incoming(chat)
    assert isinstance((await at.call("GET", path))["payload"]["last_activity_at"], int)


async def test_a_merge_moves_everything_and_the_base_wins(at):
    chat = await at.chat("new", phone="+5511999990001")
    await at.incoming(chat, "da nova")
    mergee = chat.contact
    at.sim.agent_edits_contact(
        mergee.id, identifier="i", additional_attributes={"city": "Recife", "deep": {"b": 2}}
    )
    base = at.contact("Base", additional_attributes={"city": "Olinda", "deep": {"a": 1}})
    at.sim.webhooks.deliveries.clear()
    body = {"base_contact_id": base.id, "mergee_contact_id": mergee.id}
    shown = await at.call("POST", "/actions/contact_merge", json=body)
    assert shown["name"] == "Base"
    assert shown["phone_number"] == "+5511999990001"
    assert shown["identifier"] == "i"
    assert shown["additional_attributes"] == {"city": "Olinda", "deep": {"a": 1, "b": 2}}
    assert "contact_inboxes" not in shown
    assert chat.contact is base
    assert chat.messages[0].sender is base
    assert [row.source_id for row in base.contact_inboxes] == ["new"]
    await at.call("GET", f"/contacts/{mergee.id}", expect=404)
    assert len(at.sim.webhooks) == 0
    found = await at.call("GET", "/contacts/search", params={"q": "+5511999990001"})
    assert [row["id"] for row in found["payload"]] == [base.id]


async def test_a_merge_of_equal_ids_does_nothing_and_an_unknown_one_is_404(at):
    person = at.contact()
    same = {"base_contact_id": person.id, "mergee_contact_id": person.id}
    await at.call("POST", "/actions/contact_merge", json=same)
    assert person.id in at.sim.contacts
    unknown = {"base_contact_id": person.id, "mergee_contact_id": 99999}
    await at.call("POST", "/actions/contact_merge", json=unknown, expect=404)


async def test_contact_conversations_are_twenty_at_most_with_the_busiest_first(at):
    first = await at.chat()
    for _ in range(21):
        await at.converse(first.contact_id, "k-1")
    await at.incoming(first)
    shown = await at.call("GET", f"/contacts/{first.contact_id}/conversations")
    assert len(shown["payload"]) == 20
    assert shown["payload"][0]["id"] == first.id


async def test_a_deleted_contact_takes_its_conversations_with_it(at):
    chat = await at.chat()
    at.sim.delete_contact(chat.contact_id)
    await at.call("GET", f"/conversations/{chat.id}", expect=404)
    await at.call("GET", f"/contacts/{chat.contact_id}", expect=404)
    again = await at.chat()
    assert again.id != chat.id


async def test_an_avatar_is_a_picture_of_a_known_kind(at):
    person = at.contact()
    form = aiohttp.FormData()
    form.add_field("avatar", b"webp", filename="a.webp", content_type="image/webp")
    error = await at.call("PATCH", f"/contacts/{person.id}", data=form, expect=422)
    assert error == {"message": "Avatar filetype not supported", "attributes": ["avatar"]}
    form = aiohttp.FormData()
    form.add_field("avatar", b"png!", filename="a.png", content_type="image/png")
    shown = await at.call("PATCH", f"/contacts/{person.id}", data=form)
    response = await at.http.get(shown["payload"]["thumbnail"])
    assert await response.read() == b"png!"


async def test_two_racing_creates_of_one_phone_can_both_succeed(at):
    at.sim.faults.contact_race = 0.02
    body = {"phone_number": "+5511999990001"}
    await asyncio.gather(*(at.call("POST", "/contacts", json=body) for _ in range(2)))
    assert len(at.sim.contacts) == 2
    at.sim.faults.clear()
    await at.call("POST", "/contacts", json=body, expect=422)


async def test_texts_follow_the_locale_of_the_account():
    async with office(locale="pt_BR") as at:
        at.contact(phone_number="+5511999990001")
        body = {"phone_number": "+5511999990001"}
        error = await at.call("POST", "/contacts", json=body, expect=422)
        assert error["message"] == "Phone number já está em uso"
        assert error["attributes"] == ["phone_number"]
        chat = await at.chat("k", phone=None)
        path = f"/conversations/{chat.id}/messages"
        error = await at.call("POST", path, json={"content": "x" * 150_001}, expect=422)
        assert error["error"].startswith("A validação falhou: Content é muito longo")
