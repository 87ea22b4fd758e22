"""Schemathesis against the live service: what `/openapi.json` says is what is answered.

Each operation gets generated requests, right ones and wrong ones, the same in every run. Whatever
is answered must be declared for it: status, content type, schema; 500 is declared nowhere. Every
failure has a code of the catalogue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from bridge.errors.catalogue import CODES
from bridge.net.guard import Guard
from support.bridge_house import KEY, NAME, House, bridge_house
from support.qr_channel import QrPhones

#: One test for each, so that they can run side by side.
TAGS = (
    "Chatwoot",
    "Connection",
    "Events",
    "Instances",
    "Keys",
    "Merging",
    "Operations",
    "Settings",
    "Typebot",
    "Webhooks",
    "Z-API",
)
#: For each operation. Half of them are right by the document, half are not.
REQUESTS = 24
TIMEOUT = 20
CHECKED = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
PARTNER_TOKEN = "the-partner-token-of-the-tests"
HEADERS = {"apikey": KEY, "Authorization": f"Bearer {PARTNER_TOKEN}"}
OPTIONS = {
    "auth": {"api_key": KEY, "failures_per_minute": 0},
    "api": {"probe_seconds": 2, "qr_wait_seconds": 0.2},
    "z_api": {"partner_token": PARTNER_TOKEN},
}

load_all_checks()


async def _knows_no_name(*_args: object, **_more: object) -> list[Any]:
    raise OSError("no name is looked up in this test")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts are generated too: they are not looked up, and only this machine may be called."""
    monkeypatch.setattr("bridge.net.guard.ThreadedResolver.resolve", _knows_no_name)
    monkeypatch.setattr(Guard, "trusts", lambda _self, _host: False)
    monkeypatch.setattr(Guard, "allows", lambda _self, address, **_host: address.is_loopback)


class Stock:
    """What generated paths may name. It is there again for each operation, whatever came before."""

    def __init__(self, house: House, phones: QrPhones) -> None:
        self._house = house
        self._phones = phones
        self.cloud: dict[str, str] = {}
        #: Made on demand; one waits for its code to be scanned, one is paired.
        self.waiting: dict[str, str] = {}
        self.paired: dict[str, str] = {}

    @property
    def shelves(self) -> Sequence[Mapping[str, str]]:
        return self.cloud, self.waiting, self.paired

    async def fill(self) -> None:
        if not self._has(self.cloud):
            self.cloud = await self._cloud()
        if not self._has(self.waiting):
            self.waiting = await self._on_demand()
        if not self._has(self.paired):
            self.paired = await self._on_demand()
            self._phones[self.paired["instance"]].paired = True
        flow = await self._house.call(
            "POST",
            f"/typebot/create/{NAME}",
            json={"url": self._house.chat_url, "typebot": "flow", "triggerType": "all"},
        )
        self.cloud["typebot_id"] = flow[1].get("id") or self.cloud["typebot_id"]

    def _has(self, names: Mapping[str, str]) -> bool:
        return bool(names) and self._house.service.directory.by_key(names["token"]) is not None

    async def _cloud(self) -> dict[str, str]:
        await self._house.call("DELETE", f"/instance/delete/{NAME}")
        made = await self._house.ok(
            "POST",
            "/instance/create",
            json=self._house.order(),
            headers={"X-Api-Dialect": "v2"},
        )
        return {
            "instance": NAME,
            "id": made["instance"]["instanceId"],
            "token": made["hash"],
            "phone": "5511987650003",
        }

    async def _on_demand(self) -> dict[str, str]:
        made = await self._house.ok(
            "POST", "/instances/integrator/on-demand", headers=HEADERS, json={"name": "loja"}
        )
        return {
            "instance": made["id"],
            "id": made["id"],
            "token": made["token"],
            "phone": "5511987650003",
        }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("tag", TAGS)
async def test_answers_are_as_declared(tag: str, tmp_path: Path) -> None:
    phones = QrPhones()
    async with bridge_house(
        tmp_path, provisioned=False, channels=phones.kinds, options=OPTIONS
    ) as house:
        told = await house.ok("GET", "/openapi.json")
        stock = Stock(house, phones)
        for operation in operations(told, tag):
            await stock.fill()
            await asyncio.to_thread(probing(operation, house, stock.shelves))


async def test_every_operation_is_asked(empty_house: House) -> None:
    told = await empty_house.ok("GET", "/openapi.json")
    assert {tag for described in _described(told) for tag in described[2]["tags"]} == {*TAGS}


async def test_no_operation_that_wants_a_key_is_open(empty_house: House) -> None:
    told = await empty_house.ok("GET", "/openapi.json")
    asked = 0
    for method, path, operation in _described(told):
        if operation["security"]:
            shown = path.format_map(dict.fromkeys(_names(operation), "loja"))
            status, answer = await empty_house.call(method, shown, key=None, json={})
            assert (status, answer["response"]["code"]) == (401, "request.unauthorized"), path
            asked += 1
    assert asked > 50


def operations(told: Mapping[str, Any], tag: str) -> list[Any]:
    schema = schemathesis.openapi.from_dict(dict(told)).include(tag=tag)
    return [found.ok() for found in schema.get_all_operations()]


def probing(
    operation: Any, house: House, shelves: Sequence[Mapping[str, str]]
) -> Callable[[], None]:
    """Send the requests of one operation. It blocks: to be run in a thread."""
    checks = [CHECKS.get_one(name) for name in CHECKED]
    bases = [house.url]
    if "servers" not in operation.definition.raw:  # served at all addresses of the document
        bases.append(f"{house.url}/whatsapp")

    @settings(
        max_examples=REQUESTS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        ),
        # The last one: as generated, which hits nothing that there is.
        known=st.sampled_from((*shelves, None)),
        base=st.sampled_from(bases),
    )
    def probe(case: Case, known: Mapping[str, str] | None, base: str) -> None:
        if known is not None:
            for name in known.keys() & case.path_parameters.keys():
                case.path_parameters[name] = known[name]
            case.body = aimed(case.body, house.chat_url)
        answer = case.call(base_url=base, headers=HEADERS, timeout=TIMEOUT)
        case.validate_response(answer, checks=checks)
        if answer.status_code >= 400:
            told = CODES[answer.json()["response"]["code"]]
            assert str(answer.status_code) in told.status, told.code

    return probe


def aimed(value: Any, url: str) -> Any:
    """The same body, with the address of a program that answers wherever it holds an address."""
    if isinstance(value, list):
        return [aimed(inner, url) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: url if isinstance(inner, str) and name.lower().endswith("url") else aimed(inner, url)
        for name, inner in value.items()
    }


def _described(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _names(operation: Mapping[str, Any]) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
