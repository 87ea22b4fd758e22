"""What `ponte doctor` says of the flows of an instance, and of the files that they fetch."""

from __future__ import annotations

import pytest
from aiohttp import web

from bridge.cli.doctor.finding import State
from bridge.cli.doctor.flows import file_findings
from bridge.settings import Settings
from bridge.sim.typebot import TypebotSim
from support.bridge_house import NAME
from support.command_line import ask

FLOW = {"public_id": "atendimento", "groups": [{"id": "g", "blocks": []}]}


@pytest.fixture
async def viewer():
    async with TypebotSim() as sim:
        sim.put_said(FLOW)
        yield sim


async def told(config, what="Typebot"):
    said = await ask("doctor", "-c", config, "--json")
    return [
        f"{one['state']}: {one['text']} {one['advice'] or ''}".strip()
        for one in said.json
        if one["what"] == what
    ]


async def add(house, url, typebot="atendimento", **more):
    order = {"enabled": True, "url": url, "typebot": typebot, "triggerType": "none"} | more
    return await house.ok("POST", f"/typebot/create/{NAME}", json=order)


async def test_a_flow_is_asked_for_and_nothing_of_it_is_started(house, config, viewer):
    await add(house, viewer.url)
    host = viewer.url.removeprefix("http://")
    assert await told(config) == [f"ok: flow 'atendimento' at {host} is published and open"]
    assert [call.body for call in viewer.calls] == [{"isOnlyRegistering": True}]
    assert [(one.block, one.answers) for one in viewer.sessions.values()] == [(None, 0)]
    files = await told(config, "files for flows")
    assert [one.partition(":")[0] for one in files] == ["warning"]
    assert "only a Typebot on this machine" in files[0]


async def test_without_a_flow_that_may_run_nobody_is_asked(house, config, viewer):
    await add(house, viewer.url, enabled=False)
    assert await told(config) == []
    assert await told(config, "files for flows") == []
    assert viewer.calls == []


async def test_each_flow_is_asked_for_once(house, config, viewer):
    keyword = {"triggerType": "keyword", "triggerOperator": "equals"}
    await add(house, viewer.url, **keyword, triggerValue="oi")
    await add(house, viewer.url, **keyword, triggerValue="olá")
    await add(house, viewer.url, "outro")
    fine, unknown = await told(config)
    assert fine.startswith("ok: flow 'atendimento' at ")
    assert unknown.startswith("failure: flow 'outro' at ")
    assert "Typebot has no published flow of this name. Publish it;" in unknown


async def test_a_closed_flow_is_a_failure(house, config, viewer):
    viewer.put_said(FLOW | {"public_id": "fechado", "closed": True})
    await add(house, viewer.url, "fechado")
    (found,) = await told(config)
    assert found.startswith("failure: flow 'fechado' at ")
    assert found.endswith("The flow is closed. Open it again in Typebot's builder.")


async def test_a_viewer_that_is_down_is_asked_once(house, config):
    await add(house, "http://127.0.0.1:9")
    await add(house, "http://127.0.0.1:9", "outro")
    assert len(await told(config)) == 1


async def test_a_viewer_that_is_down_is_a_failure(house, config):
    await add(house, "http://127.0.0.1:9")
    (found,) = await told(config)
    assert found.startswith("failure: ")
    assert " at 127.0.0.1:9: " in found
    assert "Does Typebot's viewer run, and is 127.0.0.1:9 its address?" in found


@pytest.fixture
async def builder():
    """It is well, and has no chat for visitors: what the router of a builder answers."""
    app = web.Application()

    async def well(_request):
        return web.json_response({"status": "ok"})

    async def nothing(_request):
        return web.Response(status=404, text="Not found")

    app.router.add_get("/api/healthz", well)
    app.router.add_route("*", "/{rest:.*}", nothing)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_builder_in_the_place_of_a_viewer_is_found(house, config, builder):
    await add(house, builder)
    (found,) = await told(config)
    assert found.startswith("failure: ")
    assert "The server has no chat API at this address." in found
    assert "The URL must be the address of Typebot's viewer, not of its builder." in found


async def test_what_looks_like_a_builder_is_said_to(house, config, viewer):
    made = await add(house, viewer.url + "/typebots")
    first, second = await told(config)
    assert first.startswith("warning: ")
    assert "looks like the builder of Typebot" in first
    assert f"PUT /typebot/update/{made['id']}/{NAME}" in first
    assert second.startswith("failure: ")


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://ponte.example.com", State.OK),
        ("http://192.0.2.7:8080", State.OK),
        ("http://ponte:8080", State.FAILURE),
        ("http://localhost:8080", State.WARNING),
        (None, State.FAILURE),
    ],
)
def test_where_flows_fetch_files(url, state):
    settings = Settings(server={"public_url": url} if url else {})
    assert [one.state for one in file_findings(settings)] == [state]
