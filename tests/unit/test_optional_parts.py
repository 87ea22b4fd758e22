"""What the optional part for WhatsApp Web brings stays apart: on disk, in memory and in words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("lock", "has_it"),
    [
        ("requirements-whatsapp-web.lock", True),
        ("requirements.lock", False),
        ("requirements-speed.lock", False),
        ("requirements-build.lock", False),
    ],
)
def test_the_library_under_the_gpl_comes_with_its_optional_part_alone(
    lock: str, has_it: bool
) -> None:
    assert ("\nneonize==" in (ROOT / lock).read_text("utf-8")) is has_it


def test_so_do_the_libraries_that_make_voice_notes() -> None:
    locks = {path.name: "\nav==" in path.read_text("utf-8") for path in ROOT.glob("*.lock")}

    assert {name for name, has_it in locks.items() if has_it} == {
        "requirements-dev.lock",
        "requirements-voice.lock",
    }


def test_the_program_that_makes_them_knows_nothing_of_ponte() -> None:
    program = ROOT / "bridge" / "voice" / "child.py"

    assert [name for name in imports(program) if name.startswith("bridge")] == []


@pytest.mark.parametrize(
    "page", ["README.md", "NOTICE", "docs/notices.md", "docs/primeiros-passos.md"]
)
def test_its_licence_is_said_wherever_people_look(page: str) -> None:
    said = (ROOT / page).read_text("utf-8")

    assert re.search(r"GPL-3\.0|General Public License, version 3", said)


def test_the_worker_knows_the_codec_and_nothing_else_of_ponte() -> None:
    worker, codec = "bridge.whatsapp.web.worker", "bridge.whatsapp.web.codec"
    files = list((ROOT / worker.replace(".", "/")).rglob("*.py"))
    imported = {name for path in files for name in imports(path) if name.startswith("bridge")}

    assert codec in imported
    assert {name for name in imported - {codec} if not f"{name}.".startswith(f"{worker}.")} == set()


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            whence = node.module or ""
            is_package = (ROOT / whence.replace(".", "/")).is_dir()
            yield from (f"{whence}.{name.name}" for name in node.names) if is_package else (whence,)


def test_ponte_itself_loads_nothing_of_it() -> None:
    """A library that may take its process down, under another licence, is for workers alone."""
    code = "import sys, bridge.app, bridge.cli.serve; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    foreign = {"av", "neonize", "google", "PIL", "requests", "bridge.whatsapp.web.worker"}
    assert foreign.isdisjoint(loaded)
