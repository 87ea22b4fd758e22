from __future__ import annotations

import pytest
from aiohttp import web

from bridge.http.routing import Access, Route, mount


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
    ],
)
def test_a_table_that_contradicts_itself_does_not_start(routes):
    with pytest.raises(ValueError, match=r" /?a"):
        mount(web.Application(), routes, max_body=1)


def test_a_pattern_of_a_parameter_does_not_show_in_the_template():
    told = route(path=r"/a/{instance}/{id:\d{2,3}}/{rest:.+}")
    assert told.parameters == ("instance", "id", "rest")
    assert told.template == "/a/{instance}/{id}/{rest}"


async def test_one_path_may_have_several_methods_wherever_they_stand(client):
    async with client.put("/echo", json={"put": 1}) as answer:
        assert answer.status == 200
    async with client.post("/echo", json={"post": 1}) as answer:
        assert answer.status == 200


async def test_a_parameter_that_does_not_match_its_pattern_is_an_unknown_route(client):
    async with client.post("/hook/AB1", data=b"") as answer:
        assert answer.status == 404
