"""Numbers that are connected by QR code, as callers of the API meet them: every dialect, the real
worker and library, and a stand-in for WhatsApp.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.core.connection import LinkState
from bridge.sim.framing import Stream
from bridge.sim.pictures import png
from support.bridge_house import NAME
from support.proxies import HttpProxy, SocksProxy
from support.web_house import NUMBER, WebHouse, asks_until, web_house
from support.whatsapp_web import required

required()

FACE = png(32, 32, colour=(40, 160, 90))
HTTPS = 443
PARTNER = "the-partner-token-of-the-tests"

#: A create in each of Evolution's dialects: where, and with what.
CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "v1 legacy": (
        "/instance/create",
        {"instanceName": NAME, "token": "key-of-the-shop-with-32-letters!", "qrcode": True},
    ),
    "v1": (
        "/instance/create",
        {"instanceName": NAME, "qrcode": True, "always_online": True, "events": ["CALL"]},
    ),
    "v2": (
        "/instance/create",
        {"instanceName": NAME, "qrcode": True, "integration": "WHATSAPP-BAILEYS"},
    ),
    "l2msg": (
        "/whatsapp/instance/create",
        {"instanceName": NAME, "qrcode": True, "alwaysOnline": True},
    ),
}


async def row(its: WebHouse, prefix: str = "/instance") -> dict[str, Any]:
    (found,) = await its.house.ok("GET", f"{prefix}/fetchInstances")
    return dict(found)


def is_qr(told: dict[str, Any]) -> bool:
    return (
        told["code"].startswith("https://wa.me/")
        and told["base64"].startswith("data:image/png;base64,")
        and told["count"] == 1
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("dialect", CREATES)
async def test_a_number_is_made_typed_in_restarted_logged_out_scanned_and_deleted(
    tmp_path, dialect
):
    path, body = CREATES[dialect]
    prefix = path.removesuffix("/create")
    async with web_house(tmp_path, provisioned=False) as its:
        house, phone = its.house, its.phone
        phone.shows(FACE)
        made = await house.ok("POST", path, json=body)
        assert is_qr(made["qrcode"])
        assert made["qrcode"]["pairingCode"] is None
        assert isinstance(made["hash"], str if dialect == "v2" else dict)

        # A code to type, without a camera.
        told = await house.ok("GET", f"{prefix}/connect/{NAME}?number={NUMBER}")
        assert is_qr(told)
        assert len(told["pairingCode"]) == 8
        assert told["pairingCode"].isalnum()
        companion = await phone.enter_code(told["pairingCode"])
        await its.reaches(LinkState.OPEN)
        assert companion.device_name == "Ponte"
        assert await house.ok("GET", f"{prefix}/connect/{NAME}") == {
            "instance": {"instanceName": NAME, "state": "open"}
        }

        # Who is connected; the phone tells its name in its own time.
        await phone.shares_settings()
        await asks_until(lambda: knows_profile(its, prefix), lambda: "no profile came")
        status, told = await house.call(
            "POST", f"{prefix}/setPresence/{NAME}", json={"presence": "available"}
        )
        assert (status, told) == (201, {"presence": "available"})
        await companion.says("it is online", lambda node: is_presence(node, "available"))

        await house.ok("PUT", f"{prefix}/restart/{NAME}")
        await its.reaches(LinkState.OPEN)
        assert phone.companion is companion

        await house.ok("DELETE", f"{prefix}/logout/{NAME}")
        assert phone.companions == {}
        assert its.workers() == []
        status, told = await house.call("DELETE", f"{prefix}/logout/{NAME}")
        assert (status, told["response"]["message"]) == (
            400,
            [f'The "{NAME}" instance is not connected'],
        )

        again = await house.ok("GET", f"{prefix}/connect/{NAME}")
        assert is_qr(again)
        await phone.scan(again["code"])
        await its.reaches(LinkState.OPEN)
        names = [one["event"] for one in await house.ok("GET", f"/instance/events/{NAME}")]
        assert names[0] == "connection.update"
        assert {"instance.create", "qrcode.updated", "status.instance", "logout.instance"} < {
            *names
        }

        await house.ok("DELETE", f"{prefix}/delete/{NAME}")
        assert phone.companions == {}
        assert its.workers() == []
        assert list((tmp_path / "data" / "whatsapp-web").iterdir()) == []


def is_presence(node: Any, kind: str) -> bool:
    return bool(node.tag == "presence" and node.get("type") == kind)


async def knows_profile(its: WebHouse, prefix: str) -> bool:
    found = await row(its, prefix)
    if "instance" in found:
        mine = found["instance"]
        told = (mine["owner"], mine["profileName"], mine["profilePictureUrl"], mine["status"])
    else:
        told = tuple(
            found[key] for key in ("ownerJid", "profileName", "profilePicUrl", "connectionStatus")
        )
    owner, name, picture, state = told
    return bool(
        (owner, name, state) == (f"{NUMBER}@s.whatsapp.net", "Loja", "open")
        and picture
        and picture.startswith("https://pps.whatsapp.net/")
    )


@pytest.mark.timeout(120)
async def test_a_z_api_client_pairs_reads_states_and_disconnects(tmp_path):
    options = {"z_api": {"partner_token": PARTNER}}
    async with web_house(tmp_path, provisioned=False, options=options) as its:
        house, phone = its.house, its.phone
        status, made = await house.call(
            "POST",
            "/instances/integrator/on-demand",
            key=None,
            headers={"Authorization": f"Bearer {PARTNER}"},
            json={"name": "Loja", "sessionName": "Balcão 1"},
        )
        assert status == 200
        path = f"/instances/{made['id']}/token/{made['token']}"

        async def told(rest: str) -> Any:
            return await house.ok("GET", f"{path}/{rest}", key=None)

        assert (await told("status"))["connected"] is False
        assert (await told("qr-code"))["value"].startswith("https://wa.me/")
        assert (await told("qr-code/image"))["value"].startswith("data:image/png;base64,")
        companion = await phone.enter_code((await told(f"phone-code/{NUMBER}"))["code"])
        await its.reaches(LinkState.OPEN, made["id"])
        assert companion.device_name == "Balcão 1"
        assert await told("status") == {
            "connected": True,
            "session": True,
            "smartphoneConnected": True,
            "error": None,
        }
        assert (await told("me"))["connected"] is True
        assert (await told("restart"))["value"] is True
        await its.reaches(LinkState.OPEN, made["id"])
        assert (await told("disconnect"))["value"] is True
        assert phone.companions == {}
        assert (await told("status"))["error"]


# -- settings ----------------------------------------------------------------------------------


@pytest.mark.timeout(120)
async def test_changed_settings_count_at_once_and_without_a_new_connection(tmp_path):
    async with web_house(tmp_path) as its:
        companion = await its.scanned()
        await its.phone.shares_settings()
        await asks_until(lambda: has_name(its), lambda: "no name came")
        logins, bob = companion.logins, its.double.person("5511900000002", name="Bob")
        group = its.double.group("Família", [its.phone, bob])
        before = await bob.writes(companion, "antes")
        await companion.acks(before)
        await its.house.ok(
            "POST",
            f"/settings/set/{NAME}",
            json={
                "alwaysOnline": True,
                "readMessages": True,
                "rejectCall": True,
                "msgCall": "Só por texto.",
                "groupsIgnore": True,
            },
        )
        await companion.says("it is online", lambda node: is_presence(node, "available"))
        await companion.rejects(await bob.calls(companion))
        assert (await bob.next_message()).text == "Só por texto."
        await bob.writes(companion, "para o grupo", group=group)
        await companion.confirms(await bob.writes(companion, "depois"), "read")
        await its.house.quiet()
        assert its.house.shown()[0] == "antes"
        assert its.house.shown()[-1] == "depois"
        assert "para o grupo" not in "".join(its.house.shown())
        assert companion.logins == logins

        await its.house.ok("POST", f"/settings/set/{NAME}", json={"alwaysOnline": False})
        await companion.says("it is offline", lambda node: is_presence(node, "unavailable"))


async def has_name(its: WebHouse) -> bool:
    return bool((await row(its))["profileName"])


class Way:
    """A proxy whose tunnels end at the double, whatever they ask for; plain calls at Chatwoot."""

    its: WebHouse

    async def _dial(self, host: str, port: int) -> Stream:
        self.targets.append(f"{host}:{port}")
        plain = int(self.its.house.chat_url.rpartition(":")[2])
        at = self.its.double.tunnel.target if port == HTTPS else plain
        reader, writer = await asyncio.open_connection("127.0.0.1", at)
        return Stream(reader=reader, writer=writer)


class SocksWay(Way, SocksProxy):
    pass


class HttpWay(Way, HttpProxy):
    pass


@pytest.mark.timeout(120)
async def test_a_number_goes_through_its_own_proxy_and_says_when_that_one_fails(tmp_path):
    options = {
        "whatsapp_web": {"base_url": "http://web.whatsapp.com"},
        "api": {"qr_wait_seconds": 5},
    }
    login = ("ana", "p:w/1@2")
    async with (
        web_house(tmp_path, provisioned=False, options=options) as its,
        SocksWay(login=login) as socks,
        HttpWay(login=login) as http,
    ):
        socks.its = http.its = its
        wanted = {
            "proxyHost": "127.0.0.1",
            "proxyPort": str(http.port),
            "proxyProtocol": "http",
            "proxyUsername": login[0],
            "proxyPassword": login[1],
        }
        path, body = CREATES["v2"]
        made = await its.house.ok("POST", path, json=body | wanted)
        companion = await its.phone.scan(made["qrcode"]["code"])
        await its.reaches(LinkState.OPEN)
        assert "web.whatsapp.com:443" in http.targets
        assert its.double.tunnel.targets == []

        # The other proxy takes over at once, with the same session.
        other = {
            "enabled": True,
            "host": "127.0.0.1",
            "port": str(socks.port),
            "protocol": "socks5",
        }
        other |= {"username": login[0], "password": login[1]}
        await its.house.ok("POST", f"/proxy/set/{NAME}", json=other)
        await asks_until(lambda: _is(len(socks.targets) > 1), lambda: "nobody came")
        await its.reaches(LinkState.OPEN)
        assert its.phone.companion is companion

        # It dies, or is locked.
        socks.login = ("ana", "another")
        await socks.drop()
        status, told = await its.house.call("POST", f"/instance/restart/{NAME}")
        assert (status, told["response"]["code"]) == (503, "connection.no_qr")
        assert "The proxy refuses" in told["response"]["message"][0]
        socks.fault = "cut"
        status, told = await its.house.call("POST", f"/instance/restart/{NAME}")
        assert status == 503
        assert "the proxy of the instance" in told["response"]["message"][0]
        assert "the proxy of the instance" in (await its.told())["reason"]

        socks.fault, socks.login = None, login
        await its.reaches(LinkState.OPEN)


async def _is(value: bool) -> bool:
    return value


# -- what goes wrong ---------------------------------------------------------------------------

#: What WhatsApp answers, and what the caller reads.
REFUSALS = [
    pytest.param(400, "the number of the WhatsApp on the phone", id="another number"),
    pytest.param(429, "Wait some hours", id="too many codes"),
    pytest.param(503, "Ask again", id="trouble"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("number", "words"), REFUSALS)
async def test_a_refused_pairing_code_is_told_at_once_and_may_be_asked_for_again(
    tmp_path, number, words
):
    async with web_house(tmp_path) as its:
        its.double.faults.no_pairing_code = number
        told = await its.code(number=NUMBER)
        assert is_qr(told)
        assert told["pairingCode"] is None
        assert words in told["warnings"][0]
        assert "warnings" not in await its.code()

        # Whoever asks every second does not have WhatsApp asked every second.
        its.double.faults.no_pairing_code = None
        assert (await its.code(number=NUMBER))["warnings"] == told["warnings"]
        its.house.clock.ahead_seconds += 61
        told = await its.code(number=NUMBER)
        assert "warnings" not in told
        companion = await its.phone.enter_code(told["pairingCode"])
        await companion.connected()


@pytest.mark.timeout(60)
async def test_a_create_warns_that_there_is_no_pairing_code(tmp_path):
    async with web_house(tmp_path, provisioned=False) as its:
        its.double.faults.no_pairing_code = 429
        path, body = CREATES["v2"]
        made = await its.house.ok("POST", path, json=body | {"number": NUMBER})
        assert is_qr(made["qrcode"])
        assert made["qrcode"]["pairingCode"] is None
        assert "no more pairing codes" in made["warnings"][0]


@pytest.mark.timeout(60)
async def test_a_new_number_learns_that_its_client_is_outdated(tmp_path):
    async with web_house(tmp_path) as its:
        its.double.refuse_logins(405)
        status, told = await its.house.call("GET", f"/instance/connect/{NAME}")
        assert (status, told["response"]["code"]) == (503, "connection.closed")
        assert "whatsapp_web.revision" in told["response"]["message"][0]
        assert "pip install -U 'ponte[whatsapp-web]'" in told["response"]["message"][0]
        assert its.workers() == []

        its.double.accept_logins()
        assert is_qr(await its.code())


@pytest.mark.timeout(60)
async def test_a_new_number_learns_that_whatsapp_is_not_available_and_connects_later(tmp_path):
    async with web_house(tmp_path, options={"api": {"qr_wait_seconds": 5}}) as its:
        its.double.refuse_logins(503)
        status, told = await its.house.call("GET", f"/instance/connect/{NAME}")
        assert (status, told["response"]["code"]) == (503, "connection.no_qr")
        assert "not available at the moment (error 503)" in told["response"]["message"][0]
        its.double.accept_logins()
        await asks_until(lambda: shows_a_code(its), lambda: "no code")


async def shows_a_code(its: WebHouse) -> bool:
    status, told = await its.house.call("GET", f"/instance/connect/{NAME}")
    return status == 200 and is_qr(told)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [403, 406])
async def test_a_number_that_whatsapp_locks_is_not_taken_for_one_that_was_unlinked(
    tmp_path, number
):
    async with web_house(tmp_path) as its:
        await its.scanned()
        its.double.refuse_logins(number, times=1)
        its.double.drop()
        told = await its.reaches(LinkState.CLOSED)
        assert "locked or banned" in told["reason"]
        await its.house.quiet()
        assert "WhatsApp has blocked *loja*." in (its.house.chat.messages()[-1].content or "")
        assert is_qr(await its.code())


@pytest.mark.timeout(60)
async def test_a_damaged_session_is_named_and_a_new_code_helps_once_it_is_removed(tmp_path):
    async with web_house(tmp_path) as its:
        folder = tmp_path / "data" / "whatsapp-web" / its.house.service.instances.entry(NAME).id
        folder.mkdir(parents=True)
        (folder / "session.db").write_bytes(b"no database" * 1000)
        status, told = await its.house.call("GET", f"/instance/connect/{NAME}")
        assert status == 503
        assert "remove session.db of this number" in told["response"]["message"][0]
        assert its.workers() == []
        (folder / "session.db").unlink()
        assert is_qr(await its.code())
