"""What a flow wants from us while it runs: requests, files, sounds, an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bridge.core.handoff import Phase
from bridge.sim.graph import File
from support.bridge_house import MARINA
from support.flow_house import ask, flow, flow_house, text

PICTURE = File(kind="image", data=b"\xff\xd8\xff\xe0" + b"0" * 64, mime="image/jpeg")
VOICE = File(kind="audio", data=b"OggS" + b"0" * 64, mime="audio/ogg; codecs=opus")


def request(url: str, **more: Any) -> dict[str, Any]:
    mapping = [
        {"bodyPath": "statusCode", "variableId": "v_answer"},
        {"bodyPath": "data.color", "variableId": "v_color"},
    ]
    options = {
        "url": url,
        "isExecutedOnClient": True,
        "responseVariableMapping": mapping,
        **more,
    }
    return {"id": "http1", "type": "http request", "options": options}


def sent(bot: Any) -> Any:
    """What the flow was answered with."""
    return orjson.loads(bot.calls()[0].text)


class Server:
    """Somebody's server, which a flow calls."""

    def __init__(self, answer: web.Response) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def __aenter__(self) -> str:
        async def handle(request_: web.Request) -> web.Response:
            body = await request_.read()
            self.requests.append((request_.method, dict(request_.headers), body))
            return self.answer

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/x"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_a_request_of_the_flow_is_made_and_its_result_told(tmp_path: Path) -> None:
    server = Server(web.json_response({"color": "azul"}, status=201))
    async with server as url:
        calls = request(url, method="POST", body='{"a":1}')
        one = flow("http", calls, text("{{answer}} {{color}}"), ask())
        async with flow_house(tmp_path, one) as bot:
            await bot.says("oi")
            assert sent(bot) == {"statusCode": 201, "data": {"color": "azul"}}
            assert bot.heard == ["201 azul"]
            ((method, _, body),) = server.requests
            assert (method, body) == ("POST", b'{"a":1}')


async def test_what_is_no_json_is_told_as_a_text(tmp_path: Path) -> None:
    async with Server(web.Response(text="não", status=500)) as url:  # noqa: SIM117  the flow needs the address
        async with flow_house(tmp_path, flow("http", request(url), text("ok"), ask())) as bot:
            await bot.says("oi")
            assert sent(bot) == {"statusCode": 500, "data": "não"}
            assert bot.heard == ["ok"]


@pytest.mark.parametrize(
    ("url", "options", "status"),
    [
        pytest.param("http://127.0.0.1:9/x", {}, 502, id="nobody listens"),
        pytest.param("http://10.0.0.1/x", {}, 403, id="a private address"),
        pytest.param("http://127.0.0.1:9/x", {"client_http": False}, 403, id="switched off"),
    ],
)
async def test_a_request_that_is_not_made_lets_the_flow_go_on(
    tmp_path: Path, url: str, options: dict[str, Any], status: int
) -> None:
    one = flow("http", request(url), text("{{answer}}"), ask())
    async with flow_house(tmp_path, one, options={"typebot": options}) as bot:
        await bot.says("oi")
        assert sent(bot)["statusCode"] == status
        assert bot.heard == [str(status)]


async def test_an_answer_that_is_too_long_lets_the_flow_go_on(tmp_path: Path) -> None:
    async with Server(web.Response(body=b"x" * (2 * 1024 * 1024))) as url:  # noqa: SIM117  the flow needs the address
        async with flow_house(tmp_path, flow("http", request(url), text("ok"), ask())) as bot:
            await bot.says("oi")
            assert sent(bot)["statusCode"] == 502
            assert bot.heard == ["ok"]


async def test_a_file_is_an_address_in_the_storage_of_typebot(tmp_path: Path) -> None:
    files = flow("f", text("Envie"), ask("file"), text("{{answer}}"), ask("text", "color"))
    async with flow_house(tmp_path, files) as bot:
        await bot.says("oi")
        await bot.says(None, file=PICTURE)
        assert bot.asked[0] is not None
        assert bot.asked[0].startswith(bot.typebot.url)
        assert bot.asked[0].endswith((".jpg", ".jpeg"))
        assert len(bot.typebot.calls_of("upload")) == 1
        assert bot.heard[-1] == bot.asked[0]


async def test_without_a_storage_we_lend_the_file(tmp_path: Path) -> None:
    files = flow("f", text("Envie"), ask("file"), text("ok"), ask("text", "color"))
    async with flow_house(tmp_path, files) as bot:
        bot.typebot.uploads.s3 = False
        await bot.says("oi")
        await bot.says(None, file=PICTURE)
        assert bot.asked[0] is not None
        assert bot.asked[0].startswith(f"{bot.house.url}/media/")
        async with bot.house.http.get(bot.asked[0]) as answer:
            assert await answer.read() == PICTURE.data


async def test_a_voice_note_is_a_sound_to_an_input_of_text(tmp_path: Path) -> None:
    asks = flow("f", text("Diga"), ask("text", audioClip={"isEnabled": True}), text("ok"), ask())
    async with flow_house(tmp_path, asks) as bot:
        await bot.says("oi")
        await bot.says(None, file=VOICE)
        message = bot.calls()[0].body["message"]
        assert message["type"] == "audio"
        assert message["url"].startswith("http")
        assert bot.heard == ["Diga", "ok"]


async def test_a_picture_goes_along_with_its_caption_where_it_is_wanted(tmp_path: Path) -> None:
    takes = {"attachments": {"isEnabled": True}}
    asks = flow("f", text("Diga"), ask("text", **takes), text("{{answer}}"), ask())
    async with flow_house(tmp_path, asks) as bot:
        await bot.says("oi")
        await bot.says(None, file=PICTURE, caption="o defeito")
        message = bot.calls()[0].body["message"]
        assert message["text"] == "o defeito"
        assert len(message["attachedFileUrls"]) == 1


async def test_files_of_a_burst_are_one_answer(tmp_path: Path) -> None:
    files = flow("f", text("Envie"), ask("file", isMultipleAllowed=True), text("ok"), ask())
    options = {"typebot": {"burst_seconds": 300}}
    async with flow_house(tmp_path, files, bot={"debounceTime": 60}, options=options) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.later(61)
        await bot.house.graph.customer_writes(MARINA, file=PICTURE)
        await bot.house.graph.customer_writes(MARINA, file=PICTURE)
        await bot.later(61)
        (said,) = bot.asked
        assert said is not None
        assert len(said.split(", ")) == 2


async def test_a_chatwoot_block_hands_over_at_once(tmp_path: Path) -> None:
    block = {"id": "cw", "type": "chatwoot", "options": {"baseUrl": "https://c", "task": "Open"}}
    hands = flow("h", text("Vou chamar alguém"), block, ask("text"))
    async with flow_house(tmp_path, hands) as bot:
        await bot.says("oi")
        talk = await bot.talk()
        assert talk.state.phase is Phase.PAUSED
        assert not talk.state.has_session
        await bot.says("alô?")
        assert bot.asked == []
        assert bot.heard == ["Vou chamar alguém"]


async def test_what_happened_can_be_read_of_the_turns_job(tmp_path: Path) -> None:
    one = flow("menu", text("Olá!"), ask("text"), text("Oi, {{answer}}!"), ask("text", "color"))
    async with flow_house(tmp_path, one) as bot:
        await bot.says("oi")
        id_ = await bot.says("Marina")
        (row,) = await bot.house.rows("SELECT trace FROM job WHERE kind='bot_turn' AND ref=?", id_)
        steps = [(step, detail) for _, step, detail in orjson.loads(row["trace"])]
        assert steps == [
            ("asked", "menu, with 1 message"),
            ("answered", "1 bubble, then it waits for an answer"),
        ]
        session = (await bot.talk()).session_id
        traces = await bot.house.rows("SELECT trace FROM job")
        assert session is not None
        assert all(session not in one["trace"] for one in traces)


async def test_agents_are_told_in_one_note_what_cannot_be_shown_and_the_flow_goes_on(
    tmp_path: Path,
) -> None:
    nowhere = {"id": "m1", "type": "image", "content": {"url": "ftp://example.com/*a*.png"}}
    strange = {"id": "m2", "type": "audio", "content": {"url": "aqui"}}
    async with flow_house(tmp_path, flow("falta", text("um"), nowhere, strange, ask())) as bot:
        await bot.says("oi")
        assert bot.heard == ["um"]
        assert (await bot.talk()).state.phase is Phase.WAITING
        (note,) = bot.notes
        assert "ftp://example.com/" in note
        assert note.count("\n- ") == 2
