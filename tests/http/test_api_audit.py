"""Every request with a key that may change something leaves one row, also when it failed."""

from __future__ import annotations

from typing import Any

from bridge.errors import Unavailable
from bridge.http.auditing import REFUSALS_PER_MINUTE
from bridge.store.queries import audit
from support.bridge_house import KEY, NAME, House


async def log(house: House, **asked: Any) -> list[dict[str, Any]]:
    return await house.ok("GET", "/audit", params=asked)


async def test_what_was_done_is_told_with_who_and_how_it_ended(house: House):
    [made] = await log(house)
    assert made | {"id": 0, "at": "", "trace": ""} == {
        "id": 0,
        "at": "",
        "actor": "global key",
        "address": "127.0.0.1",
        "action": "instance.create",
        "instance": NAME,
        "status": 201,
        "code": None,
        "trace": "",
    }
    headers = {"X-Request-Id": "trace-of-the-test"}
    path = f"/instance/credentials/{NAME}"
    await house.call("POST", path, key=house.key, json={"token": "wrong"}, headers=headers)
    refused = (await log(house))[0]
    assert refused["actor"] == f"instance {NAME}"
    assert (refused["action"], refused["instance"]) == ("instance.credentials", NAME)
    assert refused["status"] == 400
    assert refused["code"]
    assert refused["trace"] == "trace-of-the-test"


async def test_a_create_that_fails_names_what_it_was_about(house: House):
    status, _ = await house.call("POST", "/instance/create", json=house.order())
    row = (await log(house))[0]
    assert (row["instance"], row["status"], status) == (NAME, 403, 403)
    assert row["code"]


async def test_reading_leaves_no_row_and_neither_do_webhooks(house: House):
    before = await log(house)
    for path in ("/instance/fetchInstances", "/metrics", f"/chatwoot/find/{NAME}", "/"):
        await house.ok("GET", path)
    await house.call("POST", "/webhook/meta", data=b"{}")
    await house.call("POST", f"/chatwoot/webhook/{NAME}/guess", json={})
    assert await log(house) == before


async def test_refusals_are_told_but_bounded(house: House):
    path = f"/instance/delete/{NAME}"
    for _ in range(REFUSALS_PER_MINUTE + 5):
        assert (await house.call("DELETE", path, key=None))[0] == 401
    rows = await log(house, limit=500)
    refused = [row for row in rows if row["status"] == 401]
    assert len(refused) == REFUSALS_PER_MINUTE
    assert {(row["actor"], row["instance"], row["action"]) for row in refused} == {
        ("nobody", NAME, "instance.delete")
    }
    # Who is let in is written down all the same, and so is that the door was closed.
    await house.call("DELETE", f"/instance/keys/{NAME}")
    assert (await log(house))[0]["code"] == "key.no_old"
    for number in range(32):
        await house.call("DELETE", path, key=f"wrong {number}")
    assert {row["code"] for row in (await log(house))[:2]} == {"auth.too_many_failures"}


async def test_no_secret_and_no_body_is_in_it(house: House):
    await house.call(
        "POST", f"/instance/credentials/{NAME}", json={"token": "EAA-segredo", "x": "segredo"}
    )
    await house.call("POST", f"/instance/keys/{NAME}?apikey=segredo", key="segredo")
    await house.call("POST", f"/instance/keys/{NAME}")
    text = str(await house.rows("SELECT * FROM audit"))
    for secret in ("segredo", KEY, house.key):
        assert secret not in text


async def test_pages_and_one_instance(house: House):
    for name in ("a", "b", "a"):
        await house.call("DELETE", f"/instance/delete/{name}")
    ids = [row["id"] for row in await log(house)]
    assert ids == sorted(ids, reverse=True)
    assert [row["id"] for row in await log(house, limit=2)] == ids[:2]
    assert [row["id"] for row in await log(house, limit=2, before=ids[1])] == ids[2:4]
    assert [row["instance"] for row in await log(house, instance="a")] == ["a", "a"]
    assert await log(house, instance="a", before=ids[2]) == []
    assert (await house.call("GET", "/audit", key=house.key))[0] == 401
    for query in ("limit=0", "limit=501", "before=0", f"before={2**63}"):
        assert (await house.call("GET", f"/audit?{query}"))[0] == 400
    for name in ("%00", "%FF", "%ED%A0%80", "x" * 255):
        assert (await house.call("GET", f"/audit?instance={name}"))[0] in (200, 400)


async def test_odd_names_are_cut_and_kept(house: House):
    for name in ("x" * 3000, "%F0%9F%8D%9E", "%FF", "a%0Ab"):
        await house.call("DELETE", f"/instance/delete/{name}")
    names = [row["instance"] for row in (await log(house))[:4]]
    assert len(names[-1]) == 255
    assert names[-2] == "🍞"


async def test_what_ponte_does_by_itself_is_told_too(house: House):
    await house.service.audit.system("trial.end", NAME)
    row = (await log(house))[0]
    assert (row["actor"], row["action"], row["address"]) == ("ponte", "trial.end", None)


async def test_a_row_that_cannot_be_written_changes_no_answer(house: House, monkeypatch):
    def broken(*_args: Any, **_more: Any) -> None:
        raise Unavailable("The database cannot be written: disk full.", code="store.write")

    monkeypatch.setattr(audit, "add", broken)
    assert (await house.call("POST", f"/instance/keys/{NAME}"))[0] == 201
