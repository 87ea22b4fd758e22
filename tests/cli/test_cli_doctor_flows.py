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
    await house.ok("POST", f"/typebot/create/{NAME}", json=order)


async def test_a_viewer_that_answers_is_well_and_nothing_is_started_there(house, config, viewer):
    await add(house, viewer.url)
    host = viewer.url.removeprefix("http://")
    assert await told(config) == [f"ok: the viewer at {host} answers"]
    assert viewer.sessions == {}
    files = await told(config, "files for flows")
    assert [one.partition(":")[0] for one in files] == ["warning"]
    assert "only a Typebot on this machine" in files[0]


async def test_without_a_flow_that_may_run_nobody_is_asked(house, config, viewer):
    await add(house, viewer.url, enabled=False)
    assert await told(config) == []
    assert await told(config, "files for flows") == []
    assert viewer.calls == []


async def test_each_viewer_is_asked_once(house, config, viewer):
    await add(house, viewer.url)
    await add(house, viewer.url, "outro")
    assert len(await told(config)) == 1


async def test_a_viewer_that_is_down_is_a_failure(house, config):
    await add(house, "http://127.0.0.1:9")
    (found,) = await told(config)
    assert found.startswith("failure: ")
    assert " at 127.0.0.1:9: " in found
    assert "Is 127.0.0.1:9 the address of Typebot's viewer?" in found


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
    assert "answers, but not as a viewer: it has no startChat" in found


@pytest.mark.parametrize(
    ("path", "typebot", "wrong"),
    [
        ("/atendimento", "atendimento", "the URL of flow 'atendimento' ends in /atendimento"),
        ("/api/v1", "atendimento", "the URL of flow 'atendimento' ends in /api/v1"),
        ("/typebots", "atendimento", "looks like the builder of Typebot"),
        ("", "https://x.co/atendimento", "the flow is written 'https://x.co/atendimento'"),
    ],
)
async def test_how_flows_are_written_down_wrongly(  # noqa: PLR0917
    house, config, viewer, path, typebot, wrong
):
    await add(house, viewer.url + path, typebot)
    assert any(wrong in one for one in await told(config))


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
