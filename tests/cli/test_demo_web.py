"""`make demo-web`, as somebody runs it from a fresh checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.command_line import environment
from support.whatsapp_web import required

required()

TESTS = Path(__file__).parents[1]
pytestmark = pytest.mark.timeout(120)


def demo(folder: Path, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run it; `code` changes something in it before."""
    (folder / "tmp").mkdir()
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    program = (
        f"import runpy, sys\n{code}\nsys.argv = ['demo-web', '--fast']\n"
        "runpy.run_module('support.demo_web', run_name='__main__')"
    )
    return subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-c", program],
        env=environment(PYTHONPATH=path, TMPDIR=str(folder / "tmp"), PONTE_SERVER__PORT="1"),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_it_plays_everything_says_that_no_real_whatsapp_is_there_and_adds_up(tmp_path: Path):
    done = demo(tmp_path)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.rstrip().endswith("Everything adds up.")
    for told in (
        "No real WhatsApp is involved.",
        "█",
        "loja is connected as +5511987650009",
        "is shown as read",
        "to Marina: [picture] *Caio:*",
        "📍 **Localização**",
        "_Digitou: 2_",
        "Marina: ✏️ 1",
        "Chatwoot  Marina: ❤️",
        "Família: **Rui (+5511987650002):**",
        "to 'Família': *Caio:*",
        "another worker runs",
        "loja is closed",
    ):
        assert told in done.stdout, told
    assert "✗" not in done.stdout
    assert list((tmp_path / "tmp").glob("ponte-demo-web-*")) == []


def test_one_that_does_not_add_up_fails_and_leaves_its_data(tmp_path: Path):
    done = demo(tmp_path, "import bridge.relay.signing as s; s.sign = lambda text, **_: text")

    assert done.returncode == 1
    assert done.stderr == "This does not hold: the answer is signed, in WhatsApp's marks.\n"
    assert "Everything adds up" not in done.stdout
    [left] = (tmp_path / "tmp").glob("ponte-demo-web-*")
    assert f"Data and log are left in {left}" in done.stdout
    assert (left / "ponte.log").stat().st_size > 0
