"""A panel that runs in a browser calls from another origin."""

from __future__ import annotations

import pytest

from support.bridge_house import KEY, bridge_house

PANEL = "https://panel.example"
ASKS = {
    "Origin": PANEL,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "apikey, content-type",
}


async def headers(house, method, path, **sent):
    async with house.http.request(method, house.url + path, headers=sent) as answer:
        return answer.status, answer.headers


@pytest.fixture
async def house(tmp_path):
    async with bridge_house(tmp_path, provisioned=False) as made:
        yield made


@pytest.mark.parametrize("path", ["/instance/create", "/whatsapp/instance/create"])
async def test_a_browser_that_asks_beforehand_is_let_in_without_a_key(house, path):
    status, answer = await headers(house, "OPTIONS", path, **ASKS)
    assert status == 204
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert "apikey" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("wrong", 401)])
async def test_a_page_reads_answers_and_errors(house, key, status):
    got, answer = await headers(house, "GET", "/instance/fetchInstances", Origin=PANEL, apikey=key)
    assert got == status
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "X-Total-Count" in answer["Access-Control-Expose-Headers"]


async def test_servers_that_call_get_nothing_of_it(house):
    _, answer = await headers(house, "GET", "/instance/fetchInstances", apikey=KEY)
    assert "Access-Control-Allow-Origin" not in answer
    _, answer = await headers(house, "GET", "/healthz", Origin=PANEL)
    assert "Access-Control-Allow-Origin" not in answer


async def test_options_without_such_a_question_are_what_they_were(house):
    status, _ = await headers(house, "OPTIONS", "/instance/create")
    assert status == 405
    status, _ = await headers(house, "OPTIONS", "/nowhere", **ASKS)
    assert status == 404


async def test_only_the_pages_that_are_listed_may_call(tmp_path):
    options = {"server": {"allowed_origins": [PANEL]}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        for origin, allowed in ((PANEL, PANEL), ("https://evil.example", None)):
            for method, more in (("OPTIONS", ASKS), ("GET", {"apikey": KEY})):
                path = "/instance/create" if method == "OPTIONS" else "/instance/fetchInstances"
                _, answer = await headers(house, method, path, **(more | {"Origin": origin}))
                assert answer.get("Access-Control-Allow-Origin") == allowed
                assert answer["Vary"] == "Origin"
