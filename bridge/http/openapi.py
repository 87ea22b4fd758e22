"""The OpenAPI 3.1 document, made from the route table and the pydantic models."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Literal, TypeAlias

import orjson
from aiohttp import hdrs, web
from pydantic import TypeAdapter

from bridge.http.dialects import choosing
from bridge.http.routing import ID, INSTANCE, PREFIX, TOKEN, Access, Route

_REF: Final = "#/components/schemas/{model}"
_Mode: TypeAlias = Literal["validation", "serialization"]
_Place: TypeAlias = Literal["request", "query"] | int

_ERROR_SCHEMA: Final = {
    "type": "object",
    "title": "Error",
    "required": ["status", "error", "response"],
    "properties": {
        "status": {"type": "integer", "description": "The HTTP status."},
        "error": {"type": "string", "description": "The reason phrase of the status."},
        "response": {
            "type": "object",
            "required": ["message", "code"],
            "properties": {
                "message": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "description": "What is wrong, one sentence each.",
                },
                "code": {
                    "type": "string",
                    "description": "The stable code of the failure, for programs.",
                },
            },
        },
    },
}

#: The whole API twice; what is served at the first alone says so.
_SERVERS: Final = [{"url": "/"}, {"url": PREFIX, "description": "As L2MSG's clients call it."}]

_WHO: Final = {
    Access.GLOBAL_KEY: "Needs the global key.",
    Access.INSTANCE_KEY: "Needs the global key or the key of the instance.",
    Access.PARTNER: "Needs the partner token.",
    Access.PATH_TOKEN: "Needs the key of the instance in the path, and the client token if one is "
    "set.",
    Access.WEBHOOK: "Called by another program, which proves itself by signature or secret path.",
    Access.PUBLIC: "",
}


_DIALECT: Final = {
    "name": choosing.HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": [*choosing.VALUES]},
    "description": "In which dialect to answer; without it the request decides.",
}
_IN_THE_PATH: Final = {ID: "The id of the instance.", TOKEN: "The key of the instance."}

_SECURITY: Final[Mapping[Access, list[dict[str, list[str]]]]] = {
    Access.GLOBAL_KEY: [{"apikey": []}, {"bearer": []}],
    Access.INSTANCE_KEY: [{"apikey": []}, {"bearer": []}],
    Access.PARTNER: [{"partner": []}],
    Access.PATH_TOKEN: [{"client": []}, {}],
    Access.WEBHOOK: [],
    Access.PUBLIC: [],
}


def document(routes: Sequence[Route], *, title: str, version: str) -> dict[str, Any]:
    """Describe the routes. Raises ValueError when two of them would get the same operation id."""
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for route in routes:
        described = _operation(route, schemas)
        if described["operationId"] in ids:
            raise ValueError(f"operation id {described['operationId']} twice: {route.path}")
        ids.add(described["operationId"])
        paths.setdefault(route.template, {})[route.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": _SERVERS,
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": {**schemas.named, "Error": _ERROR_SCHEMA},
            "responses": _error_responses(routes),
            "securitySchemes": {
                "apikey": {"type": "apiKey", "in": "header", "name": "apikey"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "partner": {"type": "http", "scheme": "bearer"},
                "client": {"type": "apiKey", "in": "header", "name": "Client-Token"},
            },
        },
    }


def openapi_route(routes: Sequence[Route], *, title: str, version: str) -> Route:
    """Make the route that serves the document; it is built at its first use, in a thread.

    Building it takes as long as everything else at a start, and few ask for it.
    """

    @cache
    def built() -> tuple[bytes, str]:
        body = orjson.dumps(document(routes, title=title, version=version))
        return body, hashlib.sha256(body).hexdigest()[:32]

    async def show(request: web.Request) -> web.Response:
        body, etag = await asyncio.to_thread(built)
        headers = {hdrs.ETAG: f'"{etag}"', hdrs.CACHE_CONTROL: "no-cache"}
        if any(tag.value == etag for tag in request.if_none_match or ()):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    return Route(
        method="GET",
        path="/openapi.json",
        handler=show,
        summary="This API as an OpenAPI document",
        tag="reference",
        access=Access.PUBLIC,
        responses={HTTPStatus.OK: dict[str, Any]},
    )


class _Schemas:
    """The JSON Schemas of a route table, made together so that the names of models are unique."""

    def __init__(self, routes: Sequence[Route]) -> None:
        wanted = [
            ((id(route), place), mode, TypeAdapter(model))
            for route in routes
            for place, mode, model in _models(route)
        ]
        found, rest = TypeAdapter.json_schemas(wanted, ref_template=_REF)
        self._found = {key: schema for (key, _mode), schema in found.items()}
        self.named: dict[str, Any] = rest.get("$defs", {})
        # A query is told as parameters; its model is no schema of its own.
        self._queries = {
            id(route): self._resolved(self._found[id(route), "query"])
            for route in routes
            if route.query is not None
        }
        used = orjson.dumps([self._queries, self.named], option=orjson.OPT_NON_STR_KEYS).decode()
        for route in routes:
            name = self._found.get((id(route), "query"), {}).get("$ref", "").rpartition("/")[2]
            if name and f'"{_REF.format(model=name)}"' not in used:
                self.named.pop(name, None)

    def of(self, route: Route, place: _Place) -> Any:
        return self._found[id(route), place]

    def query(self, route: Route) -> dict[str, Any]:
        return self._queries.get(id(route), {})

    def _resolved(self, schema: Any) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        resolved: dict[str, Any] = self.named[name] if name else schema
        return resolved


def _models(route: Route) -> Iterator[tuple[_Place, _Mode, Any]]:
    if route.request is not None:
        yield "request", "validation", route.request
    if route.query is not None:
        yield "query", "validation", route.query
    for status, model in route.responses.items():
        if model is not None:
            yield status, "serialization", model


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "security": _SECURITY[route.access],
        "responses": _responses(route, schemas),
    }
    if text := " ".join(part for part in (route.description, _WHO[route.access]) if part):
        described["description"] = text
    if not route.has_prefix:
        described["servers"] = _SERVERS[:1]
    parameters = [*_path_parameters(route), *_query_parameters(schemas.query(route))]
    if route.dialects:
        parameters.append(_DIALECT)
    if parameters:
        described["parameters"] = parameters
    if route.request is not None or route.raw_body:
        schema = {"type": "object"} if route.request is None else schemas.of(route, "request")
        described["requestBody"] = {"required": True, "content": _json(schema)}
    return described


def _operation_id(route: Route) -> str:
    words = [
        f"by_{part[1:-1]}" if part.startswith("{") else part
        for part in route.template.strip("/").replace("-", "_").replace(".", "_").split("/")
    ]
    return "_".join([route.method.lower(), *words]).rstrip("_")


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in route.parameters:
        parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        if name == INSTANCE:
            parameter["description"] = "The name of the instance."
        elif route.access is Access.PATH_TOKEN and name in _IN_THE_PATH:
            parameter["description"] = _IN_THE_PATH[name]
        yield parameter


def _query_parameters(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, described in schema.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {key: value for key, value in described.items() if key != "description"},
        }
        if "description" in described:
            parameter["description"] = described["description"]
        yield parameter


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    responses = {
        str(int(status)): _described(
            HTTPStatus(status).phrase, None if model is None else schemas.of(route, status)
        )
        for status, model in route.responses.items()
    }
    for status in sorted(_errors(route)):
        responses.setdefault(str(int(status)), {"$ref": f"#/components/responses/{status.name}"})
    return responses


def _errors(route: Route) -> set[HTTPStatus]:
    """What may go wrong on a route: what its handler declares, and what happens before it."""
    errors = {*route.errors}
    has_body = route.request is not None or route.raw_body
    if route.access.needs_key:
        errors |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
    if route.access is not Access.PUBLIC:
        errors.add(HTTPStatus.SERVICE_UNAVAILABLE)  # the database cannot be read or written
    if route.parameters:
        errors.add(HTTPStatus.NOT_FOUND)
    if has_body or route.query is not None or route.dialects:
        errors.add(HTTPStatus.BAD_REQUEST)
    if has_body:
        errors |= {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    return errors


def _error_responses(routes: Iterable[Route]) -> dict[str, Any]:
    error = {"$ref": _REF.format(model="Error")}
    statuses = sorted({status for route in routes for status in _errors(route)})
    return {status.name: _described(status.phrase, error) for status in statuses}


def _described(text: str, schema: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"description": text}
    if schema is not None:
        described["content"] = _json(schema)
    return described


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
