"""Places. A live one arrives as a kind that is not supported."""

from __future__ import annotations

import math
from typing import Final

from bridge.core.content import Location
from bridge.whatsapp.shapes import prose, table, word

_LONGEST_NAME: Final = 1000
_LONGEST_URL: Final = 4096
_LONGEST_NUMBER: Final = 32


def place(body: object) -> Location | None:
    """A place on the earth; coordinates that are none give nothing."""
    told = table(body)
    latitude = _degrees(told.get("latitude"), 90)
    longitude = _degrees(told.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    return Location(
        latitude=latitude,
        longitude=longitude,
        name=prose(told.get("name"), _LONGEST_NAME),
        address=prose(told.get("address"), _LONGEST_NAME),
        url=word(told.get("url"), _LONGEST_URL),
    )


def _degrees(value: object, most: int) -> float | None:
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(value) if -most <= value <= most else None
