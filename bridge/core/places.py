"""Places that are written as a link: what agents copy from a map. Pure.

Only a text that is nothing but the link becomes a place; a link among words stays what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, unquote_plus, urlsplit

from bridge.core.lines import one_line

#: A link that is longer is no place.
LONGEST: Final = 2000
_LONGEST_NAME: Final = 200

_DEGREES: Final = r"[+-]?\d{1,3}(?:\.\d{1,20})?"
_PAIR: Final = re.compile(
    rf"(?:loc:)?({_DEGREES})\s*,\s*({_DEGREES})(?:\s*\((.*)\))?", re.ASCII | re.DOTALL
)
_GEO: Final = re.compile(rf"({_DEGREES}),({_DEGREES})(?:,{_DEGREES})?(?:;[^?]*)?", re.ASCII)
_GOOGLE: Final = re.compile(r"(?:www\.|maps\.)?google\.(?:com|[a-z]{2}|com?\.[a-z]{2})")
#: The pin of a place, and the middle of what the map shows.
_PIN: Final = re.compile(rf"!3d({_DEGREES})!4d({_DEGREES})", re.ASCII)
_VIEW: Final = re.compile(rf"/@({_DEGREES}),({_DEGREES})(?:,[0-9.]{{1,20}}[zm])?(?=/|$)", re.ASCII)
_NAMED: Final = re.compile(r"/maps/place/([^/@]+)")
_OSM_VIEW: Final = re.compile(rf"(?:.*&)?map=[0-9.]{{1,6}}/({_DEGREES})/({_DEGREES})(?:&.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """In degrees, both within their range."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


def map_link(latitude: float, longitude: float) -> str:
    """A link that every phone opens."""
    shown = (f"{one:.6f}".rstrip("0").rstrip(".") for one in (latitude, longitude))
    return f"https://maps.google.com/?q={','.join(shown)}"


def place_in(text: str) -> Place | None:
    """The place that a text names, if it is one link with coordinates and nothing else."""
    link = text.strip()
    if not link or len(link) > LONGEST or any(mark.isspace() for mark in link):
        return None
    try:
        address = urlsplit(link)
        host = (address.hostname or "").lower()
    except ValueError:
        return None
    if address.scheme == "geo":
        return _geo(link)
    if address.scheme not in {"http", "https"}:
        return None
    if _GOOGLE.fullmatch(host) and (host.startswith("maps.") or address.path.startswith("/maps")):
        return _google(address)
    if host == "maps.apple.com":
        return _apple(address)
    if host.removeprefix("www.") in {"openstreetmap.org", "osm.org"}:
        return _openstreetmap(address)
    return None


def _geo(link: str) -> Place | None:
    """RFC 5870, with the ``q`` of Android, which counts more than the coordinates before it."""
    where, _, query = link[4:].partition("?")
    sought = _pair(_first(query, "q"))
    if sought is not None:
        return sought
    found = _GEO.fullmatch(where)
    if found is None or (_first(query, "q") and float(found[1]) == float(found[2]) == 0):
        return None  # geo:0,0?q=Some Street: an address, and no coordinates
    return _place(found[1], found[2])


def _google(address: SplitResult) -> Place | None:
    if "/dir" in address.path:
        return None
    for name in ("q", "query", "ll", "center"):
        found = _pair(_first(address.query, name))
        if found is not None:
            return found
    named = _NAMED.match(address.path)
    name = unquote_plus(named[1]) if named else ""
    pin = _PIN.search(address.path) or _VIEW.search(address.path)
    if pin is not None:
        return _place(pin[1], pin[2], None if _pair(name) else name)
    return _pair(name)


def _apple(address: SplitResult) -> Place | None:
    name = _first(address.query, "name") or _first(address.query, "q")
    for field in ("coordinate", "ll", "q"):
        found = _pair(_first(address.query, field))
        if found is not None:
            shown = None if _pair(name) else _line(name)
            return replace(found, name=shown, address=_line(_first(address.query, "address")))
    return None


def _openstreetmap(address: SplitResult) -> Place | None:
    latitude, longitude = _first(address.query, "mlat"), _first(address.query, "mlon")
    if latitude and longitude:
        return _pair(f"{latitude},{longitude}")
    found = _OSM_VIEW.fullmatch(unquote(address.fragment))
    return None if found is None or address.path not in {"", "/"} else _place(found[1], found[2])


def _first(query: str, name: str) -> str:
    try:
        return parse_qs(query, max_num_fields=50).get(name, [""])[0].strip()
    except ValueError:
        return ""


def _pair(text: str) -> Place | None:
    found = _PAIR.fullmatch(text)
    return None if found is None else _place(found[1], found[2], found[3])


def _place(
    latitude: str, longitude: str, name: str | None = None, address: str | None = None
) -> Place | None:
    north, east = float(latitude), float(longitude)
    if not (-90 <= north <= 90 and -180 <= east <= 180):  # noqa: PLR2004
        return None
    return Place(latitude=north, longitude=east, name=_line(name), address=_line(address))


def _line(text: str | None) -> str | None:
    return one_line(text or "")[:_LONGEST_NAME] or None
