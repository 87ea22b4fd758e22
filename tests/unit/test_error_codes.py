"""The catalogue of codes: what `bridge` can tell is explained, and nothing else."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import errors
from bridge.errors.catalogue import CODES, GROUPS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bridge"
#: The stand-ins are other programs; the command line explains its failures where they happen; the
#: catalogue is what is compared; a worker's codes are words of its protocol (docs/whatsapp-web.md).
LEFT_OUT = ("sim", "cli", "migrations", "catalogue", "worker")
#: Calls that get a code as a plain argument, and tables that hold codes.
TAKERS = {"_dead", "refuse", "_fail"}
TABLES = {"_CODES"}
#: What SQL writes as the cause of jobs.
WRITTEN = {"CAUSE", "NOT_RESENT"}
CODE = re.compile(r"[a-z_]+(\.[a-z_]+)?")


def parsed() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if not set(LEFT_OUT) & set(path.relative_to(PACKAGE).parts):
            yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def name_of(node: ast.AST) -> str:
    """The last part of a dotted name."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def telling(module: ast.Module) -> Iterator[ast.expr]:
    """The expressions whose value is a code."""
    for node in ast.walk(module):
        match node:
            case ast.Call():
                yield from told_by_call(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield from told_by_name(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield from told_by_name(name, value)
            case ast.FunctionDef(name="_code" | "_why"):
                yield from returned(node)


def told_by_call(node: ast.Call) -> Iterator[ast.expr]:
    match node.func:
        case ast.Attribute(value=ast.Name(id="log")):
            return  # what is logged is told elsewhere
        case ast.Name(id="UpstreamFault"):
            return  # Meta's own codes
    yield from (one.value for one in node.keywords if one.arg in {"code", "cause"})
    if name_of(node.func) in TAKERS:
        yield from node.args


def told_by_name(name: str, value: ast.expr) -> Iterator[ast.expr]:
    if name in {"code", "cause"} | WRITTEN:
        yield value
    elif name in TABLES and isinstance(value, ast.Dict):
        yield from value.values


def returned(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value


def strings(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to; a part that is computed is written `*`."""
    match node:
        case ast.Constant(value=str() as value):
            yield value
        case ast.JoinedStr(values=parts):
            yield "".join(p.value if isinstance(p, ast.Constant) else "*" for p in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from strings(body)
            yield from strings(orelse)
        case (
            ast.BoolOp(values=values)
            | ast.Call(func=ast.Attribute(value=ast.Name(id="_CODES"), attr="get"), args=values)
        ):
            for value in values:
                yield from strings(value)


def constants() -> dict[str, set[str]]:
    """Name in capitals -> the texts that modules give it."""
    found: dict[str, set[str]] = {}
    for _, module in parsed():
        for node in module.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as text))
                    | ast.AnnAssign(
                        target=ast.Name(id=name), value=ast.Constant(value=str() as text)
                    )
                ) if name.strip("_").isupper():
                    found.setdefault(name, set()).add(text)
    return found


def told() -> dict[str, list[str]]:
    """Each code that the code can tell -> where."""
    named = constants()
    found: dict[str, list[str]] = {}
    for path, module in parsed():
        for expression in telling(module):
            texts = {*strings(expression), *named.get(name_of(expression), ())}
            for text in texts:
                if CODE.fullmatch(text.replace("*", "x")):
                    found.setdefault(text, []).append(f"{path}:{expression.lineno}")
    return found


def explained(code: str) -> list[str]:
    shape = re.compile(re.escape(code).replace(r"\*", "[a-z_]+"))
    return [known for known in CODES if shape.fullmatch(known)]


def test_every_code_is_explained():
    missing = {code: places for code, places in told().items() if not explained(code)}
    assert not missing, "bridge/errors/catalogue lacks them"


def test_every_explained_code_is_told():
    used = {known for code in told() for known in explained(code)}
    assert sorted(CODES.keys() - used) == [], "nothing tells these any more"


def test_the_scan_sees_every_way_of_telling():
    """One of each: class, keyword, table, default, condition, constant, argument, SQL, pieces."""
    found = told()
    for code in (
        "peer.down",
        "auth.too_many_failures",
        "route.unknown",
        "request.refused",
        "connection.refused",
        "proxy.broke",
        "internal.bug",
        "too_old",
        "whatsapp.failed",
        "restored.not_resent",
        "*.invalid",
    ):
        assert code in found


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_cause_and_remedy_are_sentences(code):
    for text in (code.cause, code.remedy):
        assert text[0].isupper() or text[0] == "`", text
        assert text.endswith("."), text
        assert "|" not in text, "it would break the table"


def test_groups_are_prefixes_and_codes_stand_in_order():
    assert len({group.prefix for group in GROUPS}) == len(GROUPS)
    for group in GROUPS:
        names = [code.code for code in group.codes]
        assert names == sorted(names)
        for name in names:
            assert name in explained(name)
            assert not group.prefix or name.partition(".")[0] == group.prefix


def test_statuses_are_those_of_the_errors():
    """`Conflict(..., code="x")` is answered 409, so the catalogue must say so of x."""
    wrong = [
        f"{path}:{node.lineno}: {known} is answered {status}"
        for path, module in parsed()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and (status := status_of(node))
        for one in node.keywords
        if one.arg == "code"
        for text in strings(one.value)
        for known in explained(text)
        if status not in CODES[known].status
    ]
    assert not wrong


def status_of(node: ast.Call) -> str:
    """The status with which the API answers the error that is made here; empty for other calls."""
    kind = getattr(errors, name_of(node.func), None)
    if isinstance(kind, type) and issubclass(kind, errors.RequestError):
        return str(int(kind.status))
    return ""


def test_the_page_is_what_the_script_writes():
    page = runpy.run_path(str(ROOT / "scripts" / "error-codes"))["page"]()
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == page, "make errors"
