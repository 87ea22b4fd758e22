"""The coercions of `kinds` (8.1) as types for the fields of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from bridge.http.dialects import kinds
from bridge.http.dialects.kinds import Kind, Wrong, is_blank


def _made(kind: Kind) -> Callable[[Any], Any]:
    """What the kind makes of a value; None of a blank one.

    What it refuses is left as it is, for the model to refuse in its own words.
    """

    def made(value: Any) -> Any:
        try:
            return None if is_blank(value) else kind.read(value, "")
        except Wrong:
            return value

    return made


IS_FLAG: Final = BeforeValidator(
    _made(kinds.BOOLEAN),
    json_schema_input_type=bool | Literal["true", "false", "1", "0", "", 0, 1] | None,
)


def is_count(most: int) -> BeforeValidator:
    """Read a whole number from 0 to `most`."""
    return BeforeValidator(_made(kinds.an_integer(0, most)))


Flag = Annotated[bool | None, IS_FLAG]
#: One line, or several.
Word = Annotated[
    Annotated[str, Field(max_length=255)] | None, BeforeValidator(_made(kinds.a_word(255)))
]
Words = Annotated[
    Annotated[str, Field(max_length=4096)] | None, BeforeValidator(_made(kinds.a_phrase(4096)))
]
