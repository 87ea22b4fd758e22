"""Reading JSON that may hold anything: each function takes any value and never raises."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

import orjson

#: orjson writes 254 levels and pydantic reads 200, but orjson reads 1024: what lies deeper
#: than this could be received, yet never stored.
DEEPEST = 64
#: Longer than any id or name that Meta sends.
LONGEST_WORD = 512
#: WhatsApp's own limit for what people write; the Cloud API itself stops at 4,096.
LONGEST_TEXT = 65_536
#: Digits of a whole number or of a place's degrees.
_MOST_DIGITS = 18
_LONGEST_DEGREES = 32
_SECONDS_END = 10**11
#: 31 December 9999, the last day that there is a word for.
_LAST = 253_402_214_400
_DIGEST = 32
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


def table(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def word(value: object, longest: int = LONGEST_WORD) -> str | None:
    """An id, name or keyword; numbers become text. None when empty, too long or anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if isinstance(value, str) and len(value) <= longest and value.strip():
        return value
    return None


def prose(value: object, longest: int) -> str | None:
    """A text as it was written, only cut at `longest`. None when empty or anything else."""
    return value[:longest] if isinstance(value, str) and value else None


def clip(value: object, longest: int = 300) -> str | None:
    """A text for people in one line, cut short. None when there is none."""
    if not isinstance(value, str):
        return None
    text = " ".join(value[: longest * 4].split())
    return (text if len(text) <= longest else text[: longest - 1] + "…") or None


def whole(value: object) -> int | None:
    """A whole number, also one that is told as a text; None when below zero or anything else."""
    text = word(value, _MOST_DIGITS)
    return int(text) if text and text.isascii() and text.isdigit() else None


def moment(value: object) -> datetime | None:
    """A time in Unix seconds or milliseconds; None when there is no such day."""
    told = whole(value) or 0
    seconds = told if told < _SECONDS_END else told // 1000
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _LAST else None


def degrees(value: object, most: int) -> float | None:
    """A latitude or longitude, up to `most` to both sides."""
    if isinstance(value, str) and len(value) <= _LONGEST_DEGREES:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -most <= value <= most else None


def sha256(value: object) -> str | None:
    """A digest in hex, as the house wants it: most often it is told in base64."""
    if not isinstance(value, str):
        return None
    if _HEX.fullmatch(value.lower()):
        return value.lower()
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == _DIGEST else None


def storable(value: dict[str, Any]) -> bool:
    """Whether `value` survives being stored as JSON and read back."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            break
    else:
        return False
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    if isinstance(value, list):
        return [inner for inner in value if isinstance(inner, dict | list)]
    return []
