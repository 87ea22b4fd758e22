from __future__ import annotations

import pytest

from support.toy_http import BAKERY_KEY, GLOBAL_KEY


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no key"),
        pytest.param({"apikey": ""}, id="empty key"),
        pytest.param({"apikey": "   "}, id="blank key"),
        pytest.param({"apikey": GLOBAL_KEY + "x"}, id="wrong key"),
        pytest.param({"apikey": GLOBAL_KEY.upper()}, id="other case"),
        pytest.param({"apikey": "k" * 5000}, id="huge key"),
        pytest.param({"apikey": BAKERY_KEY}, id="key of an instance"),
        pytest.param({"Authorization": GLOBAL_KEY}, id="no scheme"),
        pytest.param({"Authorization": f"Basic {GLOBAL_KEY}"}, id="other scheme"),
    ],
)
async def test_a_global_route_refuses_every_other_key(client, headers):
    async with client.post("/instance/create", json={}, headers=headers) as answer:
        body = await answer.json()
    assert answer.status == 401
    assert body == {
        "status": 401,
        "error": "Unauthorized",
        "response": {"message": ["Unauthorized"], "code": "request.unauthorized"},
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers",
    [
        {"apikey": GLOBAL_KEY},
        {"APIKEY": f" {GLOBAL_KEY} "},
        {"Authorization": f"Bearer {GLOBAL_KEY}"},
        {"Authorization": f"bearer  {GLOBAL_KEY}"},
    ],
)
async def test_the_global_key_opens_a_global_route(client, headers):
    async with client.post(
        "/instance/create", json={"instanceName": "padaria"}, headers=headers
    ) as answer:
        assert answer.status == 201


async def test_a_key_in_the_query_or_body_opens_nothing(client):
    async with client.post(
        f"/instance/create?apikey={GLOBAL_KEY}", json={"apikey": GLOBAL_KEY}
    ) as answer:
        assert answer.status == 401


async def test_the_key_of_an_instance_opens_its_own_routes_only(client):
    headers = {"apikey": BAKERY_KEY}
    async with client.get("/instance/connect/padaria", headers=headers) as answer:
        assert answer.status == 200
        assert (await answer.json())["asker"] == "padaria"
    async with client.get("/instance/connect/farmacia", headers=headers) as answer:
        assert answer.status == 401
    async with client.get("/instance/fetchInstances", headers=headers) as answer:
        assert answer.status == 200


async def test_an_instance_in_the_query_does_not_replace_that_of_the_path(client, gate):
    async with client.get(
        "/instance/connect/padaria?instance=vitima&instanceName=vitima",
        headers={"apikey": BAKERY_KEY},
    ) as answer:
        assert (await answer.json())["instance"] == "padaria"
    assert [instance for _, _, instance in gate.asked] == ["padaria"]


async def test_without_a_key_unknown_and_known_instances_look_the_same(client):
    async with client.get("/instance/connect/padaria") as known:
        known_body = await known.json()
    async with client.get("/instance/connect/nobody") as unknown:
        unknown_body = await unknown.json()
    assert known.status == unknown.status == 401
    assert known_body == unknown_body


async def test_the_global_key_learns_that_an_instance_does_not_exist(client):
    async with client.get("/instance/connect/nobody", headers={"apikey": GLOBAL_KEY}) as answer:
        assert answer.status == 404
        assert (await answer.json())["response"] == {
            "message": ['The "nobody" instance does not exist'],
            "code": "request.not_found",
        }


async def test_a_key_that_is_no_text_is_no_key(wire, gate):
    await wire.send(
        b"GET /instance/connect/padaria HTTP/1.1\r\nHost: x\r\napikey: \xff\xfe\r\n\r\n"
    )
    assert (await wire.head()).startswith("HTTP/1.1 401 ")
    assert [key for key, _, _ in gate.asked] == [None]


async def test_a_missing_key_is_answered_before_any_byte_of_the_body(wire):
    await wire.send(
        b"POST /instance/create HTTP/1.1\r\nHost: x\r\nContent-Length: 52428800\r\n\r\n{"
    )
    assert (await wire.head()).startswith("HTTP/1.1 401 ")


async def test_a_name_with_a_nul_character_reaches_neither_gate_nor_handler(client, gate):
    for path in ("/instance/connect/pa%00daria", "/instance/connect/%00"):
        async with client.get(path, headers={"apikey": GLOBAL_KEY}) as answer:
            assert answer.status == 404
    assert gate.asked == []


async def test_the_gate_sees_the_name_decoded(client, gate):
    async with client.get("/instance/connect/S%C3%A3o%20Jo%C3%A3o%2F1") as answer:
        assert answer.status == 401
    assert gate.asked[0][2] == "São João/1"


async def test_public_routes_and_webhooks_do_not_ask_the_gate(client, gate):
    async with client.get("/") as answer:
        assert answer.status == 200
    async with client.post("/hook/abc", data=b"{}") as answer:
        assert answer.status == 200
    assert gate.asked == []
