"""Twenty numbers on one machine: all come back, and one that crashes again and again is alone."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from support.crossing import duplicates
from support.ponte_process import poll
from support.web_crossing import WORKER, WebCrossing, web_crossing
from support.whatsapp_web import Person, Phone, required

required()

NUMBERS = 20
UNLUCKY, CRASHES = 7, 3


@pytest.fixture
def web_world(zygote, database, tmp_path):
    return lambda **options: web_crossing(zygote, database, tmp_path / "world", **options)


async def linked(its: WebCrossing, number: int) -> tuple[str, Phone]:
    """An instance of its own, scanned; its id and its phone."""
    name = f"loja-{number}"
    phone = its.double.phone(f"55119000001{number:02d}", name=name)
    made = await its.create(instanceName=name, chatwootNameInbox=name)
    await phone.scan(made["qrcode"]["code"])
    return made["instance"]["instanceId"], phone


def workers(its: WebCrossing) -> dict[str, psutil.Process]:
    """By the id of the instance: each works in the folder of its number."""
    found = {}
    for process in psutil.process_iter(["cmdline", "ppid"]):
        if WORKER in (process.info["cmdline"] or ()) and process.info["ppid"] == its.ponte.pid:
            with suppress(psutil.Error):
                found[Path(process.cwd()).name] = process
    return found


async def crash_when_open(its: WebCrossing, id_: str, phone: Phone) -> None:
    """Kill the number's worker as soon as it is connected, time after time."""
    companion = phone.companion
    for logins in range(companion.logins, companion.logins + CRASHES):
        await its.double.journal.until(
            lambda logins=logins: companion.logins > logins, "it comes back", seconds=60
        )
        worker = (await asyncio.to_thread(workers, its))[id_]
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)


async def talk(its: WebCrossing, person: Person, phone: Phone) -> None:
    """A message each way."""
    await person.writes(phone.companion, f"to {phone.name}")
    await its.chat.wait_for(lambda: heard(its, phone) != [], 60)
    its.chat.agent_writes(heard(its, phone)[0], f"from {phone.name}")
    await person.next_message()


def heard(its: WebCrossing, phone: Phone) -> list[int]:
    """Conversations in which somebody wrote to this number."""
    wanted = f"to {phone.name}"
    return [one.conversation.id for one in its.from_customers() if one.content == wanted]


@pytest.mark.timeout(120)
async def test_twenty_numbers_come_back_and_one_that_crashes_in_a_loop_does_not_touch_the_others(
    web_world,
):
    async with web_world(paired=False) as its:
        made = [await linked(its, number) for number in range(NUMBERS)]
        await its.ponte.kill()
        await poll(lambda: all(one.companion.connection is None for _, one in made), seconds=20)
        before = [phone.companion.logins for _, phone in made]
        people = [its.double.person(f"551198765{number:04d}") for number in range(NUMBERS)]
        pairs = [(person, phone) for person, (_, phone) in zip(people, made, strict=True)]
        unlucky = pairs.pop(UNLUCKY)
        await its.ponte.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(crash_when_open(its, *made[UNLUCKY]))
            for person, phone in pairs:
                group.create_task(talk(its, person, phone))
        logins = [phone.companion.logins for _, phone in made]
        await talk(its, *unlucky)

        assert len(its.from_customers()) == NUMBERS
        assert duplicates(one.source_id for one in its.incoming()) == []
        for person, phone in [*pairs, unlucky]:
            assert [sent.text for sent in person.inbox] == [f"from {phone.name}"]
        again = [now - then for now, then in zip(logins, before, strict=True)]
        assert again.pop(UNLUCKY) >= CRASHES
        assert again == [1] * (NUMBERS - 1)
