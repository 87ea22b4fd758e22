"""Places. A live one arrives as a kind that is not supported."""

from __future__ import annotations

from typing import Final

from bridge.core.content import Location
from bridge.whatsapp.shapes import degrees, prose, table, word

_LONGEST_NAME: Final = 1000
_LONGEST_URL: Final = 4096


def place(body: object) -> Location | None:
    """A place on the earth; coordinates that are none give nothing."""
    told = table(body)
    latitude = degrees(told.get("latitude"), 90)
    longitude = degrees(told.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    return Location(
        latitude=latitude,
        longitude=longitude,
        name=prose(told.get("name"), _LONGEST_NAME),
        address=prose(told.get("address"), _LONGEST_NAME),
        url=word(told.get("url"), _LONGEST_URL),
    )
