from __future__ import annotations

import pytest
from aiohttp import web

from bridge.http.routing import Access, Route, mount, routes_of
from support.toy_http import GLOBAL_KEY, toy_routes


async def nothing(_request: web.Request) -> web.Response:
    return web.Response()


def route(method: str = "GET", path: str = "/a", **told) -> Route:
    defaults = {"summary": "", "tag": "", "access": Access.PUBLIC, "responses": {200: None}}
    return Route(method=method, path=path, handler=nothing, **(defaults | told))


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param([route(), route()], id="twice the same"),
        pytest.param([route(method="get")], id="lower case"),
        pytest.param([route(path="a")], id="no slash"),
        pytest.param([route(raw_body=True)], id="raw body without a webhook"),
        pytest.param([route(path="/a/{name}", access=Access.INSTANCE_KEY)], id="unnamed instance"),
        pytest.param([route(path="/a/{id}", access=Access.PATH_TOKEN)], id="no token in the path"),
        pytest.param(
            [route(method="POST", access=Access.GLOBAL_KEY)], id="a change without a name"
        ),
        pytest.param([route(audit="a.b")], id="audited without a key"),
    ],
)
def test_a_table_that_contradicts_itself_does_not_start(routes):
    with pytest.raises(ValueError, match=r" /?a"):
        mount(web.Application(), routes, max_body=1)


def test_a_pattern_of_a_parameter_does_not_show_in_the_template():
    told = route(path=r"/a/{instance}/{id:\d{2,3}}/{rest:.+}")
    assert told.parameters == ("instance", "id", "rest")
    assert told.template == "/a/{instance}/{id}/{rest}"


@pytest.mark.parametrize("path", ["/whatsapp", "/whatsapp/a"])
def test_a_path_of_its_own_under_the_prefix_does_not_start(path):
    with pytest.raises(ValueError, match="prefix"):
        mount(web.Application(), [route(path=path)], max_body=1)


async def test_what_has_a_key_is_served_under_the_prefix_too(client):
    headers = {"apikey": GLOBAL_KEY}
    for prefix, is_told in (("", False), ("/whatsapp", True)):
        path = f"{prefix}/instance/connect/padaria"
        for spelling in (path, f"{path}/"):
            async with client.get(spelling, headers=headers) as answer:
                assert (answer.status, (await answer.json())["prefixed"]) == (200, is_told)
        wish = {"instanceName": "padaria"}
        async with client.post(f"{prefix}/instance/create", json=wish, headers=headers) as answer:
            assert answer.status == 201
        async with client.post(f"{prefix}/instance/create", json=wish) as answer:
            assert answer.status == 401


async def test_the_prefix_itself_says_hello(client):
    for path in ("/whatsapp", "/whatsapp/"):
        async with client.get(path) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/whatsapp/hook/abc"),
        ("GET", "/whatsapp/openapi.json"),
        ("GET", "/whatsapp/docs"),
        ("POST", "/whatsapp/echo"),
        ("POST", "/whatsapp"),
        ("GET", "/whatsappx/instance/fetchInstances"),
        ("GET", "/whatsapp/whatsapp/instance/fetchInstances"),
    ],
)
async def test_webhooks_pages_and_public_routes_have_no_prefix(client, method, path):
    headers = {"apikey": GLOBAL_KEY}
    async with client.request(method, path, json={}, headers=headers) as answer:
        assert answer.status in (404, 405)


async def test_both_spellings_are_one_route(app):
    assert sorted((r.method, r.path) for r in routes_of(app) if r.tag in {"toy", "instances"}) == (
        sorted((r.method, r.path) for r in toy_routes() if r.tag in {"toy", "instances"})
    )


async def test_one_path_may_have_several_methods_wherever_they_stand(client):
    async with client.put("/echo", json={"put": 1}) as answer:
        assert answer.status == 200
    async with client.post("/echo", json={"post": 1}) as answer:
        assert answer.status == 200


async def test_a_parameter_that_does_not_match_its_pattern_is_an_unknown_route(client):
    async with client.post("/hook/AB1", data=b"") as answer:
        assert answer.status == 404
