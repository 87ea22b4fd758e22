"""Settings as TOML for people: the example file, and what holds at present."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bridge.settings import ENV_PREFIX, Settings

WIDTH = 96
MASK = "********"

HEAD = """\
# The configuration of Ponte, with every option and its default.
#
# Copy this file to config.toml and keep of it what you change. Each option can also be set in the
# environment, under the name that stands with it, and that wins; a list is written as JSON there:
# ["rails", "minio"]. A value can lie in a file of its own as well:
# PONTE_AUTH__API_KEY_FILE=/run/secrets/key.
#
# Made by `ponte config example` from bridge/settings.py; do not edit this one.
"""


def example() -> str:
    """The text of `config.example.toml`: every option; those without a default commented out."""
    parts = [HEAD]
    for name, section in _sections():
        parts.append(f"\n# {Settings.model_fields[name].description}\n[{name}]\n")
        for option, field in section.model_fields.items():
            parts.append("\n" + "".join(f"# {line}\n" for line in _comments(name, option, field)))
            default = field.get_default(call_default_factory=True)
            parts.append(_assignment(option, default))
    return "".join(parts)


def shown(settings: Settings) -> str:
    """What holds at present, as TOML; secrets are masked."""
    parts: list[str] = []
    for name, section in _sections():
        values = getattr(settings, name)
        parts.append(f"[{name}]\n")
        parts += [
            _assignment(option, _masked(getattr(values, option))) for option in section.model_fields
        ]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def plain(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The same as values for JSON."""
    return {
        name: {option: _masked(getattr(getattr(settings, name), option)) for option in fields}
        for name, fields in ((name, section.model_fields) for name, section in _sections())
    }


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        assert isinstance(field.annotation, type)  # noqa: S101  (each is a `Section`)
        yield name, field.annotation


def _comments(section: str, option: str, field: FieldInfo) -> Iterator[str]:
    yield from wrap(" ".join(filter(None, (field.description, *_limits(field)))), WIDTH)
    yield f"{ENV_PREFIX}{section}__{option}".upper()


def _limits(field: FieldInfo) -> Iterator[str]:
    if get_origin(field.annotation) is Literal:
        yield f"One of {', '.join(map(_toml, get_args(field.annotation)))}."
    found = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("gt", "ge", "le")
        if hasattr(limit, name)
    }
    if "gt" in found:
        yield f"More than {found['gt']}."
    if "ge" in found and "le" in found:
        yield f"From {found['ge']} to {found['le']}."
    elif "ge" in found:
        yield f"At least {found['ge']}."


def _assignment(option: str, value: Any) -> str:
    if value is None or value == []:
        return f"# {option} = {_toml('' if value is None else [])}\n"
    return f"{option} = {_toml(value)}\n"


def _masked(value: Any) -> Any:
    match value:
        case SecretStr():
            return MASK
        case list():
            return [_masked(one) for one in value]
        case Path():
            return str(value)
        case _:
            return value


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    match value:
        case bool() | int() | float():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            fields = (f"{_key(name)} = {_toml(one)}" for name, one in value.items())
            return f"{{ {', '.join(fields)} }}"
        case _:
            # A JSON string is a TOML string, but for one character that JSON leaves bare.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
