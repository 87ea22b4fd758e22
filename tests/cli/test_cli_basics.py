from __future__ import annotations

import subprocess
import sys

import pytest

from bridge import __version__
from bridge.cli.printing import ago, printable
from bridge.cli.root import COMMANDS
from support.command_line import call, run


def python(code: str) -> str:
    """What a program of these lines prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  (ours)
    return done.stdout


def test_importing_the_command_line_imports_nothing_heavy():
    heavy = "('typer', 'rich', 'aiohttp', 'pydantic', 'sqlalchemy', 'cryptography', 'structlog')"
    code = f"import sys, bridge.cli; print([m for m in {heavy} if m in sys.modules])"
    assert python(code) == "[]\n"


def test_showing_the_list_of_commands_imports_no_service():
    code = (
        "import sys; sys.argv = ['ponte', '--help']\n"
        "import atexit; atexit.register(lambda: print('aiohttp' in sys.modules))\n"
        "import bridge.cli; bridge.cli.main()"
    )
    told = python(code)
    assert told.endswith("False\n")
    for name in COMMANDS:
        assert f" {name} " in told


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name):
    said = call(name, "--help")
    assert said.code == 0
    assert "Usage: " in said.out
    assert f" {name} " in said.out


def test_python_m_bridge_tells_the_version(tmp_path):
    said = run("--version", folder=tmp_path)
    assert (said.code, said.out) == (0, f"ponte {__version__}\n")


def test_an_unknown_command_is_a_usage_error():
    said = call("fly")
    assert said.code == 2
    assert "fly" in said.err


def test_a_failure_is_a_paragraph_without_a_traceback(tmp_path):
    said = run("why", "wamid.X", "--config", "missing.toml", folder=tmp_path)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("ponte: The configuration file missing.toml cannot be read")
    assert "Traceback" not in said.err


def test_what_peers_wrote_does_not_move_the_cursor():
    assert printable("a\x1b[2Jb\x07\nc\ud800") == "a�[2Jb�\nc�"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (2e5, "2 days")],
)
def test_lengths_of_time_are_told_in_the_unit_that_fits(seconds, told):
    assert ago(seconds) == told
