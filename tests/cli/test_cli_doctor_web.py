"""`ponte doctor` about numbers that are connected by QR code."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from bridge.cli.doctor import web
from bridge.core.connection import LinkState
from support.bridge_house import House, bridge_house
from support.command_line import ask, config_of
from support.qr_channel import QrPhone, QrPhones
from support.sessions import QR_ORDER, open_up, reaches


@pytest.fixture
def phones() -> QrPhones:
    return QrPhones()


@pytest.fixture
async def house(tmp_path: Path, phones: QrPhones) -> AsyncIterator[House]:
    (tmp_path / "data").mkdir(mode=0o700)
    async with bridge_house(tmp_path / "data", order=QR_ORDER, channels=phones.kinds) as found:
        yield found


@pytest.fixture
def phone(phones: QrPhones) -> QrPhone:
    return phones["loja"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An engine that can be loaded, on a machine that it runs on."""
    monkeypatch.setattr(web, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(web, "_LOAD", "print('0.5.2')")
    monkeypatch.setattr(web.sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    return monkeypatch


async def told(config: Path, what: str) -> str:
    """What the report says about one thing."""
    report = (await ask("doctor", "-c", config, "--json")).json
    (found,) = [one for one in report if one["what"] == what]
    return f"{found['state']}: {found['text']} {found['advice'] or ''}".rstrip()


async def test_an_engine_that_loads_is_told_with_its_version(house, config, engine):
    assert (
        await told(config, "WhatsApp Web")
        == "ok: its engine can be loaded, version 0.5.2; 1 instance(s) need it"
    )


async def test_a_missing_engine_is_a_failure_where_it_is_needed(house, config, engine):
    engine.setattr(web, "find_spec", lambda _name: None)

    said = await told(config, "WhatsApp Web")

    assert said.startswith("failure: the optional part whatsapp-web is not installed")
    assert "pip install 'ponte[whatsapp-web]'" in said


async def test_nobody_needs_an_engine_for_a_number_of_the_cloud_api(tmp_path, engine):
    engine.setattr(web, "find_spec", lambda _name: None)
    (tmp_path / "data").mkdir(mode=0o700)
    async with bridge_house(tmp_path / "data") as house:
        said = await told(config_of(house, tmp_path), "WhatsApp Web")

    assert said.startswith("ok: the optional part whatsapp-web is not installed; no instance")


@pytest.mark.parametrize(
    ("libc", "advice"),
    [
        pytest.param(("glibc", "2.31"), "It needs glibc 2.34", id="old"),
        pytest.param(("", ""), "It needs glibc, which Alpine has not", id="musl"),
    ],
)
async def test_an_engine_that_does_not_load_is_told_with_the_cause(
    house, config, engine, libc, advice
):
    engine.setattr(web, "_LOAD", "raise SystemExit('version `GLIBC_2.34` not found')")
    engine.setattr(platform, "libc_ver", lambda: libc)

    said = await told(config, "WhatsApp Web")

    assert said.startswith("failure: its engine cannot be loaded: version `GLIBC_2.34` not found")
    assert advice in said


async def test_a_machine_without_an_engine_is_told(house, config, engine):
    engine.setattr(web, "find_spec", lambda _name: None)
    engine.setattr(platform, "machine", lambda: "riscv64")

    assert "There is no engine for linux on riscv64" in await told(config, "WhatsApp Web")


async def test_an_engine_that_ends_its_process_is_told(house, config, engine):
    engine.setattr(web, "_LOAD", "import os; os.abort()")

    assert "its process was ended by signal 6" in await told(config, "WhatsApp Web")


def test_the_engine_is_loaded_as_the_service_does_it():
    if web.find_spec("neonize") is None:
        pytest.skip("the extra whatsapp-web is not installed")

    failed, said = web._loaded()

    assert not failed, said
    assert said[0].isdigit()


async def test_a_number_that_was_never_connected_is_told(house, config, engine):
    said = await told(config, "WhatsApp")

    assert said == "warning: it was never connected Run: ponte instances connect loja"


async def test_a_connected_number_is_told_with_its_owner(house, config, engine, phone):
    await open_up(house, phone)

    assert await told(config, "WhatsApp") == "ok: +5511987650009 Loja is connected by QR code"


async def test_a_number_that_ended_is_a_failure_with_its_reason(house, config, engine, phone):
    await open_up(house, phone)
    phone.drop(401, "Logged out on the phone.")
    await reaches(house, LinkState.CLOSED)

    said = await told(config, "WhatsApp")

    assert said.startswith("failure: +5511987650009 Loja is not connected: Logged out on the")
    assert said.endswith("ponte instances connect loja")


@pytest.mark.parametrize("code", [403, 405])
async def test_nobody_is_told_to_connect_a_number_again_that_is_banned_or_outdated(
    house, config, engine, phone, code
):
    await open_up(house, phone)
    phone.drop(code, "Wait for it.")
    await reaches(house, LinkState.CLOSED)

    assert (await told(config, "WhatsApp")).endswith("is not connected: Wait for it.")


async def test_nothing_of_meta_is_asked_for_when_all_numbers_are_connected_by_qr_code(
    house, config, engine
):
    report = (await ask("doctor", "-c", config, "--json")).json

    assert not [one for one in report if "Meta" in one["what"] or "Meta" in one["text"]]
    assert not [one for one in report if one["state"] == "failure"]
