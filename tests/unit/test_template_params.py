"""From Chatwoot's `template_params` to a template: filled in, or refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.outgoing import OutgoingTemplate
from bridge.locale import LANGUAGES, failure
from bridge.relay.template_params import BadTemplate, template_of
from bridge.sim.graph.templates import Template, TemplateShelf

ORDER = (
    {"type": "HEADER", "format": "DOCUMENT"},
    {"type": "BODY", "text": "Olá {{1}}, seu pedido {{2}} saiu. {{1}}!"},
    {"type": "FOOTER", "text": "Loja"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Obrigado"},
            {"type": "URL", "text": "Ver", "url": "https://loja.example/{{1}}"},
            {"type": "COPY_CODE", "text": "Copiar"},
            {"type": "URL", "text": "Site", "url": "https://loja.example/"},
        ],
    },
)
NAMED = (
    {"type": "HEADER", "format": "TEXT", "text": "Oi {{first_name}}"},
    {"type": "BODY", "text": "Seu prazo: {{prazo}}"},
)
FILE = {"media_url": "https://files.example/nota.pdf", "media_type": "Document"}
BUTTONS = [None, {"type": "url", "parameter": "7"}, {"type": "copy_code", "parameter": "VIP"}]


def params(processed: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "name": "pedido",
        "language": "pt_BR",
        "category": "UTILITY",
        "namespace": "x",
        "processed_params": processed,
    } | more


def body(*values: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": value} for value in values]}


def refused(asked: dict[str, Any], known: Any = ()) -> BadTemplate:
    with pytest.raises(BadTemplate) as caught:
        template_of(asked, known)
    return caught.value


@pytest.mark.parametrize("nothing", [None, {}, "", {"body": {}, "buttons": []}, {"body": None}])
def test_a_template_without_variables_has_no_components(nothing: Any) -> None:
    assert template_of(params(nothing)) == OutgoingTemplate(name="pedido", language="pt_BR")


def test_numbered_values_are_ordered_by_number_however_they_come() -> None:
    values = {str(number): f"v{number}" for number in (10, 2, 1, 9, 3, 4, 5, 8, 7, 6)}
    assert template_of(params(values)).components == (
        body(*(f"v{number}" for number in range(1, 11))),
    )
    assert template_of(params({"body": {"02": 7, "1": 1.5}})).components == (body("1.5", "7"),)


def test_named_values_carry_their_names() -> None:
    (part,) = template_of(params({"first_name": "Ana", "body": "texto"})).components
    assert part["parameters"] == [
        {"type": "text", "parameter_name": "first_name", "text": "Ana"},
        {"type": "text", "parameter_name": "body", "text": "texto"},
    ]


def test_every_part_is_filled_as_whatsapp_wants_it() -> None:
    asked = {
        "body": {"1": "Ana", "2": "1\n234     5"},
        "header": FILE | {"media_name": "Nota.pdf"},
        "buttons": BUTTONS,
        "footer": None,
    }
    found = template_of(params(asked), ORDER)
    file = {"link": FILE["media_url"], "filename": "Nota.pdf"}
    assert found.components == (
        {"type": "header", "parameters": [{"type": "document", "document": file}]},
        body("Ana", "1 234    5"),
        {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "7"}],
        },
        {
            "type": "button",
            "sub_type": "copy_code",
            "index": "2",
            "parameters": [{"type": "coupon_code", "coupon_code": "VIP"}],
        },
    )
    shelf = TemplateShelf()
    shelf.put("waba", Template(name="pedido", components=ORDER))
    language = {"code": found.language}
    shelf.check(
        "waba",
        {"name": found.name, "language": language, "components": found.components}
        | {"components": list(found.components)},
    )


@pytest.mark.parametrize(
    ("processed", "known", "missing"),
    [
        ({"1": "Ana"}, ORDER, "{{2}}, header.document, buttons.1, buttons.2"),
        ({"1": "Ana", "3": "x"}, (), "{{2}}"),
        ({"1": "Ana", "2": "  "}, (), "{{2}}"),
        ({"1": None}, (), "{{1}}"),
        (None, NAMED, "{{prazo}}, header.first_name"),
        (
            {
                "body": {"1": "A", "2": "B"},
                "header": FILE | {"media_type": "image"},
                "buttons": BUTTONS,
            },
            ORDER,
            "header.document",
        ),
        ({"header": {"1": ""}}, (), "header.1"),
    ],
)
def test_what_is_missing_is_named(processed: Any, known: Any, missing: str) -> None:
    error = refused(params(processed), known)
    assert error.cause == "template.missing"
    assert error.values == {"name": "pedido", "missing": missing}


@pytest.mark.parametrize(
    ("processed", "known", "extra"),
    [
        ({"prazo": "hoje", "hora": "10"}, ({"type": "BODY", "text": "{{prazo}}"},), "{{hora}}"),
        ({"body": {"1": "x"}}, ({"type": "BODY", "text": "Oi"},), "{{1}}"),
        ({"header": FILE}, ({"type": "BODY", "text": "Oi"},), "header.document"),
        (
            {"buttons": [{"type": "url", "parameter": "x"}]},
            ({"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.example"}]},),
            "buttons.0",
        ),
        ({"footer": {"1": "x"}}, (), "footer"),
    ],
)
def test_what_has_no_place_is_named(processed: Any, known: Any, extra: str) -> None:
    error = refused(params(processed), known)
    assert (error.cause, error.values["extra"]) == ("template.extra", extra)


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({}, "name"),
        (params(name=" "), "name"),
        (params(name="x" * 513), "name"),
        (params(name=["x"]), "name"),
        (params(language=None), "language"),
        (params(language={"code": 7}), "language"),
        (params([]), "processed_params"),
        (params("texto"), "processed_params"),
        (params({str(n): "x" for n in range(1, 102)}), "processed_params"),
        (params({"body": [], "header": {}}), "processed_params.body"),
        (params({"body": {}, "first_name": "x"}), "processed_params.first_name"),
        (params({"1": "x", "first_name": "y"}), "processed_params.body"),
        (params({"1": "x", "01": "y"}), "processed_params.body.01"),
        (params({"0": "x"}), "processed_params.body"),
        (params({"99999": "x"}), "processed_params.body"),
        (params({"a b": "x"}), "processed_params.body"),
        (params({"1": True}), "processed_params.body.1"),
        (params({"1": {"text": "x"}}), "processed_params.body.1"),
        (params({"1": 10**30}), "processed_params.body.1"),
        (params({"1": "x" * 32_769}), "processed_params.body.1"),
        (params({"body": {"1": "x" * 1025}, "header": FILE}), "processed_params.body.1"),
        (params({"header": {"1": "x" * 61}}), "processed_params.header.1"),
        (params({"header": FILE | {"1": "x"}}), "processed_params.header"),
        (params({"header": FILE | {"media_type": "gif"}}), "processed_params.header.media_type"),
        (params({"header": FILE | {"media_url": "ftp://x"}}), "processed_params.header.media_url"),
        (params({"header": FILE | {"media_url": 7}}), "processed_params.header.media_url"),
        (params({"buttons": {}}), "processed_params.buttons"),
        (params({"buttons": [{}] * 11}), "processed_params.buttons"),
        (params({"buttons": ["x"]}), "processed_params.buttons.0"),
        (params({"buttons": [{"type": "call", "parameter": "x"}]}), "processed_params.buttons.0"),
        (params({"buttons": [{"type": [], "parameter": "x"}]}), "processed_params.buttons.0"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(asked: Any, where: str) -> None:
    error = refused(asked)
    assert (error.cause, error.values) == ("template.invalid", {"where": where})


@pytest.mark.parametrize(
    "known",
    [
        ({},),
        ({"type": 7, "text": 8},),
        ({"type": "BODY", "text": ["{{1}}"]}, {"type": "BUTTONS", "buttons": "x"}),
        ({"type": "BUTTONS", "buttons": [None, {"type": None}, {"type": "URL", "url": 7}]},),
    ],
)
def test_strange_components_ask_for_nothing(known: Any) -> None:
    assert template_of(params(), known).components == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_read_what_to_do(language: str) -> None:
    for error in (
        refused(params({"1": ""})),
        refused(params({"footer": {"1": "x"}})),
        refused(params([])),
    ):
        text = failure(language, error.cause, "?", error.values)
        assert text != "?"
        assert all(value in text for value in error.values.values())
        assert failure(language, error.cause, "as it is") == "as it is"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
parts = st.fixed_dictionaries({}, optional={"body": json, "header": json, "buttons": json})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(processed=json | parts, known=st.lists(st.dictionaries(st.text(max_size=8), json)))
def test_any_value_gives_a_template_or_a_reason(processed: Any, known: Any) -> None:
    try:
        found = template_of(params(processed), known)
    except BadTemplate:
        return
    assert found.name == "pedido"
