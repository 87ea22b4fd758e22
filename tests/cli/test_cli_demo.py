from __future__ import annotations

import asyncio
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from bridge.cli.figures import read
from support.command_line import COMMAND, environment, run

#: What stands in for users' own settings must not change the demo.
DISTURBING = {
    "PONTE_SERVER__PORT": "1",
    "PONTE_AUTH__API_KEY": "short",
    "PONTE_ENGINE__SLOTS": "not a number",
}
pytestmark = pytest.mark.timeout(120)


def scratch(folder: Path) -> dict[str, str]:
    """An environment in which the demo's folder is made inside `folder`."""
    (folder / "tmp").mkdir()
    return environment(TMPDIR=str(folder / "tmp"), **DISTURBING)


def test_the_demo_plays_everything_and_adds_up(tmp_path):
    said = run("demo", "--fast", folder=tmp_path, env=scratch(tmp_path))
    assert (said.code, said.err) == (0, ""), said.out
    assert said.out.rstrip().endswith("Everything adds up.")
    assert "✗" not in said.out
    assert "**marina arroba exemplo**" not in said.out  # no answer, so agents need not read it
    for told in (
        "first conversation of this contact in this inbox",
        "[private note] 🔗 O contato",
        "+5511987650001 and +551187650001 are one person",
        "to Marina: *Caio:*",
        "is shown as read",
        "to Marina: [picture] *Caio:*",
        "📍 **Localização**",
        "Marina: [voice note]",
        "[ Morango ]",
        "_Digitou: 2_",
        "Marina: ✏️ Pode ser às 10 h",
        "Marina: 🎂",
        "resolved, and a rule decides [rule 1 (de volta)]",
        "the second delivery is ignored: duplicate",
        "3 messages wait on disk, calls to Chatwoot are paused",
        "proved: message",
        "dead: whatsapp.recipient",
        "presses Retry",
        "Marina: Morango com chantili",
        "to Marina: Esse e-mail não parece certo",
        "answered: 1 bubble, then it goes on by itself after 1 s",
        "asked: encomenda, to go on by itself",
        "no flow: bot.agent_wrote: An agent has written, so people have the word.",
        "[private note] 🤖 **encomenda**",
        "Ponte     the bot is silent: an agent has the word",
        "Quero encomendar mais um",
        "🟢 *loja* está conectado ao WhatsApp",
        "não há dois da mesma pessoa",
    ):
        assert told in said.out
    for fact in (
        "contacts  1",
        "conversations  1",
        "customer's messages in Chatwoot, each once, in order  18",
        "reactions and edits in Chatwoot, each once  2",
        "agent's messages on WhatsApp, each once, in order, signed  6",
        "bot's messages on WhatsApp and in Chatwoot, each once, in order  6",
        "conversations that the bot gave to people  1",
        "bot's messages while an agent had the word  0",
        "dead letters left  0",
    ):
        assert f"✓ {fact}\n" in said.out
    rows = re.findall(r"^ +(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +✓", said.out, re.MULTILINE)
    assert [row[0] for row in rows] == ["inbound", "outbound", "status", "signal", "internal"]
    for row in rows:
        accepted, *ended = map(int, row[1:])
        assert accepted == sum(ended), row
    assert rows[0][1] == "27"
    assert '"event"' not in said.out  # the log is elsewhere
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        pytest.param(
            "import bridge.relay.signing as s; s.sign = lambda text, **_: text",
            "✗ agent's messages on WhatsApp, each once, in order, signed",
            id="unsigned",
        ),
        pytest.param(
            "import bridge.relay.intake_whatsapp as i; i.is_new = lambda *_: True",
            "This did not happen",
            id="doubled",
        ),
        pytest.param(
            "import bridge.store.engine as e; count = e.Unit.count\n"
            "e.Unit.count = lambda self, road, outcome, cause='': "
            "outcome == 'ignored' or count(self, road, outcome, cause)",
            "This did not happen",
            id="uncounted",
        ),
        pytest.param(
            "import bridge.relay.bot.talks as t; t.silenced_by = lambda *_: None",
            "✗ bot's messages while an agent had the word",
            id="a bot that talks over agents",
        ),
    ],
)
def test_a_demo_that_does_not_add_up_fails_and_leaves_its_data(sabotage, told, tmp_path):
    code = (
        "import sys; sys.argv = ['ponte', 'demo', '--fast']\n"
        "import bridge.cli.demo.stage as s; s.PATIENCE = 3\n"
        "import bridge.cli.demo.story as t; t.PATIENCE = 3\n"
        "import bridge.cli.demo.people as p; p.PATIENCE = 3\n"
        "import bridge.cli.demo.bot as b; b.PATIENCE = 3\n"
        f"{sabotage}\nfrom bridge.cli import main; main()"
    )
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-c", code],
        env=scratch(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Everything adds up" not in done.stdout
    [left] = (tmp_path / "tmp").iterdir()
    assert f"Data and log are left in {left}" in done.stdout
    assert (left / "ponte.log").stat().st_size > 0


async def test_with_keep_it_runs_on_and_explains_how_to_explore(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        "--fast",
        "--keep",
        cwd=tmp_path,
        env=scratch(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told = await read_until(process, "/metrics")
        service, key = re.search(r"Ponte +(\S+) +API key (\S+),", told).groups()
        commands = [line.strip() for line in told.replace("\\\n", "").splitlines()]
        curls = [line for line in commands if line.startswith("curl ")]
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{service}/metrics", headers={"apikey": key}) as answer:
                assert read(await answer.text()).events["inbound", "delivered"] == 26
            assert [await as_curl(http, line) for line in curls] == [200] * 9
            async with http.post(
                f"{re.search(r'WhatsApp +(http[^ ]+)', told)[1]}/sim/customer",
                json={"from": "5511987650001", "text": "Ainda aí?"},
            ) as answer:
                written = (await answer.json())["id"]
        said = await asyncio.to_thread(
            run, "why", "--url", service, "--key", key, written, folder=tmp_path
        )
        assert said.code == 0
        assert "resolved, and a rule decides" in said.out
        process.send_signal(signal.SIGINT)
        rest = await read_until(process, "left in")
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    left = Path(rest.partition("left in ")[2].strip())
    env = environment(PONTE_STORAGE__DATA_DIR=str(left), PONTE_SERVER__PORT="9")
    assert (await asyncio.to_thread(run, "why", written, folder=tmp_path, env=env)).code == 0
    assert not list((left / "spool").iterdir())


async def as_curl(http: aiohttp.ClientSession, line: str) -> int:
    """The status of what a printed command asks for."""
    words, fields, body, method = iter(shlex.split(line)[1:]), {}, None, None
    for word in words:
        match word:
            case "-H":
                name, _, value = next(words).partition(": ")
                fields[name] = value
            case "-d":
                body, method = next(words), method or "POST"
            case "-X":
                method = next(words)
            case _:
                url = word
    async with http.request(method or "GET", url, headers=fields, data=body) as answer:
        return answer.status


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    told = ""
    async with asyncio.timeout(60):
        while text not in told.rpartition("\n")[0].rpartition("\n")[2]:
            line = await process.stdout.readline()
            assert line, told
            told += line.decode()
    return told


def test_figures_are_read_as_the_service_writes_them():
    figures = read(
        "# TYPE ponte_events counter\n"
        'ponte_events_total{road="inbound",outcome="accepted",cause=""} 3.0\n'
        'ponte_events_total{road="inbound",outcome="ignored",cause="duplicate"} 1.0\n'
        'ponte_events_total{road="inbound",outcome="ignored",cause="echo"} 1.0\n'
        'ponte_waiting{road="inbound"} 1.0\n'
        'ponte_waiting{road="status"} 2.0\n'
        "ponte_dead_letters 4.0\n"
        'ponte_peer_up{peer="chatwoot http://x"} 0.0\n'
        "something_else 1\n"
    )
    assert figures.events == Counter({("inbound", "accepted"): 3, ("inbound", "ignored"): 2})
    assert figures.causes["inbound", "ignored", "echo"] == 1
    assert figures.roads == ["inbound", "status"]
    assert figures.adds_up("inbound")
    assert not figures.adds_up("status")
    assert figures.dead_letters == 4
    assert figures.peers == {"chatwoot http://x": False}
