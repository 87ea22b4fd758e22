"""How a name and a text stand together."""

from __future__ import annotations

import pytest

from bridge.relay.signing import Signature


def test_the_usual_signature_is_evolutions() -> None:
    assert Signature(name="Caio").under("oi") == "*Caio:*\noi"
    assert Signature(name="Caio", delimiter=" - ").under("oi") == "*Caio:* - oi"
    assert Signature(name="Caio", delimiter="\\n\\n").under("oi") == "*Caio:*\n\noi"
    # A stored template that lost its place for the text must not lose the text.
    assert Signature(name="Caio", template="so {name}").under("oi") == "*Caio:*\noi"


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{text}\\n\\n— {name}", "oi\n\n— Caio"),
        ("_{name}_ | {text}", "_Caio_ | oi"),
        ("{text}", "oi"),
        ("{name}{name}: {text} {other} {", "CaioCaio: oi {other} {"),
    ],
)
def test_a_template_has_places_for_both(template: str, shown: str) -> None:
    assert Signature(name="Caio", template=template).under("oi") == shown


def test_what_looks_like_a_place_in_a_name_or_a_text_is_none() -> None:
    signature = Signature(name="{text}", template="{name}: {text}")
    assert signature.under("{name}") == "{text}: {name}"
    assert Signature(name="\\1\\g<0>", template="{name}: {text}").under("\\n") == "\\1\\g<0>: \\n"


@pytest.mark.parametrize("template", [None, "{name}: {text}"])
@pytest.mark.parametrize("name", ["", " ", "**", "\u200b\u200d", "\u202e\u2066", "\x00\x1b"])
def test_a_name_with_nothing_to_show_signs_nothing(name: str, template: str | None) -> None:
    assert Signature(name=name, template=template).under("oi") == "oi"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("*Ana*\n_B_ `c`~", "Ana B c"),
        ("A\u202eB\x00\u2069", "AB"),
        ("شيماء", "شيماء"),
        ("👩‍🔧 Rita", "👩‍🔧 Rita"),
        ("A" * 300, "A" * 100),
    ],
)
def test_a_hostile_name_stays_inside_its_place(name: str, shown: str) -> None:
    assert Signature(name=name).under("oi") == f"*{shown}:*\noi"
    assert Signature(name=name, template="[{name}] {text}").under("oi") == f"[{shown}] oi"


def test_nothing_is_signed_for_nothing() -> None:
    assert Signature(name="Caio", template="{name} {text}").under("  ") == "  "
