from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StrictBool,
    StrictInt,
    field_validator,
)
from pydantic_core import PydanticCustomError

from bridge.errors import Invalid
from bridge.http.validation import validate


class Presence(Enum):
    AVAILABLE = "available"
    PAUSED = 'it\'s "paused"'


class TextPart(BaseModel):
    kind: Literal["text"]
    body: str


class FilePart(BaseModel):
    kind: Literal["file"]
    url: HttpUrl


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    at: datetime | None = None
    presence: Presence | None = None
    days: StrictInt | list[StrictInt] = 1
    part: Annotated[TextPart | FilePart, Field(discriminator="kind")] | None = None
    by_events: StrictBool = Field(
        False, validation_alias=AliasChoices("byEvents", AliasPath("webhook", "byEvents"))
    )
    webhook: dict[str, bool] | None = None
    token: str | None = None
    code: str | None = None

    @field_validator("token")
    @classmethod
    def _free(cls, value: str | None) -> str | None:
        if value == "taken":
            raise ValueError("Token already exists")
        return value

    @field_validator("code")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value == "odd":
            raise PydanticCustomError("evolution", 'Invalid "code" property')
        return value


def mistakes(data: dict) -> tuple[str, ...]:
    with pytest.raises(Invalid) as refused:
        validate(Strict, data)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    return refused.value.messages


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"x": 1}, ('instance is not allowed to have the additional property "x"',)),
        ({"days": "3"}, ("days is not of a type(s) integer,array",)),
        ({"days": [1, "2"]}, ("days[1] is not of a type(s) integer",)),
        (
            {"presence": "away"},
            ('presence is not one of enum values: available,it\'s "paused"',),
        ),
        ({"part": {}}, ('part requires property "kind"',)),
        ({"part": {"kind": "x"}}, ("part.kind is not one of enum values: text,file",)),
        ({"part": {"kind": "text"}}, ('part requires property "body"',)),
        ({"part": {"kind": "text", "body": 1}}, ("part.body is not of a type(s) string",)),
        ({"part": {"kind": "file", "url": "::"}}, ('Invalid "url" property in part',)),
        ({"part": 7}, ("part is not of a type(s) object",)),
        ({"byEvents": "yes"}, ("byEvents is not of a type(s) boolean",)),
        ({"webhook": {"byEvents": 3}}, ("webhook.byEvents is not of a type(s) boolean",)),
        ({"token": "taken"}, ("Token already exists",)),
        ({"code": "odd"}, ('Invalid "code" property',)),
        (
            {"at": "yesterday"},
            ("at: Input should be a valid datetime, input is too short",),
        ),
    ],
)
def test_each_mistake_has_a_readable_sentence(data, messages):
    assert mistakes(data) == messages


def test_a_strict_model_takes_what_json_can_say():
    made = validate(Strict, {"at": "2026-11-21T10:00:00Z", "presence": "available"})
    assert made.at is not None
    assert made.at.tzinfo is not None
    assert made.presence is Presence.AVAILABLE


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("abçã"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("kindbody"), inner),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys((*Strict.model_fields, "byEvents", "other"), anything)
    )
)
def test_whatever_comes_is_a_model_or_readable_mistakes(data):
    try:
        validate(Strict, data)
    except Invalid as refused:
        messages = refused.messages
    else:
        return
    assert messages
    assert len(set(messages)) == len(messages)
    assert not any("NoneType" in message or "Strict" in message for message in messages)


def test_a_value_is_never_repeated():
    data = {"token": {"hunter2": 1}, "days": "hunter2", "presence": "hunter2", "at": "hunter2"}
    assert "hunter2" not in " ".join(mistakes(data))
