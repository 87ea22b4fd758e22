"""How the engine is found, patched and reached; and what a worker costs."""

import asyncio
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import psutil
import pytest

from support.proxies import SocksProxy
from support.web_worker import Refused, Worker, linked
from support.whatsapp_web import WhatsAppWeb, required
from support.whatsapp_web.tunnel import Tunnel

required()

NUMBER = "5511900000001"
OTHER = 1_099_999_999


def _wheel_without(path: Path, *missing: str) -> Path:
    """A package of this name that is first on the path, with a part of the real one."""
    spec = PathFinder.find_spec("neonize")
    real = Path(next(iter(spec.submodule_search_locations)))
    package = path / "neonize"
    package.mkdir(parents=True)
    for file in real.iterdir():
        if file.name not in missing:
            (package / file.name).symlink_to(file)
    return path


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        pytest.param("neonize-linux-amd64.so", "has no neonize-linux", id="another machine"),
        pytest.param("download.py", "install it again", id="damaged"),
        pytest.param("proto", "pip install 'ponte[whatsapp-web]'", id="a part is missing"),
    ],
)
async def test_an_engine_that_cannot_be_used_is_named_with_the_remedy(tmp_path, missing, words):
    path = _wheel_without(tmp_path / "path", missing)
    async with Worker(tmp_path / "one", {"PYTHONPATH": _path(path)}) as worker:
        with pytest.raises(Refused) as refused:
            await worker.open()
        assert refused.value.error["code"] == "no_engine"
        assert words in refused.value.error["message"]


async def test_without_the_extra_the_remedy_is_told(tmp_path):
    """An import system without the wheel, as where the extra was not installed."""
    hidden = tmp_path / "path"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'neonize':\n"
        "            raise ModuleNotFoundError(name)\n"
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: (\n"
        "    None if name == 'neonize' else found(name, package))\n"
    )
    async with Worker(tmp_path / "one", {"PYTHONPATH": _path(hidden)}) as worker:
        with pytest.raises(Refused) as refused:
            await worker.open()
        error = refused.value.error
        assert (error["code"], error["certainty"]) == ("no_engine", "not_done")
        assert "pip install 'ponte[whatsapp-web]'" in error["message"]
        assert worker.frames[0]["engine"] == "neonize"


async def test_a_directory_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    async with Worker(tmp_path / "file" / "one") as worker:
        with pytest.raises(Refused) as refused:
            await worker.open()
        assert refused.value.error["code"] == "broken"


async def test_a_journal_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "journal.db").write_bytes(b"not a database, whatever else it is" * 100)
    async with Worker(tmp_path) as worker:
        with pytest.raises(Refused) as refused:
            await worker.open()
        assert refused.value.error["code"] == "broken"
        (tmp_path / "journal.db").unlink()
        with pytest.raises(Refused) as refused:
            await worker.open(revision=5)
        assert refused.value.error["code"] == "bad_request"


async def test_another_revision_is_shown_to_whatsapp_and_its_copy_is_kept(tmp_path):
    async with WhatsAppWeb() as double:
        homes = tmp_path / "numbers"
        async with linked(double, double.phone(NUMBER), homes / "one", revision=OTHER) as (_, it):
            version = it.connection.payload.userAgent.appVersion
            assert (version.primary, version.secondary, version.tertiary) == (2, 3000, OTHER)
        (copy,) = [place for place in homes.iterdir() if place.name != "one"]
        assert copy.name.startswith("engine-0.")
        assert copy.name.endswith(f"-{OTHER}")
        made = copy.stat().st_mtime_ns
        phone = double.phone("5511900000009")
        async with linked(double, phone, homes / "two", revision=OTHER) as (_, it):
            assert it.connection.payload.userAgent.appVersion.tertiary == OTHER
        assert copy.stat().st_mtime_ns == made


async def test_it_goes_through_an_http_proxy_with_a_login(tmp_path):
    async with WhatsAppWeb() as double, Tunnel(target=double.tunnel.target) as proxy:
        proxy.login = ("user", "p w")
        environ = {**double.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}
        async with Worker(tmp_path / "one", environ) as worker:
            await worker.open(proxy=f"http://user:p%20w@127.0.0.1:{proxy.port}")
            await worker.event("qr")
            assert "web.whatsapp.com:443" in proxy.targets
            assert proxy.logins[-1] == "user:p w"


class _Socks(SocksProxy):
    """All names lead to the double."""

    async def _dial(self, host, port):
        self.targets.append(f"{host}:{port}")
        return await Tunnel._dial(self, host, port)


async def test_it_goes_through_a_socks_proxy_with_a_login(tmp_path):
    async with WhatsAppWeb() as double, _Socks(login=("user", "secret")) as proxy:
        proxy.target = double.tunnel.target
        async with Worker(tmp_path / "one", double.environ) as worker:
            await worker.open(proxy=f"socks5://user:secret@127.0.0.1:{proxy.port}")
            await worker.event("qr")
            assert "web.whatsapp.com:443" in proxy.targets
            assert proxy.logins[-1] == "user:secret"
            assert double.tunnel.targets == []  # the proxy of the environment is out of it


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there_is_told_without_its_login(tmp_path, scheme):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        await worker.open(proxy=f"{scheme}://user:secret@127.0.0.1:9")
        told = await worker.event("closed")
        assert told["cause"] == "unreachable"
        assert "secret" not in str(told)
        await worker.gone()
        assert b"secret" not in worker.said


async def test_an_engine_that_hangs_still_answers_and_can_be_ended(tmp_path):
    async with WhatsAppWeb() as double, Worker(tmp_path / "one", double.environ) as worker:
        double.faults.silent = True
        await worker.open()
        await double.journal.until(lambda: bool(double.connections), "a connection")
        assert (await worker.ask("ping"))["phase"] == "waiting"
        worker.start("close")
        assert await worker.gone() == 0


async def test_a_linked_number_costs_less_than_80_megabytes_of_its_own(tmp_path):
    async with WhatsAppWeb() as double:
        phone = double.phone(NUMBER)
        async with linked(double, phone, tmp_path / "one") as (worker, _):
            memory = psutil.Process(worker.process.pid).memory_full_info()
            assert memory.uss < 80 * 2**20


def _path(first: Path) -> str:
    return os.pathsep.join([str(first), *(part for part in sys.path if part)])


async def test_the_worker_imports_nothing_of_ponte_but_the_codec():
    """So that another engine needs nothing else, and a number costs little."""
    code = (
        "import sys, bridge.whatsapp.web.worker.service\n"
        "print(*sorted(name for name in sys.modules if name.startswith('bridge')))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await child.communicate()
    ours = {name for name in told.decode().split() if "worker" not in name}
    assert ours == {
        "bridge",
        "bridge.whatsapp",
        "bridge.whatsapp.web",
        "bridge.whatsapp.web.codec",
    }
