"""What machines are told beside the text: ids, coordinates, answers. It always can be stored.

It comes from strangers and stands in Chatwoot's `content_attributes` under ``whatsapp``, which
newer servers keep and 4.2 drops: nothing of ours relies on it.
"""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from bridge.relay.wording.sheet import storable

#: Bytes of it all, as JSON.
MOST_BYTES: Final = 16_384
_LONGEST: Final = 1000
_MOST: Final = 60
_DEPTH: Final = 6
#: What a browser reads exactly.
_SAFE: Final = 2**53


def tidy(value: Any, depth: int = _DEPTH) -> Any:
    """Any value as JSON that can be stored, cut; nothing is left of what is nothing."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < _SAFE else _digits(value)
        case float():
            return value if math.isfinite(value) else None
        case str():
            return storable(value[:_LONGEST])
        case dict() | list() | tuple() if depth == 0:
            return None
        case dict():
            return _table(value, depth)
        case list() | tuple():
            return [tidy(one, depth - 1) for one in value[:_MOST]]
        case _:
            return storable(str(value)[:_LONGEST])


def attributes(kind: str, **facts: Any) -> dict[str, Any]:
    """The facts of one content that are known, small enough to be stored."""
    told = {"kind": kind, **facts}
    known = _table({key: one for key, one in told.items() if one not in (None, (), {})}, _DEPTH)
    return {"whatsapp": fitted(known)}


def fitted(known: dict[str, Any]) -> dict[str, Any]:
    """The facts without the largest of them, until all of them together are small enough."""
    sizes = {key: len(orjson.dumps(one)) for key, one in known.items()}
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if sum(sizes.values()) + sum(map(len, sizes)) * 4 <= MOST_BYTES:
            break
        del sizes[key]
    return {key: one for key, one in known.items() if key in sizes}


def _table(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    pairs = list(value.items())[:_MOST]
    return {storable(str(key)[:100]): tidy(one, depth - 1) for key, one in pairs}


def _digits(value: int) -> str | None:
    """A large number as text; one with thousands of digits is none."""
    return str(value) if value.bit_length() < 1000 else None  # noqa: PLR2004
