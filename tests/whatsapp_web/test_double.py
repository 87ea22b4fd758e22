"""The double of WhatsApp Web against the real library: linking, logging in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.whatsapp_web import Late, WhatsAppWeb, protocols, required
from support.whatsapp_web import wheel as installed
from support.whatsapp_web.client import Client
from support.whatsapp_web.client.desk import open_desk

required()


async def test_a_device_is_linked_by_its_qr_code(tmp_path: Path):
    async with WhatsAppWeb() as double:
        phone = double.phone("5511900000001", name="Loja", business="Loja & Filhos")
        async with Client(double.environ, tmp_path / "session.db") as client:
            companion = await phone.scan(await client.code())
            await companion.connected()
            await client.next("Connected")
            status = await client.next("PairStatus")
            assert (status.ID.User, status.BusinessName) == ("5511900000001", "Loja & Filhos")
            assert double.tunnel.targets[0] == "web.whatsapp.com:443"
            assert len(companion.one_time) > 100


async def test_a_device_is_linked_by_a_code_that_is_typed(tmp_path: Path):
    async with WhatsAppWeb() as double:
        phone = double.phone("5511900000001")
        async with Client(double.environ, tmp_path / "session.db") as client:
            await client.code()
            wanted = protocols.neonize.PairPhoneParams(
                phone="5511900000001",
                clientDisplayName="Chrome (Linux)",
                clientType=1,
                showPushNotification=True,
            )
            answer = "PairPhoneReturnFunction"
            code = (await client.call("PairPhone", wanted, answer=answer)).Code
            companion = await phone.enter_code(code)
            await companion.connected()


async def test_a_code_of_somebody_else_is_not_accepted():
    async with WhatsAppWeb() as double:
        with pytest.raises(AssertionError, match="no device shows this code"):
            await double.phone("5511900000001").scan("2@abc,x,y,z")


async def test_a_device_comes_back_without_a_code(tmp_path: Path):
    async with open_desk(tmp_path) as desk:
        await desk.client.kill()
        await desk.companion.gone()
        async with Client(desk.double.environ, desk.database) as client:
            await desk.companion.again()
            await client.next("Connected")
            assert not client.codes
            await client.send(desk.bob.lid, "I am back")
            assert (await desk.bob.next_message()).text == "I am back"


async def test_the_phone_unlinks_a_device(tmp_path: Path):
    async with open_desk(tmp_path) as desk:
        await desk.phone.unlink()
        await desk.client.next("LoggedOut")
        await desk.companion.gone()
        assert not desk.companion.is_linked


async def test_a_device_that_was_unlinked_meanwhile_is_refused(tmp_path: Path):
    async with open_desk(tmp_path) as desk:
        await desk.client.kill()
        await desk.companion.gone()
        await desk.phone.unlink()
        async with Client(desk.double.environ, desk.database) as client:
            assert (await client.next("LoggedOut")).OnConnect


async def test_a_client_logs_out(tmp_path: Path):
    async with open_desk(tmp_path) as desk:
        assert not await desk.client.call("Logout")
        await desk.companion.unlinked()
        with pytest.raises(LookupError):
            _ = desk.phone.companion


async def test_a_second_device_of_one_account(tmp_path: Path):
    async with (
        open_desk(tmp_path) as desk,
        Client(desk.double.environ, tmp_path / "second.db") as second,
    ):
        companion = await desk.phone.scan(await second.code())
        await companion.connected()
        await desk.client.send(desk.bob.lid, "From the first")
        message = await second.next("Message")
        assert message.Message.conversation == "From the first"
        assert message.Info.MessageSource.IsFromMe
        assert message.Info.MessageSource.Chat.User == desk.bob.lid.user


async def test_waiting_in_vain_says_what_was_on_the_wire(tmp_path: Path):
    async with open_desk(tmp_path) as desk:
        with pytest.raises(Late, match=r"(?s)never: not within 0.01 s.*<active/>"):
            await desk.double.journal.until(lambda: False, "never", seconds=0.01)


def test_the_copy_of_the_wheel_differs_in_the_key_alone():
    package = installed.installed()
    assert package is not None
    copied = installed.copy_with_root() / "neonize"
    ours = (copied / installed.LIBRARY).read_bytes()
    theirs = (package / installed.LIBRARY).read_bytes()
    start = ours.index(installed.ROOT.public)
    assert ours[:start] == theirs[:start]
    assert ours[start + 32 :] == theirs[start + 32 :]
    assert ours != theirs


@pytest.mark.parametrize(
    ("environ", "outcome"),
    [({}, pytest.skip.Exception), ({"PONTE_TEST_SERVICES": "1"}, pytest.fail.Exception)],
    ids=["skipped", "promised"],
)
def test_without_the_wheel_tests_are_skipped_unless_it_was_promised(monkeypatch, environ, outcome):
    monkeypatch.setattr(installed, "installed", lambda: None)
    with pytest.raises(outcome, match="neonize"):
        installed.required(environ)
