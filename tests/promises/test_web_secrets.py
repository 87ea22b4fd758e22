"""Promise 6 for numbers connected by QR code: whoever has a code, a session or a file's key can act
as the number, so none of them stands where it has no business; nor do texts, names and numbers.
"""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.ponte_process import poll
from support.web_crossing import WebCrossing, web_crossing
from support.whatsapp_web import Person, protocols, required

required()

BOB, BOBS_NAME = "5511900000002", "Robertinho"
TEXT, CAPTION, TYPED = "jabuticaba madura", "pitanga roxa", "maracuja doce"
PICTURE = b"\x89PNG\r\n\x1a\n private picture"


@dataclass(kw_only=True)
class Story:
    """What must not be found: what opens a number, and what belongs to people."""

    keys: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    def shown(self, code: str) -> None:
        """A code to scan: its parts are as good as the whole."""
        for number, part in enumerate(code.partition("#")[2].split(",")):
            if len(part) > 8:
                self.keys[f"part {number} of the QR code {len(self.keys)}"] = part


async def connected(its: WebCrossing, story: Story) -> None:
    """By the second of two attempts: a pairing code is asked for in the first."""
    story.shown((await its.create())["qrcode"]["code"])
    told = await its.call("GET", f"/instance/connect/{its.name}?number=5511900000001")
    story.shown(told["code"])
    story.keys["pairing code"] = told["pairingCode"]
    typed = f"{told['pairingCode'][:4]}-{told['pairingCode'][4:]}"
    story.keys["pairing code as it is typed"] = typed
    await its.call("DELETE", f"/instance/logout/{its.name}")
    await its.reaches("close")
    told = await its.call("GET", f"/instance/connect/{its.name}")
    story.shown(told["code"])
    await its.phone.scan(told["code"])
    await its.connected()


async def everyday(its: WebCrossing, story: Story) -> Person:
    bob = its.double.person(BOB, name=BOBS_NAME)
    file = its.double.media.put(PICTURE, kind="image", mime="image/png")
    story.keys["key of a file"] = base64.b64encode(file.key).decode()
    story.people |= {"number": BOB, "LID": bob.lid.user, "name": BOBS_NAME}
    story.people |= {"text": TEXT, "caption": CAPTION, "agent's text": TYPED}
    await bob.writes(its.companion, TEXT)
    await bob.writes(its.companion, TEXT, broken=True)
    await bob.sends(its.companion, file, caption=CAPTION)
    its.double.media.download_statuses += [500, 410]
    await bob.sends(its.companion, file, caption=CAPTION)
    await bob.types(its.companion)
    await bob.calls(its.companion)
    await its.phone.writes_to(bob, TYPED)
    history = protocols.history.HistorySync(
        syncType=protocols.history.HistorySync.INITIAL_BOOTSTRAP
    )
    chat = history.conversations.add(ID=str(bob.lid), name=BOBS_NAME)
    old = chat.messages.add().message
    old.key.ID, old.message.conversation = "OLD1", TEXT
    await its.phone.sends_history(history)
    await its.chat.wait_for(lambda: len(its.from_customers()) >= 4, 20)
    await its.quiet()
    its.chat.agent_writes(its.from_customers()[0].conversation.id, TYPED)
    await its.quiet()
    return bob


async def questions(its: WebCrossing, story: Story) -> None:
    asked = ["/metrics", "/dead-letters", "/instance/fetchInstances", "/chatwoot/find/loja"]
    asked += ["/instance/connectionState/loja", "/instance/connect/loja"]
    refs = its.ponte.query("SELECT DISTINCT ref FROM job WHERE ref IS NOT NULL")
    assert len(refs) > 3
    asked += [f"/why?message={ref}" for (ref,) in refs]
    for path in asked:
        story.answers[path] = await (await its.api("GET", path)).text()


def leaks(needles: dict[str, str], where: str, text: str) -> list[str]:
    found = []
    for what, needle in needles.items():
        at = text.find(needle)
        if at >= 0:
            found.append(f"{what} in {where}: …{text[max(0, at - 300) : at]}<{what}>…")
    return found


def in_files(needles: dict[str, str], files: list[Path]) -> list[str]:
    texts = {path.name: path.read_bytes().decode("latin-1") for path in files}
    return [leak for name, text in texts.items() for leak in leaks(needles, name, text)]


@pytest.mark.timeout(180)
async def test_no_code_key_text_or_number_leaves_in_logs_answers_or_processes(
    zygote, database, tmp_path
):
    world = web_crossing(zygote, database, tmp_path / "w", paired=False, log_level="debug")
    async with world as its:
        story = Story()
        await connected(its, story)
        await everyday(its, story)
        await questions(its, story)
        worker = its.worker() or 0
        for name in ("cmdline", "environ"):
            file = Path(f"/proc/{worker}/{name}")
            story.answers[f"{name} of the worker"] = await asyncio.to_thread(file.read_text)
        assert its.secrets.api_key not in story.answers["environ of the worker"]
        await its.kill_worker()
        await poll(lambda: its.worker() not in (None, worker), seconds=30)
        await its.connected()
        await its.ponte.stop()

        needles = story.keys | story.people
        log = await asyncio.to_thread(its.ponte.log_file.read_text, "utf-8")
        assert "worker.said" in log  # the engine's own words are in it
        found = leaks(needles, "the log", log)
        for where, answer in story.answers.items():
            found += leaks(needles, where, answer)
        assert found == []

        # Codes pass; what stays of them on disk would be a copy of the phone's consent.
        codes = {what: code for what, code in story.keys.items() if "code" in what}
        data = [path for path in its.ponte.data.iterdir() if path.is_file()]
        assert in_files(codes, data) == []


@pytest.mark.timeout(120)
async def test_a_deleted_number_is_unlinked_and_leaves_no_file(zygote, database, tmp_path):
    async with web_crossing(zygote, database, tmp_path / "w") as its:
        homes = its.ponte.data / "whatsapp-web"
        (home,) = homes.iterdir()
        for path in (homes, home, *home.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
        leftover = homes / ".gone-before"
        leftover.mkdir()
        (leftover / "session.db").write_bytes(b"keys")
        forgotten = homes / "00000000-0000-4000-8000-000000000000"
        forgotten.mkdir()
        os.utime(forgotten, (1, 1))

        await its.ponte.stop()
        await its.ponte.start()
        await its.connected()  # without a code: its own session stays
        assert list(homes.iterdir()) == [home]

        companion = its.companion
        await its.call("DELETE", f"/instance/delete/{its.name}")
        await companion.gone()
        assert not its.phone.companions
        assert list(homes.iterdir()) == []
