"""Who may call what: every route of the running service, with every kind of key.

The routes come from the application itself, so that none can be forgotten.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.http.routing import ID, INSTANCE, PREFIX, TOKEN, Access, Route, routes_of
from support.bridge_house import KEY, House, bridge_house

PARTNER_TOKEN = "the-partner-token-of-the-tests"
WRONG = "no-key-of-anybody"
#: In everything that another instance has and nobody else may see.
SECRET = "segredo-da-vitima"

CALLERS = ("global", "own", "foreign", "nobody", "wrong", "partner")
#: Whom each kind of route lets in. An instance's key is good on routes without a name, too: it
#: sees its own rows there (`test_a_key_reaches_no_other_instance`).
ADMITTED = {
    Access.GLOBAL_KEY: {"global"},
    Access.INSTANCE_KEY: {"global", "own"},
    Access.PARTNER: {"partner"},
    Access.PATH_TOKEN: {"own"},
}
#: What a route may want in a path beside the instance; whatever else is in a path is "1".
PARTS = {"phone": "5511987650001"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """An instance as its creator knows it."""

    id: str
    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Scene:
    house: House
    routes: tuple[Route, ...]
    other: Made
    numbers: Iterator[int]

    async def make(self) -> Made:
        return await make(self.house, f"loja-{next(self.numbers)}")


async def make(house: House, name: str, **more: Any) -> Made:
    """An instance that is stored and connects to nothing."""
    order = {"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": False}
    made = await house.ok("POST", "/instance/create", json=order | more)
    key = made["hash"] if isinstance(made["hash"], str) else made["hash"]["apikey"]
    return Made(id=made["instance"]["instanceId"], name=name, key=key)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    options: dict[str, dict[str, Any]] = {
        "auth": {"failures_per_minute": 0},
        "z_api": {"partner_token": PARTNER_TOKEN},
        "api": {"qr_wait_seconds": 0.05, "probe_seconds": 0.5},
    }
    async with bridge_house(tmp_path, provisioned=False, options=options) as house:
        other = await make(
            house,
            "vitima",
            msgCall=SECRET,
            webhook={"url": f"https://example.com/{SECRET}", "enabled": True},
        )
        yield Scene(
            house=house,
            routes=routes_of(house.service.app),
            other=other,
            numbers=itertools.count(1),
        )


def address(route: Route, here: Made, *, token: str | None = None) -> str:
    path = route.template
    known = {INSTANCE: here.name, ID: here.id, TOKEN: here.key if token is None else token}
    if TOKEN not in route.parameters:
        known[ID] = "1"  # a dead letter's, say
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", known.get(name) or PARTS.get(name, "1"))
    return path


async def ask(
    scene: Scene, route: Route, who: str, here: Made, *, prefix: str = "", **more: Any
) -> tuple[int, Any]:
    key = {
        "global": KEY,
        "own": here.key,
        "foreign": scene.other.key,
        "nobody": None,
        "wrong": WRONG,
        "partner": PARTNER_TOKEN,
    }[who]
    if route.access is Access.PATH_TOKEN:
        path, headers = address(route, here, token=key or "none"), {}
    elif key is None:
        path, headers = address(route, here), {}
    elif who == "partner" or route.access is Access.PARTNER:
        path, headers = address(route, here), {"Authorization": f"Bearer {key}"}
    else:
        path, headers = address(route, here), {"apikey": key}
    return await scene.house.call(
        route.method, prefix + path, key=None, headers=headers | more.pop("headers", {}), **more
    )


def may(route: Route, who: str) -> bool:
    if route.access is Access.INSTANCE_KEY and INSTANCE not in route.parameters:
        return who in {"global", "own", "foreign"}
    return who in ADMITTED[route.access]


def keyed(scene: Scene) -> list[Route]:
    return [route for route in scene.routes if route.access.needs_key]


async def stored(house: House, made: Made | None = None) -> dict[str, list[Any]]:
    """All rows, or those that name an instance; the audit log and chores are nobody's."""
    names = await house.rows("SELECT name FROM sqlite_master WHERE type='table'")
    found = {}
    for table in {row["name"] for row in names} - {"audit", "tally", "fact", "sqlite_sequence"}:
        rows = await house.rows(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608  (ours)
        found[table] = [
            row for row in rows if made is None or {made.id, made.name} & {*map(str, row.values())}
        ]
    return found


def test_the_table_speaks_of_every_kind_of_access():
    assert ADMITTED.keys() == {access for access in Access if access.needs_key}


async def test_nobody_gets_in_who_may_not_and_nothing_is_changed_by_trying(scene: Scene):
    here = await scene.make()
    before = await stored(scene.house)
    let_in = []
    for route, who in itertools.product(keyed(scene), CALLERS):
        if may(route, who):
            continue
        for prefix in ("", PREFIX):
            status, body = await ask(scene, route, who, here, prefix=prefix)
            if status != 401 or body["response"]["code"] != "request.unauthorized":
                let_in.append((route.method, prefix + route.template, who, status))

    assert let_in == []
    assert await stored(scene.house) == before


async def test_everybody_gets_in_who_may(scene: Scene):
    shut_out = []
    for route, who in itertools.product(keyed(scene), CALLERS):
        if not may(route, who):
            continue
        here = await scene.make()  # a new one each time: some routes delete it
        status, body = await ask(scene, route, who, here)
        unknown = isinstance(body, dict) and "route." in str(body.get("response"))
        if status in (401, 429, 500) or unknown:
            shut_out.append((route.method, route.template, who, status, body))

    assert shut_out == []


async def test_a_key_makes_no_difference_where_none_is_wanted(scene: Scene):
    here = await scene.make()
    for route in scene.routes:
        if not route.access.needs_key:
            statuses = {(await ask(scene, route, who, here))[0] for who in CALLERS}
            assert len(statuses) == 1, route.path
            assert 429 not in statuses


async def test_the_key_is_looked_at_before_anything_else(scene: Scene):
    """Before the name (404), the body (400, 413) and its type (415): all of them look the same."""
    nowhere = Made(id="0", name="nobody-of-this-name", key=WRONG)
    here = await scene.make()
    answers: dict[tuple[str, str], set[str]] = {}
    for route, who in itertools.product(keyed(scene), ("foreign", "wrong", "nobody")):
        if may(route, who):
            continue
        tries: list[tuple[Made, dict[str, Any]]] = [
            (here, {}),
            (nowhere, {}),
            (here, {"data": b"{not json", "headers": {"Content-Type": "application/json"}}),
            (here, {"data": b"<a/>", "headers": {"Content-Type": "text/xml"}}),
            (nowhere, {"json": {"instanceName": here.name, "apikey": KEY}}),
        ]
        for where, more in tries:
            status, body = await ask(scene, route, who, where, **more)
            answers.setdefault((route.method, route.template), set()).add(f"{status} {body}")

    different = {route: found for route, found in answers.items() if len(found) > 1}
    assert different == {}


async def test_only_the_global_key_learns_that_an_instance_does_not_exist(scene: Scene):
    """And nothing works on thin air; a body that does not fit may be told of first."""
    nowhere = Made(id="0", name="nobody-of-this-name", key=scene.other.key)
    wrong = []
    for route in keyed(scene):
        if route.access is Access.INSTANCE_KEY and INSTANCE in route.parameters:
            own, _ = await ask(scene, route, "own", nowhere, json=everything(scene.other))
            status, body = await ask(scene, route, "global", nowhere, json=everything(scene.other))
            fine = (404,) if route.request is None else (404, 400)
            if own != 401 or status not in fine:
                wrong.append((route.method, route.template, own, status, body))

    assert wrong == []


NAMES = ("instanceName", "instance_name", "instance", "name", "session", "sessionName")
IDS = ("instanceId", "instance_id", "id")


def everything(victim: Made) -> dict[str, Any]:
    """A body that many routes take, and that names another instance in each known way."""
    return (
        dict.fromkeys(NAMES, victim.name)
        | dict.fromkeys(IDS, victim.id)
        | {
            "enabled": True,
            "url": "https://example.com/taken-over",
            "events": ["CONNECTION_UPDATE"],
            "webhook": {"enabled": True, "url": "https://example.com/taken-over"},
            "rejectCall": True,
            "msgCall": "taken over",
            "groupsIgnore": True,
            "alwaysOnline": True,
            "readMessages": True,
            "readStatus": True,
            "syncFullHistory": True,
            "presence": "available",
            "typebot": "taken-over",
            "triggerType": "all",
            "value": "https://example.com/taken-over",
            "phone": "5511987650001",
            "message": "taken over",
        }
    )


async def test_a_key_reaches_no_other_instance(scene: Scene):
    """The path decides: neither query nor body can name somebody else."""
    victim = scene.other
    before = await stored(scene.house, victim)
    query = dict.fromkeys(NAMES, victim.name) | dict.fromkeys(IDS, victim.id)
    done, told = [], []
    for route in keyed(scene):
        if not may(route, "own"):
            continue
        for more in ({"params": query}, {"params": {"instanceName": victim.name}}, {}):
            here = await scene.make()
            body = {} if route.method == "GET" else {"json": everything(victim)}
            status, answer = await ask(scene, route, "own", here, **more, **body)
            if status < 300:
                done.append(route.audit)
            if SECRET in str(answer) or victim.key in str(answer):
                told.append((route.method, route.template, answer))

    assert told == []
    assert await stored(scene.house, victim) == before
    assert {"instance.delete", "key.add"} <= {*done}  # it was no empty exercise
    assert SECRET in str(await scene.house.ok("GET", "/instance/fetchInstances"))
