"""The Typebot stand-in: what it says of a flow that cannot be meant, and how it compares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bridge.sim.typebot as package
from bridge.sim.typebot import BadFlow, TypebotSim, load, parse
from bridge.sim.typebot.conditions import holds
from bridge.sim.typebot.kinds import BUBBLES, EVENTS, INPUTS, LOGIC, OPERATORS, VALUES

TEXT = {"id": "b", "type": "text", "text": "hi"}


def flow(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"groups": [{"id": "g", "blocks": list(blocks)}], **more}


def block(kind: str, **said: Any) -> dict[str, Any]:
    return flow({"id": "b", "type": kind, **said})


def compared(**comparison: Any) -> dict[str, Any]:
    items = [{"id": "i", "content": {"comparisons": [comparison]}}]
    return flow({"id": "b", "type": "condition", "items": items}, variables={"v": "v"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], "a flow is a table, not list"),
        ({"grups": []}, "the flow: there is no 'grups'; known are closed, edges, "),
        ({"published": "no"}, "the flow: 'published' is to be true or false"),
        ({"settings": {"general": 5}}, "settings: 'general' is to be a table"),
        ({"theme": {"chat": []}}, "theme: 'chat' is to be a table"),
        ({"variables": {"v": 5}}, "variable 'v': it is a name, or a table"),
        ({"variables": {"v": {"name": "v", "value": [1]}}}, "variable 'v': its value is a text"),
        ({"groups": [5]}, "groups: each entry is to be a table"),
        ({"groups": [{"blocks": []}]}, "a group: 'id' is missing"),
        # written below [[groups]], a key of the flow belongs to the group
        ({"groups": [{"id": "g", "edges": []}]}, "group 'g': there is no 'edges'"),
        (flow(TEXT, TEXT), "a block of group 'g': two things are named 'b'"),
        (block("telepathy"), "block 'b': it is of no known type: 'telepathy'"),
        (block(["text"]), "block 'b': it is of no known type: ['text']"),
        (block("text", txt="hi"), "block 'b': there is no 'txt'; known are id, json, lines, "),
        (block("text", lines=[5]), "block 'b': each of `lines` is to be a text"),
        (block("text", json="{"), "block 'b': `json` is none: "),
        (block("text", json="{}"), "block 'b': `json` is to hold a list"),
        (block("email input", items=[]), "block 'b': there is no 'items'"),
        (block("choice input", items=[{"content": "x"}]), "block 'b': 'id' is missing"),
        (block("cards", items=[{"id": "c", "paths": {}}]), "item 'c': `paths` is to be a list"),
        (block("text input", options={"variableId": "v"}), "'variableId' names 'v', which"),
        (block("set variable", options={"type": "Pop"}), "block 'b': 'Pop' is none of Append"),
        (block("jump", options={"groupId": "g9"}), "block 'b': it jumps to no group or block"),
        (block("jump"), "block 'b': it jumps to no group or block"),
        (compared(variableId="v"), "block 'b', item 'i': None is none of Contains, "),
        (compared(comparisonOperator="Is set"), "block 'b', item 'i': 'variableId' is missing"),
        ({"events": [{"id": "e", "type": "sunrise"}]}, "event 'e': it is of no known type"),
        ({"events": [{"id": "e", "type": "command"}]}, "event 'e': 'command' is missing"),
        (flow(TEXT, edges=[{"from": "b", "to": "g9"}]), "edge 1: there is no group and no"),
        (flow(TEXT, edges=[{"from": "g", "to": "b"}]), "edge 1: no block, item, path or event"),
        (flow(TEXT, edges=[{"from": "b", "to": "g"}] * 2), "edge 2: no block, item, path or"),
    ],
)
def test_a_flow_that_contradicts_itself_is_refused_with_its_place(said, told):
    with pytest.raises(BadFlow) as refused:
        parse(said, name="loja")
    assert str(refused.value).startswith("loja: ")
    assert told in str(refused.value)


def test_a_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "loja.toml").write_text("id = ", encoding="utf-8")
    (tmp_path / "cake.toml").write_bytes(b"\xff")
    for name in ("loja", "cake"):
        with pytest.raises(BadFlow, match=f"{name}: no TOML: "):
            load(tmp_path / f"{name}.toml")


def test_the_process_says_which_flow_it_cannot_run(tmp_path):
    (tmp_path / "loja.toml").write_text('[[groups]]\nid = "g"\nedges = []\n', encoding="utf-8")
    command = [sys.executable, "-m", "bridge.sim.typebot", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].endswith(
        "loja: group 'g': there is no 'edges'; known are blocks, id, title"
    )


def test_the_format_is_told_whole():
    told = " ".join((package.__doc__ or "").split())
    for name in sorted(INPUTS | BUBBLES | LOGIC | EVENTS | OPERATORS):
        assert name in told
    for name in sorted(VALUES - {"Custom"}):
        assert name in told


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("faults", {"route": "goOn", "status": 500}, "no route 'goOn'; known: clientLogs, "),
        ("faults", {"status": 99}, "greater than or equal to 200"),
        ("faults", [], "Input should be an object"),
        ("switches", {"missing": ["goOn"]}, "no route 'goOn'"),
        ("switches", {"latency": -1}, "greater than or equal to 0"),
        ("meet", [], "Input should be an object"),
        ("meet", {"calls": 0}, "greater than or equal to 1"),
        ("sessions/none/expire", {}, "there is no session 'none'"),
        ("flows", [], "a flow is a table"),
    ],
)
async def test_a_control_that_nobody_knows_is_refused(path, body, told):
    async with (
        TypebotSim() as sim,
        aiohttp.ClientSession(sim.url) as client,
        client.post(f"/sim/{path}", json=body) as got,
    ):
        assert got.status == 400
        error = (await got.json())["error"]
    assert told in error


# -- comparisons -----------------------------------------------------------------------------


def met(value: Any, operator: str, wanted: str | None = None, **values: Any) -> bool:
    comparison = {"variableId": "v", "comparisonOperator": operator, "value": wanted}
    look: Callable[[str], Any] = {"v": value, **values}.get
    return holds({"comparisons": [comparison]}, lambda id_: look(id_ or ""), look)


@pytest.mark.parametrize(
    ("value", "operator", "wanted"),
    [
        *(("a", "Equal to", "a"), ("e\u0301", "Equal to", "\u00e9"), (None, "Equal to", "null")),
        *((None, "Equal to", "undefined"), ("a", "Not equal", "A"), (None, "Not equal", "")),
        *(
            (["a", "a"], "Equal to", "a"),
            (["a", "b"], "Contains", "b"),
            ("Olá", "Contains", " olÁ"),
        ),
        *(
            (["ab"], "Does not contain", "a"),
            ("x", "Does not contain", ""),
            (None, "Is empty", None),
        ),
        *(
            ("  Bom dia", "Starts with", "bom"),
            ("Bom DIA ", "Ends with", "dia"),
            ([], "Is empty", ""),
        ),
        *(
            ("18", "Greater or equal to", "18"),
            ("9", "Less than", "10"),
            ("1e1", "Greater than", "9"),
        ),
        *((["a", "b", "c"], "Greater than", "2"), ("abc", "Greater than", "2")),
        *(("2026-11-22", "Greater than", "2026-11-21"), ("x1", "Matches regex", "/X[0-9]/i")),
        *(("x", "Does not match regex", "[0-9]"), ("0", "Is set", None)),
    ],
)
def test_a_comparison_holds(value, operator, wanted):
    assert met(value, operator, wanted)


@pytest.mark.parametrize(
    ("value", "operator", "wanted"),
    [
        *(("a", "Equal to", "A"), (None, "Equal to", ""), (["a", "b"], "Equal to", "a")),
        *(("x", "Contains", ""), ("", "Contains", ""), (["ab"], "Contains", "a")),
        *(("x", "Starts with", ""), (None, "Ends with", "x"), ("x", "Is empty", None)),
        *((None, "Less than", "5"), ("", "Is set", None), ("10", "Less than", "9")),
        *(
            (None, "Does not match regex", "x"),
            ("x", "Matches regex", "["),
            ("x", "Matches regex", ""),
        ),
    ],
)
def test_a_comparison_does_not_hold(value, operator, wanted):
    assert not met(value, operator, wanted)


def test_a_list_is_compared_with_every_entry_of_a_list():
    assert met(["a", "b"], "Contains", "{{w}}", w=["x", "b"])
    assert not met(["a", "b"], "Equal to", "{{w}}", w=["a", "b"])
    assert met("5", "Equal to", "{{w}}", w="5")


def test_the_demo_flow_can_be_read():
    load(Path(package.__file__).parents[2] / "cli" / "demo" / "encomenda.toml")
