"""The keys of an instance are changed without a gap, and guessing them is slowed down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.store.engine import Unit
from support.bridge_house import KEY, House, bridge_house

NAME = "loja"
KEYS = f"/instance/keys/{NAME}"
STATE = f"/instance/connectionState/{NAME}"


async def make(house: House, name: str = NAME, **more: Any) -> str:
    order = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": False}
    made = await house.ok("POST", "/instance/create", json=order | more)
    return made["hash"] if isinstance(made["hash"], str) else made["hash"]["apikey"]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    """One instance, whose key is `house.key`; four wrong keys a minute."""
    options = {"auth": {"failures_per_minute": 4}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        house.key = await make(house)
        yield house


async def opens(house: House, key: str | None, path: str = STATE) -> int:
    return (await house.call("GET", path, key=key))[0]


# -- changing ----------------------------------------------------------------------------------


async def test_both_keys_work_until_the_old_one_is_dropped(shop: House):
    made = await shop.ok("POST", KEYS, key=shop.key)
    assert made["instance"] == {"instanceName": NAME}
    new = made["hash"]
    assert [await opens(shop, key) for key in (shop.key, new)] == [200, 200]

    async with shop.stopped():
        pass
    assert [await opens(shop, key) for key in (shop.key, new)] == [200, 200]

    await shop.ok("DELETE", KEYS, key=new)
    assert [await opens(shop, key) for key in (shop.key, new)] == [401, 200]


async def test_a_third_key_is_refused_until_one_is_dropped(shop: House):
    second = (await shop.ok("POST", KEYS))["hash"]
    status, body = await shop.call("POST", KEYS)
    assert (status, body["response"]["code"]) == (409, "key.two_already")
    assert f"DELETE {KEYS}" in body["response"]["message"][1]
    assert [await opens(shop, key) for key in (shop.key, second)] == [200, 200]
    await shop.ok("DELETE", KEYS)
    await shop.ok("POST", KEYS)
    assert await opens(shop, second) == 200


async def test_of_two_changes_at_once_one_wins_and_its_key_works(shop: House):
    answers = await asyncio.gather(*(shop.call("POST", KEYS) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409, 409]
    [new] = [body["hash"] for status, body in answers if status == 201]
    assert [await opens(shop, key) for key in (shop.key, new)] == [200, 200]


async def test_a_stolen_key_is_changed_in_one_step(shop: House):
    """Between two steps a thief who watches could make himself another one."""
    stolen = (await shop.ok("POST", KEYS, key=shop.key))["hash"]
    new = (await shop.ok("POST", f"{KEYS}?alone=true"))["hash"]
    assert [await opens(shop, key) for key in (shop.key, stolen, new)] == [401, 401, 200]
    assert len((await shop.ok("GET", KEYS))["keys"]) == 1
    status, body = await shop.call("POST", f"{KEYS}?alone=perhaps")
    assert (status, body["response"]["code"]) == (400, "request.invalid")
    assert await opens(shop, new) == 200


async def test_the_only_key_cannot_be_dropped(shop: House):
    status, body = await shop.call("DELETE", KEYS, key=shop.key)
    assert (status, body["response"]["code"]) == (404, "key.no_old")
    assert await opens(shop, shop.key) == 200


async def test_keys_are_told_by_their_age_and_never_shown(shop: House):
    shop.clock.ahead_seconds = 3600
    new = (await shop.ok("POST", KEYS))["hash"]
    told = await shop.ok("GET", KEYS, key=new)
    assert [key["old"] for key in told["keys"]] == [False, True]
    since = [key["since"] for key in told["keys"]]
    assert since == sorted(since, reverse=True)
    assert since[0] > since[1]
    assert told.keys() == {"instance", "keys"}
    assert all(key.keys() == {"since", "old"} for key in told["keys"])
    await shop.ok("DELETE", KEYS)
    assert [key["since"] for key in (await shop.ok("GET", KEYS))["keys"]] == since[:1]


async def test_what_else_is_changed_meanwhile_brings_no_dropped_key_back(shop: House):
    """A change of settings writes the whole row; it must not write keys that it read before."""
    entry = shop.service.directory.by_name(NAME)
    assert entry is not None
    new = (await shop.ok("POST", KEYS))["hash"]
    await shop.ok("DELETE", KEYS)
    stale = entry.instance
    assert stale.key_hash != shop.service.directory.by_name(NAME).instance.key_hash
    await shop.service.instances.change(entry, lambda _now: stale)
    assert [await opens(shop, key) for key in (shop.key, new)] == [401, 200]


async def test_an_instance_that_is_not_ready_opens_nothing(shop: House):
    def hide(unit: Unit) -> str:
        unit.db.execute("UPDATE instance SET ready=0 WHERE name=?", (NAME,))
        return str(unit.db.execute("SELECT id FROM instance").fetchone()[0])

    await shop.service.directory.refresh(await shop.service.store.write(hide))
    assert await opens(shop, shop.key) == 401
    assert await opens(shop, shop.key, "/instance/fetchInstances") == 401


async def test_the_key_of_a_deleted_instance_opens_nothing(shop: House):
    new = (await shop.ok("POST", KEYS))["hash"]
    await shop.ok("DELETE", f"/instance/delete/{NAME}", key=new)
    await make(shop)
    assert [await opens(shop, key) for key in (shop.key, new)] == [401, 401]


# -- guessing ----------------------------------------------------------------------------------


async def test_after_four_wrong_keys_even_a_right_one_has_to_wait(shop: House):
    stranger = await make(shop, "farmacia")
    assert [await opens(shop, f"wrong {n}") for n in range(6)] == [401] * 4 + [429] * 2
    async with shop.http.get(shop.url + STATE, headers={"apikey": stranger}) as answer:
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 15
        assert (await answer.json())["response"]["code"] == "auth.too_many_failures"
    assert await opens(shop, shop.key) == 429  # not yet shown from here
    shop.clock.ahead_seconds += 15
    assert await opens(shop, shop.key) == 200


async def test_who_was_right_lately_is_not_locked_out(shop: House):
    assert await opens(shop, shop.key) == 200
    assert [await opens(shop, f"wrong {n}") for n in range(5)] == [401] * 4 + [429]
    assert await opens(shop, shop.key) == 200
    assert await opens(shop, KEY) == 200
    assert await opens(shop, KEY, "/instance/connectionState/nobody") == 404


async def test_no_key_and_a_right_key_on_a_foreign_route_are_no_guesses(shop: House):
    other = await make(shop, "farmacia")
    for _ in range(6):
        assert await opens(shop, None) == 401
        assert await opens(shop, other) == 401
        assert await opens(shop, other, "/instance/connectionState/nobody") == 401
        assert await opens(shop, other, "/metrics") == 401
    assert await opens(shop, "wrong") == 401
    assert await opens(shop, shop.key) == 200


async def test_webhooks_and_public_routes_know_no_limit(shop: House):
    for number in range(5):
        await opens(shop, f"wrong {number}")
    for path in ("/", "/healthz", "/docs", "/openapi.json"):
        assert await opens(shop, "wrong", path) == 200
    status, _ = await shop.call("POST", "/webhook/meta", key="wrong", data=b"{}")
    assert status != 429


# -- Z-API's callers ---------------------------------------------------------------------------

PARTNER_TOKEN = "the-partner-token-of-the-tests"
CLIENT_TOKEN = "the-client-token-of-the-tests"


@pytest.fixture
async def vendor(tmp_path: Path) -> AsyncIterator[House]:
    options = {
        "auth": {"failures_per_minute": 4},
        "z_api": {"partner_token": PARTNER_TOKEN, "client_token": CLIENT_TOKEN},
    }
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        house.key = await make(house)
        yield house


async def status_of(house: House, token: str, client: str | None = CLIENT_TOKEN) -> int:
    entry = house.service.directory.by_name(NAME)
    assert entry is not None
    headers = {} if client is None else {"Client-Token": client}
    path = f"/instances/{entry.id}/token/{token}/status"
    return (await house.call("GET", path, key=None, headers=headers))[0]


async def test_both_keys_are_good_in_a_path_and_the_global_key_is_not(vendor: House):
    new = (await vendor.ok("POST", KEYS))["hash"]
    tokens = (vendor.key, new, KEY, PARTNER_TOKEN)
    assert [await status_of(vendor, token) for token in tokens] == [200, 200, 401, 401]
    await vendor.ok("DELETE", KEYS)
    assert [await status_of(vendor, token) for token in (vendor.key, new)] == [401, 200]


async def test_the_client_token_is_wanted_and_guesses_at_it_are_counted(vendor: House):
    for _ in range(6):
        assert await status_of(vendor, vendor.key, None) == 401
    assert await status_of(vendor, vendor.key) == 200
    guesses = [await status_of(vendor, vendor.key, f"guess {n}") for n in range(5)]
    assert guesses == [401] * 4 + [429]
    assert await status_of(vendor, vendor.key) == 200  # as shown lately, both together


async def test_a_partner_is_known_by_its_bearer_token_alone(vendor: House):
    async def ask(**headers: str) -> int:
        return (await vendor.call("GET", "/instances", key=None, headers=headers))[0]

    assert await ask(Authorization=f"Bearer {PARTNER_TOKEN}") == 200
    assert await ask(apikey=PARTNER_TOKEN) == 401
    assert await ask(Authorization=f"Bearer {KEY}") == 401
    assert await opens(vendor, PARTNER_TOKEN, "/metrics") == 401
    guesses = [await ask(Authorization=f"Bearer guess {n}") for n in range(5)]
    assert guesses == [401] * 4 + [429]
    assert await ask(Authorization=f"Bearer {PARTNER_TOKEN}") == 200


async def test_without_a_partner_token_these_routes_are_closed(shop: House):
    for bearer in ("", "None", KEY, shop.key):
        headers = {"Authorization": f"Bearer {bearer}"}
        assert (await shop.call("GET", "/instances", key=None, headers=headers))[0] == 401


# -- the test of credentials -------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{}", b"{not json", b"x" * 100_000])
async def test_verify_creds_says_that_the_global_key_is_good_whatever_the_body(shop: House, body):
    status, told = await shop.call("POST", "/verify-creds", data=body)
    assert (status, told["message"]) == (200, "Credentials are valid")
    assert {"facebookAppId", "facebookConfigId", "facebookUserToken"} <= told.keys()


async def test_verify_creds_refuses_every_other_key(shop: House):
    for key in (None, "wrong", shop.key):
        assert (await shop.call("POST", "/verify-creds", key=key))[0] == 401


async def test_the_root_speaks_as_the_version_that_the_setting_names(tmp_path: Path):
    options = {"api": {"dialect": "v1"}}
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        for path in ("/", "/whatsapp"):
            told = await house.ok("GET", path, key=None)
            assert told["version"].startswith("1.")
            assert told["documentation"] == f"{house.url}/docs"
