"""Bodies and queries become models; what is wrong is told in Evolution's words, all of it.

Source of the wording: evolution-instance-typebot.md 1.0 and 1.4. The texts name properties as
the caller wrote them (aliases) and never repeat a value, which may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, get_args

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from bridge.errors import Invalid
from bridge.http.reading import read_json

ModelT = TypeVar("ModelT", bound=BaseModel)
_Path: TypeAlias = tuple[str | int, ...]

#: What Evolution calls the whole body.
_ROOT: Final = "instance"

_TYPES: Final = {
    "bool_type": "boolean",
    "bool_parsing": "boolean",
    "string_type": "string",
    "string_sub_type": "string",
    "url_type": "string",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_from_float": "integer",
    "float_type": "number",
    "float_parsing": "number",
    "list_type": "array",
    "tuple_type": "array",
    "set_type": "array",
    "dict_type": "object",
    "mapping_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "dataclass_type": "object",
    "none_required": "null",
}

_LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "string_too_short": ("does not meet minimum length of", "min_length"),
    "string_too_long": ("does not meet maximum length of", "max_length"),
    "too_short": ("does not meet minimum length of", "min_length"),
    "too_long": ("does not meet maximum length of", "max_length"),
    "greater_than_equal": ("must be greater than or equal to", "ge"),
    "less_than_equal": ("must be less than or equal to", "le"),
    "greater_than": ("must be strictly greater than", "gt"),
    "less_than": ("must be strictly less than", "lt"),
}

_BUILT_IN: Final = frozenset(get_args(ErrorType))
_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"([^\"]*)\"")


async def parse_body(
    request: web.Request, model: type[ModelT], *, limit: int | None = None
) -> ModelT:
    """Read the body and make it a model. Raises `TooLarge`, and `Invalid` with every mistake.

    Only the body counts: path and query are never merged into it (2.2).
    """
    return validate(model, await read_json(request, limit))


def parse_query(request: web.Request, model: type[ModelT]) -> ModelT:
    """Make the query string a model. Raises `Invalid` with every mistake.

    Texts become numbers and booleans where the model wants these. An empty value counts as absent.
    """
    texts: dict[str, str] = {}
    for name, value in request.query.items():
        if name in texts:
            raise Invalid(f"{name} is given more than once")
        if "\0" in value:
            raise Invalid(f"{name} holds the NUL character")
        if value:
            texts[name] = value
    try:
        return model.model_validate_strings(texts)
    except ValidationError as error:
        refusal = Invalid(*wording(error, texts))
    raise refusal


def validate(model: type[ModelT], data: Mapping[str, Any]) -> ModelT:
    """Make decoded JSON a model, by the rules for JSON (a strict model takes dates as texts).

    A `ValueError` raised in a validator is told as it is, without a prefix. Raises `Invalid`.
    """
    try:
        return model.model_validate_json(orjson.dumps(data))
    except ValidationError as error:
        # The error holds the input, which may hold secrets: it must not become a cause.
        refusal = Invalid(*wording(error, data))
    raise refusal


def wording(error: ValidationError, data: Any) -> tuple[str, ...]:
    """Say everything that is wrong, once each, in the order found."""
    found = [
        (_path(details, data), details)
        for details in error.errors(include_url=False, include_input=False)
    ]
    messages: dict[str, None] = {}
    for path, details in found:
        wanted = _TYPES.get(details["type"])
        if wanted is None:
            messages[_sentence(path, details)] = None
        elif not any(len(other) > len(path) and other[: len(path)] == path for other, _ in found):
            # Of a union, pydantic tells each branch; Evolution lists the types in one message.
            messages[f"{_name(path)} is not of a type(s) {','.join(_wanted(path, found))}"] = None
    return tuple(messages)


def _wanted(path: _Path, found: Sequence[tuple[_Path, ErrorDetails]]) -> dict[str, None]:
    types = (_TYPES.get(details["type"]) for other, details in found if other == path)
    return {wanted: None for wanted in types if wanted is not None}


def _path(details: ErrorDetails, data: Any) -> _Path:
    """Find the place in the data; pydantic also names branches of unions, which are no places."""
    path: list[str | int] = []
    here = data
    location = details["loc"]
    for number, step in enumerate(location):
        try:
            here = here[step]
        except (LookupError, TypeError):
            last = number == len(location) - 1
            if number > 0 and not (last and details["type"] == "missing"):
                continue
        path.append(step)
    return tuple(path)


def _name(path: _Path) -> str:
    name = ""
    for step in path:
        if isinstance(step, int):
            name += f"[{step}]"
        else:
            name += f".{step}" if name else step
    return name or _ROOT


def _sentence(path: _Path, details: ErrorDetails) -> str:
    kind = details["type"]
    if kind in _SENTENCES:
        return _SENTENCES[kind](path, details.get("ctx", {}))
    if kind in _LIMITS:
        return _limit(path, kind, details.get("ctx", {}))
    if kind.startswith("url_"):
        return f'Invalid "{path[-1] if path else _ROOT}" property in {_name(path[:-1])}'
    if kind in _BUILT_IN:
        return f"{_name(path)}: {details['msg']}"
    return details["msg"]


def _missing(path: _Path, _ctx: Mapping[str, Any]) -> str:
    return f'{_name(path[:-1])} requires property "{path[-1]}"'


def _additional(path: _Path, _ctx: Mapping[str, Any]) -> str:
    return f'{_name(path[:-1])} is not allowed to have the additional property "{path[-1]}"'


def _choice(path: _Path, ctx: Mapping[str, Any]) -> str:
    return f"{_name(path)} is not one of enum values: {','.join(_values(ctx['expected']))}"


def _tag(path: _Path, ctx: Mapping[str, Any]) -> str:
    tag = next(_values(ctx["discriminator"]))
    values = ",".join(_values(ctx["expected_tags"]))
    return f"{_name((*path, tag))} is not one of enum values: {values}"


def _no_tag(path: _Path, ctx: Mapping[str, Any]) -> str:
    return _missing((*path, next(_values(ctx["discriminator"]))), ctx)


def _pattern(path: _Path, ctx: Mapping[str, Any]) -> str:
    return f"{_name(path)} does not match pattern {json.dumps(ctx['pattern'])}"


def _own_words(_path: _Path, ctx: Mapping[str, Any]) -> str:
    return str(ctx["error"])


def _limit(path: _Path, kind: str, ctx: Mapping[str, Any]) -> str:
    words, key = _LIMITS[kind]
    if kind == "string_too_short" and ctx[key] == 1:
        return f'The "{_name(path)}" cannot be empty'
    return f"{_name(path)} {words} {ctx[key]}"


def _values(expected: str) -> Iterator[str]:
    """Read the values out of pydantic's ``'A', 'B' or 'C'``."""
    quoted = [single.replace("\\'", "'") or double for single, double in _QUOTED.findall(expected)]
    return iter(quoted or [expected])


_SENTENCES: Final[Mapping[str, Callable[[_Path, Mapping[str, Any]], str]]] = {
    "missing": _missing,
    "extra_forbidden": _additional,
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_words,
    "assertion_error": _own_words,
}
