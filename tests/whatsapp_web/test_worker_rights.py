"""What a worker may do, reads and leaves on the disk: as little as can be had cheaply."""

import asyncio
import stat
from pathlib import Path

from bridge.whatsapp.web import kind
from support.web_worker import linked
from support.whatsapp_web import WhatsAppWeb, required

required()

NUMBER, BOB = "5511900000001", "5511900000002"


def look_at(home, pid):
    """What the system tells of the worker, and the modes of all its files."""
    process = Path(f"/proc/{pid}")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    return process.joinpath("status").read_text(), process.joinpath("cmdline").read_text(), modes


async def test_nothing_is_imported_from_the_folder_where_ponte_was_started(tmp_path):
    for name in ("argparse", "asyncio", "bridge"):
        (tmp_path / f"{name}.py").write_text("open('was-imported', 'w')\n")
    started = await asyncio.create_subprocess_exec(
        *kind.WORKER,
        "--fd",
        "nonsense",
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await started.communicate()
    assert b"ponte-whatsapp-web" in said  # it is our worker that complains of its argument
    assert not (tmp_path / "was-imported").exists()


async def test_a_worker_gains_no_rights_and_its_files_are_its_owners_alone(tmp_path):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB)
        home = tmp_path / "one"
        home.mkdir(mode=0o777)
        home.chmod(0o777)
        async with linked(double, phone, home) as (worker, companion):
            await bob.writes(companion, "hello")
            await worker.event("message")
            status, line, modes = await asyncio.to_thread(look_at, home, worker.process.pid)
            assert "NoNewPrivs:\t1" in status
            assert str(home) not in line
            files = {"session.db", "session.db-wal", "journal.db", "journal.db-wal", "lock"}
            assert files <= modes.keys()
            assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
