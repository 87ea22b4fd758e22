"""Texts that are no UTF-8, as of a bot that cuts a text off in the middle of a character.

The engine passes them on as they came, and protobuf gives bytes in the place of such a text.
"""

from __future__ import annotations

from typing import Any, Final

#: Of protobuf, which is not there where the engine is not installed.
_STRING: Final = 9
_MESSAGE: Final = 11


def mend(message: Any) -> None:
    """Put a sign for what cannot be read into all texts of a message, and of those inside."""
    for field, value in message.ListFields():
        if field.type == _MESSAGE:
            for inner in value if field.is_repeated else (value,):
                if hasattr(inner, "ListFields"):  # the keys of a map have none
                    mend(inner)
        elif field.type == _STRING:
            if field.is_repeated:
                if any(isinstance(one, bytes) for one in value):
                    value[:] = [_read(one) for one in value]
            elif isinstance(value, bytes):
                setattr(message, field.name, _read(value))


def _read(text: str | bytes) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
