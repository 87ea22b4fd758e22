"""The coercions of `kinds` (8.1) as types for the fields of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from bridge.http.dialects import kinds
from bridge.http.dialects.kinds import Kind, Wrong, is_blank


def _made(kind: Kind, *, blank: Any = None) -> Callable[[Any], Any]:
    """What the kind makes of a value; None of null, and `blank` of a blank text.

    What it refuses is left as it is, for the model to refuse in its own words.
    """

    def made(value: Any) -> Any:
        if is_blank(value):
            return None if value is None else blank
        try:
            return kind.read(value, "")
        except Wrong:
            return value

    return made


_FLAGS: Final = bool | Literal["true", "false", "1", "0", "", 0, 1] | None
IS_FLAG: Final = BeforeValidator(_made(kinds.BOOLEAN), json_schema_input_type=_FLAGS)
#: An empty text switches off (`kinds.switch`).
_IS_SWITCH: Final = BeforeValidator(_made(kinds.SWITCH, blank=False), json_schema_input_type=_FLAGS)


def is_count(most: int) -> BeforeValidator:
    """Read a whole number from 0 to `most`."""
    return BeforeValidator(_made(kinds.an_integer(0, most)))


def one_of(*words: str) -> BeforeValidator:
    """Read one of these words, in any case; a blank text is null."""
    known = {word.casefold(): word for word in words}

    def made(value: Any) -> Any:
        if is_blank(value):
            return None
        return known.get(value.strip().casefold(), value) if isinstance(value, str) else value

    return BeforeValidator(made)


Flag = Annotated[bool | None, IS_FLAG]
Switch = Annotated[bool | None, _IS_SWITCH]
#: One line, or several.
Word = Annotated[
    Annotated[str, Field(max_length=255)] | None, BeforeValidator(_made(kinds.a_word(255)))
]
Words = Annotated[
    Annotated[str, Field(max_length=4096)] | None, BeforeValidator(_made(kinds.a_phrase(4096)))
]
#: The same; an empty text says that there is to be none.
Line = Annotated[
    Annotated[str, Field(max_length=255)] | None,
    BeforeValidator(_made(kinds.a_word(255), blank="")),
]
Lines = Annotated[
    Annotated[str, Field(max_length=4096)] | None,
    BeforeValidator(_made(kinds.a_phrase(4096), blank="")),
]
