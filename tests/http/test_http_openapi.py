from __future__ import annotations

from typing import Any

import orjson
import pytest
from jsonschema_rs import ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from bridge.http.openapi import document
from bridge.http.routing import Access, Route
from support.declared import Declared
from support.toy_http import show, toy_routes


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    # Through JSON, as clients see it.
    return orjson.loads(orjson.dumps(document(toy_routes(), title="Toy", version="1")))


def test_the_document_is_valid_openapi(told):
    assert told["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(told).validate()


def test_every_route_is_described_once(told):
    described = [(path, method) for path, methods in told["paths"].items() for method in methods]
    assert sorted(described) == sorted((r.template, r.method.lower()) for r in toy_routes())
    ids = [op["operationId"] for methods in told["paths"].values() for op in methods.values()]
    assert len(set(ids)) == len(ids)
    assert "get_instance_connect_by_instance" in ids


def test_every_reference_leads_somewhere(told):
    def references(node: Any):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            node = list(node.values())
        if isinstance(node, list):
            for below in node:
                yield from references(below)

    for reference in references(told):
        target = told
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_failure_is_declared_with_the_error_envelope(told):
    for response in told["components"]["responses"].values():
        schema = response["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Error"}
    for methods in told["paths"].values():
        for operation in methods.values():
            assert "default" not in operation["responses"]
            assert "500" not in operation["responses"]
    assert told["components"]["schemas"]["Error"]["required"] == ["status", "error", "response"]


def test_failures_of_a_handler_are_declared_beside_those_of_its_kind(told):
    declared = {*told["paths"]["/instance/create"]["post"]["responses"]}
    assert declared == {"201", "400", "401", "403", "408", "413", "429", "503"}


def test_routes_with_a_key_say_so(told):
    keyed = told["paths"]["/instance/create"]["post"]
    assert keyed["security"] == [{"apikey": []}, {"bearer": []}]
    assert "global key" in keyed["description"]
    assert {"400", "401", "413", "429", "201"} <= set(keyed["responses"])
    hook = told["paths"]["/hook/{secret}"]["post"]
    assert hook["security"] == []
    assert "401" not in hook["responses"]


def test_the_prefix_is_a_second_server_for_what_it_serves(told):
    assert [server["url"] for server in told["servers"]] == ["/", "/whatsapp"]
    assert not [path for path in told["paths"] if path.startswith("/whatsapp")]
    assert "servers" not in told["paths"]["/instance/create"]["post"]
    assert "servers" not in told["paths"]["/"]["get"]
    assert told["paths"]["/hook/{secret}"]["post"]["servers"] == [{"url": "/"}]


def test_bodies_and_answers_are_told_by_alias(told):
    create = told["paths"]["/instance/create"]["post"]
    schema = create["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Wish"}
    assert "instanceName" in told["components"]["schemas"]["Wish"]["properties"]
    made = create["responses"]["201"]["content"]["application/json"]["schema"]
    assert made == {"$ref": "#/components/schemas/Made"}
    many = told["paths"]["/echo"]["put"]["responses"]["200"]["content"]["application/json"]
    assert many["schema"]["items"] == {"$ref": "#/components/schemas/Made"}


def test_path_and_query_are_parameters(told):
    connect = told["paths"]["/instance/connect/{instance}"]["get"]
    assert [(p["name"], p["in"], p["required"]) for p in connect["parameters"]] == [
        ("instance", "path", True),
        ("number", "query", False),
        ("page", "query", False),
    ]
    assert connect["parameters"][1]["description"] == "The number to pair with."
    assert "Asked" not in told["components"]["schemas"]


class Sort(BaseModel):
    by: str


class Listing(BaseModel):
    """Holds itself and another model, as a query and as an answer."""

    page: int = Field(alias="p")
    sort: Sort | None = None
    inner: list[Listing] = []


def test_a_model_that_is_query_and_answer_stays_a_schema():
    route = Route(
        method="GET",
        path="/list",
        handler=show,
        summary="",
        tag="toy",
        access=Access.PUBLIC,
        query=Listing,
        responses={200: Listing, 202: None},
    )
    told = document([route], title="Toy", version="1")
    OpenAPIV31SpecValidator(told).validate()
    assert [p["name"] for p in told["paths"]["/list"]["get"]["parameters"]] == [
        "p",
        "sort",
        "inner",
    ]


def test_two_routes_with_one_operation_id_are_refused():
    def route(path: str) -> Route:
        return Route(
            method="GET",
            path=path,
            handler=show,
            summary="",
            tag="",
            access=Access.PUBLIC,
            responses={200: None},
        )

    with pytest.raises(ValueError, match="operation id"):
        document([route("/a-b"), route("/a/b")], title="Toy", version="1")


async def test_the_document_is_served_and_cached(client):
    async with client.get("/openapi.json") as answer:
        assert answer.status == 200
        assert (await answer.json())["info"] == {"title": "Toy", "version": "1"}
        etag = answer.headers["ETag"]
    async with client.get("/openapi.json", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
        assert answer.headers["ETag"] == etag


@pytest.mark.parametrize(
    ("path", "status", "body", "wrong"),
    [
        ("/instance/create", 201, {"name": "loja", "account": None}, None),
        ("/whatsapp/instance/create/", 201, {"name": "loja", "account": "1"}, None),
        ("/instance/create", 418, {}, "does not declare 418"),
        ("/instance/create", 201, {"name": 1, "account": None}, "is not of type"),
        ("/instance/create", 403, {"status": 403}, "response"),
        ("/nobody/knows", 418, "", None),
    ],
)
def test_answers_that_are_not_declared_are_noticed_in_all_tests(path, status, body, wrong):
    declared = Declared(toy_routes())
    if wrong is None:
        declared.check("POST", path, status, body)
        return
    with pytest.raises((AssertionError, KeyError, ValidationError), match=wrong):
        declared.check("POST", path, status, body)


def test_codes_that_are_not_explained_are_noticed_in_all_tests():
    declared = Declared(toy_routes())
    told = {"status": 403, "error": "Forbidden", "response": {"message": ["no"], "code": "odd"}}
    with pytest.raises(AssertionError, match="the catalogue has no code"):
        declared.check("POST", "/instance/create", 403, told)
    told["response"]["code"] = "request.unauthorized"
    with pytest.raises(AssertionError, match="not the status"):
        declared.check("POST", "/instance/create", 403, told)
    told["response"]["code"] = "instance.name_taken"
    declared.check("POST", "/instance/create", 403, told)
