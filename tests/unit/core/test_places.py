"""What agents copy from a map becomes a place, and nothing else does."""

from __future__ import annotations

import pytest

from bridge.core.places import Place, map_link, place_in


def at(latitude: float, longitude: float, name: str | None = None, **more: str) -> Place:
    return Place(latitude=latitude, longitude=longitude, name=name, **more)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://maps.google.com/?q=-23.5505,-46.6333", at(-23.5505, -46.6333)),
        (" https://www.google.com/maps?q=-23.5505,-46.6333\n", at(-23.5505, -46.6333)),
        ("https://www.google.com/maps/search/?api=1&query=-23.5%2C-46.6", at(-23.5, -46.6)),
        ("https://www.google.com.br/maps/@-23.55,-46.63,15z", at(-23.55, -46.63)),
        ("https://www.google.com/maps/place/-23.5,-46.6", at(-23.5, -46.6)),
        (
            (
                "https://www.google.com/maps/place/Padaria+Aurora/@-23.1,-46.1,17z/data=!3m1!8m2"
                "!3d-23.5512!4d-46.6321"
            ),
            at(-23.5512, -46.6321, "Padaria Aurora"),
        ),
        ("https://maps.apple.com/?ll=-23.5,-46.6&q=Loja%20X", at(-23.5, -46.6, "Loja X")),
        (
            "https://maps.apple.com/place?coordinate=-23.5,-46.6&name=Loja&address=Rua%20A,%201",
            at(-23.5, -46.6, "Loja", address="Rua A, 1"),
        ),
        ("https://www.openstreetmap.org/?mlat=-23.5&mlon=-46.6#map=15/1/2", at(-23.5, -46.6)),
        ("https://www.openstreetmap.org/#map=15/-23.5/-46.6", at(-23.5, -46.6)),
        ("geo:-23.5,-46.6", at(-23.5, -46.6)),
        ("geo:-23.5,-46.6,700;u=35", at(-23.5, -46.6)),
        ("geo:0,0?q=-23.5,-46.6(Loja%20X)", at(-23.5, -46.6, "Loja X")),
    ],
)
def test_links_with_coordinates(text: str, place: Place) -> None:
    assert place_in(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-23.5,-46.6",
        "veja https://maps.google.com/?q=-23.5,-46.6",
        "https://maps.app.goo.gl/AbCdEf123",
        "https://maps.google.com/?q=Rua+A,+1",
        "https://maps.google.com/?q=95,200",
        "https://www.google.com/search?q=-23.5,-46.6",
        "https://www.google.com/maps/dir/-23.5,-46.6/-23.6,-46.7/@-23.5,-46.6,12z",
        "https://www.google.com.evil.example/maps?q=-23.5,-46.6",
        "https://[::1/maps?q=1,2",
        "ftp://maps.google.com/?q=1,2",
        "geo:0,0?q=Rua+A",
        "geo:1e5,2",
        "geo:nan,inf",
        "https://maps.google.com/?q=" + "1" * 5000,
        "https://maps.google.com/?" + "a=1&" * 400,
    ],
)
def test_everything_else_stays_text(text: str) -> None:
    assert place_in(text) is None


def test_a_link_of_ours_is_read_back() -> None:
    for place in (at(-23.55052, -46.633309), at(0.0, 0.0), at(0.000001, -179.999999)):
        assert place_in(map_link(place.latitude, place.longitude)) == place


def test_a_name_is_one_printable_line() -> None:
    place = place_in("geo:0,0?q=1,2(A%0Ab%00%E2%80%AEc)")
    assert place is not None
    assert place.name == "A bc"
    long = place_in("geo:0,0?q=1,2(" + "x" * 900 + ")")
    assert long is not None
    assert long.name == "x" * 200
