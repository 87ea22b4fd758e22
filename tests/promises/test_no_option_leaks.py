"""Promise 6 for what can be configured: canaries in all of it, then everything is searched.

There are two kinds. A *secret* (password, header, key, token) is in no answer either; an *address*
of somebody's webhook, whose path may carry a token, is shown to who may read the configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bridge.http.routing import INSTANCE, Access, routes_of
from bridge.http.server import serving
from support.bridge_house import KEY, NAME, House, bridge_house
from support.proxies import HttpProxy
from support.qr_channel import QrPhones

SECRET = "S3CRET-c4n4ry"
ADDRESS = "4ddress-c4n4ry"
QR = "2@code-"
PARTNER = "the-partner-token-of-the-tests"
URL = f"https://hooks.example/{ADDRESS}?t={ADDRESS}"
BODIES: dict[str, dict[str, Any]] = {
    "webhook": {"url": URL, "headers": {"Authorization": SECRET, "X-Any": SECRET}},
    "pusher": {"appId": "1", "key": "k", "secret": SECRET, "cluster": "sa1"},
    "settings": {"wavoipToken": SECRET, "rejectCall": True},
}


async def story(house: House, proxy: HttpProxy) -> list[str]:
    """Everything is set, changed, refused, used; all answers but those that make a key."""
    answers: list[str] = []

    async def ask(method: str, path: str, **more: Any) -> None:
        status, body = await house.call(method, path, **more)
        answers.append(f"{method} {path.replace(SECRET, '<token>')} {status} {body}")

    made = await house.create(
        integration="WHATSAPP-BAILEYS",
        token=SECRET + "-of-the-instance",
        number=None,
        businessId=None,
        webhook=BODIES["webhook"],
        pusher={"enabled": True, **BODIES["pusher"]},
        unknownToUs=SECRET,
        **BODIES["settings"],
    )
    assert made["hash"].startswith(SECRET)  # as it was wished, and this once
    key = made["hash"]
    way_out = {"host": "127.0.0.1", "port": proxy.port, "protocol": "http"}
    login = {"username": "ana", "password": SECRET}
    bodies = BODIES | {"proxy": way_out | login}
    for who in (KEY, key):
        for part, body in bodies.items():
            for more in ({}, {"enabled": "neither"}, {"events": [SECRET] * 2000}):
                changed = {part: body | more} if part != "settings" else body | more
                await ask("POST", f"/{part}/set/{NAME}", json=changed, key=who)
        wrong = way_out | login | {"port": 1}
        await ask("POST", f"/proxy/set/{NAME}", json=wrong, key=who)
        await ask("POST", f"/proxy/set/{NAME}", json=wrong | {"host": SECRET}, key=who)
        chatwoot = {"enabled": True, "url": house.chat_url, "accountId": "1", "token": SECRET}
        await ask("POST", f"/chatwoot/set/{NAME}", json=chatwoot, key=who)
        await ask("POST", f"/instance/credentials/{NAME}", json={"token": [SECRET]}, key=who)
        await ask("POST", "/instance/create", json={"instanceName": NAME, "token": SECRET}, key=who)
        for route in routes_of(house.service.app):
            if route.method == "GET" and route.access is Access.INSTANCE_KEY:
                path = route.template.replace(f"{{{INSTANCE}}}", NAME).replace("{typebot_id}", "1")
                if "connect/" in path:  # shows the code to scan to who asks for it
                    await house.ok("GET", path, key=who)
                    continue
                for dialect in ("v1", "v1-legacy", "v2", "l2"):
                    await ask("GET", path, key=who, headers={"X-Api-Dialect": dialect})
        for path in ("/audit", "/metrics", "/why?message=x"):
            await ask("GET", path, key=who)
        await ask("GET", f"/instances/{NAME}/token/{SECRET}/me", key=None)
    bearer = {"Authorization": f"Bearer {PARTNER}"}
    order = {"name": "Loja", "receivedCallbackUrl": URL, "secretOfTheirs": SECRET}
    await ask("POST", "/instances/integrator/on-demand", key=None, headers=bearer, json=order)
    await ask("GET", "/instances", key=None, headers=bearer)
    return answers


@pytest.fixture
async def told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What was written or answered, by where."""
    async with (
        HttpProxy(login=("ana", SECRET)) as proxy,
        serving(web.Application(), host="127.0.0.1", port=0) as (host, port),
    ):
        options: dict[str, Any] = {
            "z_api": {"partner_token": PARTNER},
            "whatsapp_web": {"base_url": f"http://{host}:{port}"},
        }
        async with bridge_house(
            tmp_path, provisioned=False, channels=QrPhones().kinds, options=options
        ) as house:
            answers = await story(house, proxy)
            entry = house.service.instances.entry(NAME)
            used = entry.instance.options
            assert (used.proxy and used.proxy.password) == SECRET
            assert used.webhook is not None
            assert {SECRET} == {*used.webhook.headers.values()}
            entries = await house.service.directory.page()
            tables = await house.rows("SELECT name FROM sqlite_master WHERE type='table'")
            stored = {
                row["name"]: str(await house.rows(f"SELECT * FROM {row['name']}"))  # noqa: S608
                for row in tables
            }
    out, err = capfd.readouterr()
    return {
        "answers": "\n".join(answers),
        "reprs": repr(entries),
        "logs": out + err,
        **{f"table {name}": rows for name, rows in stored.items()},
    }


def found(needle: str, where: dict[str, str]) -> list[str]:
    hits = []
    for name, text in where.items():
        at = text.find(needle)
        if at >= 0:
            hits.append(f"{name}: …{text[max(0, at - 300) : at + 60]}…")
    return hits


async def test_no_option_that_is_a_secret_leaves(told: dict[str, str]):
    assert "instance.configured" in told["logs"]
    assert found(SECRET, told) == []
    assert found(QR, told) == []


async def test_no_address_with_a_token_in_it_leaves_the_configuration(told: dict[str, str]):
    assert ADDRESS in told.pop("answers")
    assert found(ADDRESS, told) == []
