"""Whether answers are what the OpenAPI document declares: status, schema, code of a failure."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
from aiohttp import web

from bridge.errors.catalogue import CODES
from bridge.http.openapi import document
from bridge.http.routing import PREFIX, Route, routes_of

_REF = "#/components/responses/"


class Declared:
    """The document of a route table, to compare answers with."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._told = document(routes, title="Ponte", version="test")
        self._templates = [
            (tuple(template.strip("/").split("/")), template) for template in self._told["paths"]
        ]
        self._schemas: dict[tuple[str, str, int], jsonschema_rs.Validator] = {}

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Fail for an answer that is not declared. What is no operation is left alone."""
        template = self._template(method, path)
        if template is None:
            return
        asked = f"{method} {template}"
        declared = self._told["paths"][template][method.lower()]["responses"]
        assert str(status) in declared, f"{asked} does not declare {status}: {body}"
        if status >= 400:
            known = CODES.get(body["response"]["code"])
            assert known is not None, f"{asked} {status}: the catalogue has no code of {body}"
            assert str(status) in known.status, f"{asked} {status}: not the status of {known.code}"
        if not isinstance(body, str):
            self._schema(method, template, status).validate(body)

    def _template(self, method: str, path: str) -> str | None:
        """Where a path leads: what is spelled out comes before parameters."""
        parts = tuple(path.partition("?")[0].removeprefix(PREFIX).strip("/").split("/"))
        fitting = [
            (sum(_is_parameter(one) for one in pattern), template)
            for pattern, template in self._templates
            if len(pattern) == len(parts)
            and method.lower() in self._told["paths"][template]
            and all(
                _is_parameter(one) or one == part for one, part in zip(pattern, parts, strict=True)
            )
        ]
        return min(fitting)[1] if fitting else None

    def _schema(self, method: str, template: str, status: int) -> jsonschema_rs.Validator:
        key = (method, template, status)
        if key not in self._schemas:
            response = self._told["paths"][template][method.lower()]["responses"][str(status)]
            if "$ref" in response:
                name = response["$ref"].removeprefix(_REF)
                response = self._told["components"]["responses"][name]
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            whole = {**schema, "components": self._told["components"]}
            self._schemas[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._schemas[key]


def declared(app: web.Application) -> Declared:
    """The document of an application. Services of one route table share it."""
    routes = routes_of(app)
    table = tuple((route.method, route.template) for route in routes)
    if table not in _KNOWN:
        _KNOWN[table] = Declared(routes)
    return _KNOWN[table]


_KNOWN: dict[tuple[tuple[str, str], ...], Declared] = {}


def _is_parameter(part: str) -> bool:
    return part.startswith("{")
