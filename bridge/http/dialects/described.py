"""The bodies of the Evolution family for the OpenAPI document, from the table of spellings.

They describe; bodies are read by `create` and `configuration`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from pydantic import BaseModel, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bridge.core.connection import Presence
from bridge.core.instance import TRANSPORTS
from bridge.http.dialects import spellings
from bridge.http.dialects.spellings import Field


class _Described(BaseModel):
    table: ClassVar[tuple[Field, ...]] = ()
    #: What every body of this kind must hold, as JSON Schema.
    required: ClassVar[dict[str, Any]] = {}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        resolved = handler.resolve_ref_schema(schema)
        resolved["properties"] = _properties(cls.table)
        resolved.update(cls.required)
        return schema


class CreateBody(_Described):
    """A new instance, in any spelling of Evolution API 1, Evolution API 2 and L2MSG."""

    table = spellings.CREATE
    required: ClassVar = {
        "anyOf": [{"required": ["instanceName"]}, {"required": ["instance_name"]}]
    }


class SettingsBody(_Described):
    """How the number behaves; what is not given stays."""

    table = spellings.SETTINGS


class ProxyBody(_Described):
    """The proxy of the number, as fields or in a block `proxy`."""

    table = spellings.PROXY


class WebhookBody(_Described):
    """Where events go, as fields or in a block `webhook`."""

    table = spellings.WEBHOOK


class ChatwootBody(_Described):
    """The Chatwoot side; what is not given stays."""

    table = spellings.CHATWOOT


class PresenceBody(_Described):
    """How the number shows itself."""

    table = spellings.PRESENCE
    required: ClassVar = {
        "required": ["presence"],
        "properties": {"presence": {"enum": [presence.value for presence in Presence]}},
    }


def _transport_body(name: str) -> type[_Described]:
    model = create_model(
        f"{name.capitalize()}Body",
        __base__=_Described,
        __module__=__name__,
        __doc__=f"Events by {name}, as fields or in a block `{name}`.",
    )
    model.table = spellings.TRANSPORT[name]
    return model


#: By the name of the transport.
TRANSPORT_BODIES: Final = {name: _transport_body(name) for name in TRANSPORTS}


def _properties(fields: Iterable[Field]) -> dict[str, Any]:
    """Each spelling, in the order of the table; the first one of a field carries its meaning."""
    properties: dict[str, Any] = {}
    blocks: dict[str, dict[str, Any]] = {}
    for field in fields:
        for spelled in dict.fromkeys(field.spellings):
            about = field.about if spelled == field.spellings[0] else f"As {field.spellings[0]}."
            block, _, name = spelled.rpartition(".")
            place = blocks.setdefault(block, {}) if block else properties
            place[name] = {**field.kind.schema, "description": about}
    for block, inside in blocks.items():
        described: dict[str, Any] = {"type": ["object", "null"], "properties": inside}
        plain = properties.get(block)
        if plain:  # a plain field has the same name
            described = {"anyOf": [plain, described], "description": plain.pop("description")}
        properties[block] = described
    return properties
