"""The Graph stand-in, met over HTTP as the bridge meets it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from bridge.sim.graph import File, GraphSim, Number, Route, Template, batch, faults
from bridge.sim.pictures import jpeg, png

SAMPLES = Path(__file__).parents[1] / "contract" / "whatsapp" / "cloud"
SECRET = "an-app-secret"
TOKEN = "an-access-token"
NUMBER = Number()
SECOND = Number(
    phone_number_id="412900007654321",
    waba_id="398877665544999",
    display_phone_number="+55 11 3000-9999",
)
MARINA = "5511987650001"


def sample(name: str) -> Any:
    return orjson.loads((SAMPLES / f"{name}.json").read_bytes())


def shape(value: Any) -> Any:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


@dataclass
class Hook:
    """Our side of the webhook."""

    url: str = ""
    raws: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hold: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    token: str = "sim-verify-token"

    @property
    def payloads(self) -> list[Any]:
        return [orjson.loads(raw) for raw in self.raws]

    @property
    def values(self) -> list[Any]:
        return [c["value"] for p in self.payloads for e in p["entry"] for c in e["changes"]]

    @property
    def statuses(self) -> list[Any]:
        return [status for value in self.values for status in value.get("statuses", [])]

    async def receive(self, request: web.Request) -> web.Response:
        self.raws.append(await request.read())
        self.reached.set()
        self.signatures.append(request.headers["X-Hub-Signature-256"])
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def challenge(self, request: web.Request) -> web.Response:
        if request.query.get("hub.verify_token") != self.token:
            return web.Response(status=403)
        assert request.query["hub.mode"] == "subscribe"
        return web.Response(text=request.query["hub.challenge"])


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.receive)
    app.router.add_get("/hook", hook.challenge)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


@dataclass
class Clock:
    now: float = 1_795_190_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sim(hook: Hook, clock: Clock) -> AsyncIterator[GraphSim]:
    sim = GraphSim(
        app_secret=SECRET,
        access_token=TOKEN,
        webhook_url=hook.url,
        numbers=(NUMBER, SECOND),
        redelivery=(0.01, 0.01, 0.01),
        clock=clock,
    )
    async with sim.serving():
        yield sim


@pytest.fixture
async def session(sim: GraphSim) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(sim.base_url, headers=headers) as session:
        yield session


def text(body: str = "olá", to: str = MARINA, **more: Any) -> dict[str, Any]:
    content = {"type": "text", "text": {"body": body}}
    return {"messaging_product": "whatsapp", "to": to, **content, **more}


async def send(
    session: aiohttp.ClientSession, body: Any, number: str = NUMBER.phone_number_id
) -> tuple[int, Any]:
    async with session.post(f"/v26.0/{number}/messages", json=body) as answer:
        return answer.status, await answer.json()


async def upload(session: aiohttp.ClientSession, data: bytes, mime: str) -> tuple[int, Any]:
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("type", mime)
    form.add_field("file", io.BytesIO(data), filename="foto", content_type=mime)
    path = f"/v26.0/{NUMBER.phone_number_id}/media"
    async with session.post(path, data=form) as answer:
        return answer.status, await answer.json()


async def get(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with session.get(path) as answer:
        return answer.status, await answer.json()


# ---------------------------------------------------------------------- sending


async def test_an_accepted_send_has_the_shape_of_the_sample(sim, session):
    sim.known_as["5585988880002"] = "558588880002"
    status, answer = await send(session, text(to="5585988880002"))
    assert status == 200
    assert shape(answer) == shape(sample("api_send_response"))
    assert answer["contacts"][0]["input"] == "5585988880002"
    assert answer["contacts"][0]["wa_id"] == "558588880002"
    assert base64.b64decode(answer["messages"][0]["id"].removeprefix("wamid."))


async def test_a_send_to_a_bsuid_has_the_shape_of_the_sample(sim, session):
    body = text() | {"recipient": "BR.29817364500000000077"}
    del body["to"]
    _, answer = await send(session, body)
    assert shape(answer) == shape(sample("api_send_response_bsuid"))
    assert answer["contacts"][0]["user_id"] == "BR.29817364500000000077"


async def test_accepted_messages_are_kept_in_order_with_their_arrival(sim, session):
    began = time.monotonic()
    _, first = await send(session, text("um", biz_opaque_callback_data="chave-1"))
    await send(session, text("dois"), number=SECOND.phone_number_id)
    assert [m.text for m in sim.sent] == ["um", "dois"]
    assert sim.sent[0].callback_data == "chave-1"
    assert sim.sent[0].wamid == first["messages"][0]["id"]
    assert sim.sent[1].phone_number_id == SECOND.phone_number_id
    assert began <= sim.sent[0].at <= sim.sent[1].at <= time.monotonic()
    assert sim.requests[Route.MESSAGES] == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param([], 100, id="no object"),
        pytest.param({"to": MARINA}, 100, id="no messaging_product"),
        pytest.param({"messaging_product": "whatsapp"}, 100, id="no recipient"),
        pytest.param(text(to="maria"), 131009, id="recipient is no number"),
        pytest.param(text(to="٥٥١١٩٨٧٦٥"), 131009, id="digits of another script"),
        pytest.param(text(to=NUMBER.digits), 131021, id="to itself"),
        pytest.param(text(to=7), 100, id="recipient of a wrong type"),
        pytest.param(text(text=None), 131008, id="no text"),
        pytest.param(text(text={"body": ""}), 131008, id="empty text"),
        pytest.param(text("x" * 4097), 100, id="text too long"),
        pytest.param(text(type=["text"]), 100, id="type of a wrong type"),
        pytest.param(text(type="poll", poll={"a": 1}), 100, id="unknown type"),
        pytest.param(text(context={"id": "wamid.A"}), 100, id="context without message_id"),
        pytest.param(text(biz_opaque_callback_data="k" * 513), 100, id="key too long"),
        pytest.param(text(type="image", image={"id": "123"}), 100, id="unknown media id"),
        pytest.param(text(type="image", image={"id": []}), 100, id="media id of a wrong type"),
        pytest.param(text(type="image", image={"caption": "x"}), 131008, id="neither id nor link"),
        pytest.param(text(type="video", video={"link": "ftp://x/y"}), 100, id="link is no URL"),
        pytest.param(
            text(type="audio", audio={"link": "https://x/y", "caption": "z"}), 100, id="caption"
        ),
        pytest.param(text(type="template", template={"name": "oi"}), 131008, id="no language"),
        pytest.param(text(type="contacts", contacts={"name": "x"}), 131008, id="contacts no list"),
        pytest.param(
            {"messaging_product": "whatsapp", "status": "read", "message_id": "x"},
            131009,
            id="read mark of no message",
        ),
    ],
)
async def test_a_wrong_send_is_refused_in_metas_shape(sim, session, body, code):
    status, answer = await send(session, body)
    assert status == 400
    assert answer["error"]["code"] == code
    assert {"message", "type", "code", "fbtrace_id"} <= answer["error"].keys()
    assert answer["error"]["message"].startswith(f"(#{code})")
    assert sim.sent == []


async def test_the_longest_text_and_other_kinds_are_accepted(sim, session):
    template = {"name": "aviso", "language": {"code": "pt_BR"}}
    sim.templates.put(NUMBER.waba_id, Template(name="aviso"))
    for body in (
        text("😕" * 4096),
        text(type="template", template=template),
        text(type="document", document={"link": "https://files.example/a.pdf"}),
        text(type="contacts", contacts=[{"name": {"formatted_name": "A", "first_name": "A"}}]),
        text(to="+55 (11) 98765-0001"),
        text(recipient_type="group", to="Y2FwaV9ncm91cDox"),
    ):
        assert (await send(session, body))[0] == 200
    assert len(sim.sent) == 6
    assert sim.sent[4].to == MARINA


async def test_broken_json_is_refused(session):
    path = f"/v26.0/{NUMBER.phone_number_id}/messages"
    async with session.post(path, data=b'{"to":') as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == 100


@pytest.mark.parametrize("header", [None, "Bearer wrong", TOKEN, "Bearer " + TOKEN + "x", "é"])
async def test_a_wrong_token_is_error_190(sim, header):
    async with aiohttp.ClientSession(sim.base_url) as stranger:
        headers = {} if header is None else {"Authorization": header}
        for path in (NUMBER.phone_number_id, "123", NUMBER.waba_id + "/subscribed_apps"):
            async with stranger.get(f"/v26.0/{path}", headers=headers) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == 190


async def test_an_unknown_number_is_no_object(session):
    status, answer = await send(session, text(), number="999")
    assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)


async def test_read_marks_are_noted_and_are_no_messages(sim, session):
    wamid = await sim.customer_writes(MARINA, "oi")
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    assert await send(session, mark) == (200, {"success": True})
    assert sim.reads == [wamid]
    assert sim.sent == []


# ---------------------------------------------------------------------- files


async def test_a_file_goes_up_is_sent_and_comes_down(sim, session):
    status, answer = await upload(session, png(), "image/png")
    assert status == 200
    assert answer.keys() == {"id"}
    body = text(type="image", image={"id": answer["id"], "caption": "foto"})
    assert (await send(session, body))[0] == 200
    assert sim.media[sim.sent[0].media_id].data == png()
    assert sim.sent[0].text == "foto"

    path = f"/v26.0/{answer['id']}?phone_number_id={NUMBER.phone_number_id}"
    _, lookup = await get(session, path)
    assert shape(lookup) == shape(sample("api_media_lookup_response"))
    assert lookup["sha256"] == hashlib.sha256(png()).hexdigest()
    assert lookup["url"].startswith(sim.base_url)
    async with session.get(lookup["url"]) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        assert await answer.read() == png()


async def test_a_files_address_needs_the_token_and_expires(sim, session, clock):
    id_ = sim.add_media(b"voz", "audio/ogg; codecs=opus")
    _, lookup = await get(session, f"/v26.0/{id_}")
    async with aiohttp.ClientSession() as stranger, stranger.get(lookup["url"]) as answer:
        assert answer.status == 401
    async with session.get(lookup["url"] + "0") as answer:
        assert answer.status == 404
    async with session.get(lookup["url"].replace("ext=", "ext=9")) as answer:
        assert answer.status == 404
    clock.now += sim.shelf.lifetime + 1
    async with session.get(lookup["url"]) as answer:
        assert answer.status == 404
    _, again = await get(session, f"/v26.0/{id_}")
    async with session.get(again["url"]) as answer:
        assert await answer.read() == b"voz"


async def test_a_file_of_another_number_is_not_found(sim, session):
    id_ = sim.add_media(b"x", "text/plain")
    path = f"/v26.0/{id_}?phone_number_id={SECOND.phone_number_id}"
    status, answer = await get(session, path)
    assert (status, answer["error"]["code"]) == (400, 100)
    assert (await get(session, "/v26.0/123"))[1]["error"]["error_subcode"] == 33


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        pytest.param(b"x", "application/zip", id="type"),
        pytest.param(b"", "image/png", id="empty"),
        pytest.param(b"x" * (5 * 2**20 + 1), "image/jpeg", id="size"),
    ],
)
async def test_a_file_that_whatsapp_does_not_take_is_refused(sim, session, data, mime):
    status, answer = await upload(session, data, mime)
    assert (status, answer["error"]["code"]) == (400, 100)
    assert not sim.media


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"", "multipart/form-data"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_broken_upload_is_refused(session, body, content_type):
    path = f"/v26.0/{NUMBER.phone_number_id}/media"
    async with session.post(path, data=body, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == 100


async def test_a_picture_of_a_wrong_kind_is_accepted_and_fails_later(sim, session, hook):
    _, answer = await upload(session, b"RIFF", "image/webp")
    await send(session, text(type="image", image={"id": answer["id"]}))
    await sim.settled()
    assert [s["status"] for s in hook.statuses] == ["failed"]
    assert hook.statuses[0]["errors"][0]["code"] == 131053


# ---------------------------------------------------------------------- account


async def test_a_number_tells_its_fields(session):
    fields = "display_phone_number,verified_name,quality_rating,status,throughput"
    path = f"/v26.0/{NUMBER.phone_number_id}"
    _, answer = await get(session, f"{path}?fields={fields}")
    assert answer == {
        "display_phone_number": NUMBER.display_phone_number,
        "verified_name": NUMBER.verified_name,
        "quality_rating": "GREEN",
        "status": "CONNECTED",
        "throughput": {"level": "STANDARD"},
        "id": NUMBER.phone_number_id,
    }
    assert "verified_name" in (await get(session, path))[1]
    assert (await get(session, f"{path}?fields=colour"))[0] == 400


async def test_subscribing_shows_and_a_new_address_is_verified_first(sim, session, hook):
    path = f"/v26.0/{NUMBER.waba_id}/subscribed_apps"
    assert await get(session, path) == (200, {"data": []})
    async with session.post(path) as answer:
        assert await answer.json() == {"success": True}
    sim.webhook_url = None
    hook.token = "ours"
    for token, status in (("wrong", 400), ("ours", 200)):
        body = {"override_callback_uri": hook.url, "verify_token": token}
        async with session.post(path, json=body) as answer:
            assert answer.status == status
    assert sim.webhook_url == hook.url
    _, answer = await get(session, path)
    assert answer["data"][0]["override_callback_uri"] == hook.url
    assert (await get(session, "/v26.0/1/subscribed_apps"))[0] == 400


async def test_the_challenge_succeeds_only_with_the_right_token(sim, hook):
    assert await sim.verify()
    hook.token = "another"
    assert not await sim.verify()
    sim.webhook_url = "http://127.0.0.1:9/hook"
    assert not await sim.verify()


# ---------------------------------------------------------------------- webhooks


async def test_a_customers_picture_has_the_shape_of_the_sample(sim, hook, session):
    await sim.customer_writes(MARINA, image=jpeg(), caption="Chegou assim 😕", name="Marina Alves")
    assert shape(hook.payloads[0]) == shape(sample("msg_image"))
    image = hook.values[0]["messages"][0]["image"]
    assert base64.b64decode(image["sha256"]) == hashlib.sha256(jpeg()).digest()
    async with session.get(image["url"]) as answer:
        assert await answer.read() == jpeg()


async def test_replies_documents_and_nameless_people_have_the_shapes_of_the_samples(sim, hook):
    await sim.customer_writes(MARINA, "Esse mesmo", reply_to="wamid.X", name="Marina Alves")
    await sim.customer_writes(MARINA, "?", name=None)
    pdf = File(kind="document", data=b"%PDF", mime="application/pdf", filename="a.pdf")
    await sim.customer_writes(MARINA, file=pdf, caption="Comprovante", name="Marina Alves")
    names = ("msg_text_reply", "msg_text_no_profile_name", "msg_document")
    assert [shape(p) for p in hook.payloads] == [shape(sample(name)) for name in names]
    assert hook.values[0]["messages"][0]["context"] == {"from": NUMBER.digits, "id": "wamid.X"}


async def test_a_raw_message_and_a_person_without_phone_are_possible(sim, hook):
    raw = {"type": "reaction", "reaction": {"message_id": "wamid.X"}, "id": "wamid.OWN"}
    bsuid = "BR.13491200000000000001"
    assert await sim.customer_writes(None, message=raw, bsuid=bsuid) == "wamid.OWN"
    message = hook.values[0]["messages"][0]
    assert "from" not in message
    assert message["from_user_id"] == bsuid
    assert message["reaction"] == {"message_id": "wamid.X"}
    assert "wa_id" not in hook.values[0]["contacts"][0]
    with pytest.raises(ValueError, match="exactly one"):
        await sim.customer_writes(MARINA, "text", message=raw)


async def test_webhooks_are_signed_over_escaped_bytes(sim, hook):
    await sim.customer_writes(MARINA, "Olá 😕 a/b", name="Ação")
    raw = hook.raws[0]
    expected = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert hook.signatures == [f"sha256={expected}"]
    assert raw.isascii()
    assert b"Ol\\u00e1 \\ud83d\\ude15 a\\/b" in raw
    assert hook.values[0]["messages"][0]["text"]["body"] == "Olá 😕 a/b"


async def test_statuses_follow_by_themselves_with_our_key(sim, session, hook):
    await sim.customer_writes(MARINA, "oi", name="Marina Alves")
    _, answer = await send(session, text(biz_opaque_callback_data="chave-1"))
    await sim.settled()
    wamid = answer["messages"][0]["id"]
    await sim.customer_reads(wamid)
    await sim.customer_reads(wamid, state="played")
    await sim.fail(wamid, 131047)
    assert [s["status"] for s in hook.statuses] == ["sent", "delivered", "read", "played", "failed"]
    assert {s.pop("biz_opaque_callback_data") for s in hook.statuses} == {"chave-1"}
    assert {s["id"] for s in hook.statuses} == {wamid}
    names = ("sent", "delivered", "read", "played", "failed_131047_window")
    for payload, name in zip(hook.payloads[1:], names, strict=True):
        del payload["entry"][0]["changes"][0]["value"]["statuses"][0]["biz_opaque_callback_data"]
        assert shape(payload) == shape(sample(f"status_{name}"))


async def test_statuses_name_the_number_that_whatsapp_knows(sim, session, hook):
    sim.known_as["5585988880002"] = "558588880002"
    await send(session, text(to="5585988880002"))
    await sim.settled()
    assert [s["recipient_id"] for s in hook.statuses] == ["558588880002"] * 2
    assert "biz_opaque_callback_data" not in hook.statuses[0]


async def test_statuses_can_be_off_and_out_of_order(sim, session, hook):
    sim.auto_statuses = False
    await send(session, text())
    await sim.settled()
    assert hook.raws == []
    sim.auto_statuses = True
    sim.shuffle = list.reverse
    await send(session, text())
    await sim.settled()
    assert [s["status"] for s in hook.statuses] == ["delivered", "sent"]


async def test_an_unanswered_webhook_is_repeated_until_200(sim, hook):
    hook.answers = [500, 201, 200]
    wamid = await sim.customer_writes(MARINA, "oi")
    await sim.settled()
    assert len(hook.raws) == 3
    assert len(set(hook.raws)) == 1
    assert [a.status for a in sim.outbox.attempts] == [500, 201, 200]
    assert hook.values[0]["messages"][0]["id"] == wamid
    assert sim.outbox.given_up == 0


@pytest.mark.parametrize("status", [201, 204, 302, 400, 503])
async def test_nothing_but_200_is_an_answer(sim, hook, status):
    hook.answers = [status]
    assert await sim.deliver(sim.draft(MARINA, "oi")[1]) == status
    await sim.settled()
    assert len(hook.raws) == 2


async def test_redelivery_is_bounded(sim, hook):
    hook.answers = [503] * 20
    await sim.customer_writes(MARINA, "oi")
    await sim.settled()
    assert len(hook.raws) == 1 + 3
    assert sim.outbox.given_up == 1


async def test_a_webhook_that_is_away_or_hangs_is_repeated(sim, hook):
    sim.webhook_url, there = "http://127.0.0.1:9/hook", hook.url
    payload = sim.draft(MARINA, "oi")[1]
    assert await sim.deliver(payload) is None
    sim.webhook_url = there
    await sim.settled()
    assert len(hook.raws) == 1

    sim.outbox.redelivery = (0.01,)
    await sim.outbox.close()
    sim.outbox.patience = 0.05
    hook.hold = asyncio.Event()
    assert await sim.deliver(payload) is None
    hook.hold.set()
    await sim.settled()
    assert len(hook.raws) == 3


async def test_settled_waits_for_the_webhook_under_way(sim, hook):
    hook.hold = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(sim.customer_writes(MARINA, "oi"))
        settled = group.create_task(asyncio.wait_for(sim.settled(), 5))
        await asyncio.wait_for(hook.reached.wait(), 5)
        with pytest.raises(TimeoutError):
            await sim.settled(timeout=0.01)
        assert not settled.done()
        hook.hold.set()


async def test_everything_can_come_twice(sim, hook):
    sim.outbox.duplicate = True
    await sim.customer_writes(MARINA, "oi")
    assert len(hook.raws) == 2
    assert hook.raws[0] == hook.raws[1]


async def test_several_messages_travel_in_one_batch_like_the_sample(sim, hook):
    parts = [
        sim.draft(MARINA, "primeira", name="Marina Alves")[1],
        sim.draft(MARINA, "primeira, parte dois")[1],
        orjson.loads(orjson.dumps(sample("status_delivered"))),
        sim.draft("558588880002", "segunda", phone_number_id=SECOND.phone_number_id)[1],
    ]
    for extra in ("conversation", "pricing"):
        del parts[2]["entry"][0]["changes"][0]["value"]["statuses"][0][extra]
    before = json.dumps(parts)
    assert await sim.deliver(batch(*parts)) == 200
    assert shape(hook.payloads[0]) == shape(sample("batch_two_accounts"))
    assert json.dumps(parts) == before


async def test_without_a_webhook_nothing_is_delivered(sim, session, hook):
    sim.webhook_url = None
    await sim.customer_writes(MARINA, "oi")
    await send(session, text())
    await sim.settled()
    assert hook.raws == []


# ---------------------------------------------------------------------- waiting


async def test_waiting_ends_with_the_fact_or_with_the_time(sim, session):
    async with asyncio.TaskGroup() as group:
        group.create_task(sim.wait_for(lambda: len(sim.sent) == 2))
        await send(session, text())
        await send(session, text())
    with pytest.raises(TimeoutError):
        await sim.wait_for(lambda: len(sim.sent) == 3, timeout=0.01)
    with pytest.raises(ZeroDivisionError):
        await sim.wait_for(lambda: 1 / len(sim.reads) > 0)


# ---------------------------------------------------------------------- faults

BROKEN_OFF = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


async def test_an_ordered_error_has_metas_shape_and_ends_by_itself(sim, session):
    sim.faults.next(Route.MESSAGES, faults.error(131056), count=2)
    for _ in range(2):
        status, answer = await send(session, text())
        assert status == 400
        assert shape(answer) == shape(sample("api_error_131056_pair_rate"))
    assert (await send(session, text()))[0] == 200
    assert len(sim.sent) == 1


async def test_an_error_carries_what_was_ordered(sim, session):
    fault = faults.error(130429, transient=True, retry_after=7)
    sim.faults.next(Route.MESSAGES, fault)
    path = f"/v26.0/{NUMBER.phone_number_id}/messages"
    async with session.post(path, json=text()) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "7"
        error = (await answer.json())["error"]
        assert error["is_transient"] is True
    sim.faults.next(None, faults.error(999_999, status=503))
    assert (await send(session, text()))[0] == 503


async def test_a_lasting_fault_of_one_recipient_spares_the_others(sim, session):
    sim.faults.always(Route.MESSAGES, faults.error(131026), to=MARINA)
    assert (await send(session, text()))[0] == 400
    assert (await send(session, text(to="5521999990005")))[0] == 200
    assert (await send(session, text()))[0] == 400
    assert (await get(session, f"/v26.0/{NUMBER.phone_number_id}"))[0] == 200
    sim.faults.off(Route.MESSAGES)
    assert (await send(session, text()))[0] == 200


@pytest.mark.parametrize("acted", [False, True])
async def test_a_500_says_nothing_about_the_effect(sim, session, hook, acted):
    sim.faults.next(Route.MESSAGES, faults.broken(acted=acted))
    path = f"/v26.0/{NUMBER.phone_number_id}/messages"
    async with session.post(path, json=text()) as answer:
        assert answer.status == 500
        assert answer.content_type == "text/html"
    await sim.settled()
    assert len(sim.sent) == acted
    assert [s["status"] for s in hook.statuses] == ["sent", "delivered"] * acted


@pytest.mark.parametrize("acted", [False, True])
async def test_a_reset_says_nothing_about_the_effect(sim, session, acted):
    sim.faults.next(Route.MESSAGES, faults.reset(acted=acted))
    with pytest.raises(BROKEN_OFF):
        await send(session, text())
    assert len(sim.sent) == acted


@pytest.mark.parametrize("acted", [False, True])
async def test_a_hang_outlasts_the_callers_patience(sim, session, acted):
    sim.faults.next(Route.MESSAGES, faults.hang(30, acted=acted))
    path = f"/v26.0/{NUMBER.phone_number_id}/messages"
    patience = aiohttp.ClientTimeout(total=0.1)
    with pytest.raises(TimeoutError):
        await session.post(path, json=text(), timeout=patience)
    assert len(sim.sent) == acted


async def test_a_short_hang_ends_with_an_answer_or_a_reset(sim, session):
    sim.faults.next(Route.MESSAGES, faults.hang(0.01, acted=True))
    assert (await send(session, text()))[0] == 200
    sim.faults.next(Route.MESSAGES, faults.hang(0.01))
    with pytest.raises(BROKEN_OFF):
        await send(session, text())
    assert len(sim.sent) == 1


async def test_each_route_fails_on_its_own(sim, session):
    id_ = sim.add_media(b"x", "text/plain")
    _, lookup = await get(session, f"/v26.0/{id_}")
    for route in (Route.LOOKUP, Route.DOWNLOAD, Route.UPLOAD, Route.NUMBER, Route.SUBSCRIPTIONS):
        sim.faults.always(route, faults.error(131016))
    assert (await upload(session, png(), "image/png"))[0] == 500
    paths = (id_, NUMBER.phone_number_id, NUMBER.waba_id + "/subscribed_apps")
    assert [(await get(session, f"/v26.0/{path}"))[0] for path in paths] == [500] * 3
    assert (await get(session, lookup["url"]))[0] == 500
    assert (await send(session, text()))[0] == 200
    sim.faults.off()
    assert (await get(session, f"/v26.0/{id_}"))[0] == 200


async def test_latency_delays_the_answer_not_the_effect(sim, session):
    sim.latency = 0.1
    began = time.monotonic()
    await send(session, text())
    assert time.monotonic() - began >= 0.1
    assert sim.sent[0].at - began < 0.1


# ---------------------------------------------------------------------- controls


async def test_another_process_can_drive_the_stand_in(sim, session, hook):
    async def post(path: str, body: Any) -> tuple[int, Any]:
        async with session.post(path, json=body) as answer:
            return answer.status, await answer.json()

    picture = base64.b64encode(png()).decode()
    assert (await post("/sim/customer", {"from": MARINA, "text": "oi", "name": "Ana"}))[0] == 200
    assert (await post("/sim/customer", {"from": MARINA, "image": picture}))[0] == 200
    assert [v["messages"][0]["type"] for v in hook.values] == ["text", "image"]

    order = {"route": "messages", "reply": "error", "code": 131056, "count": 1}
    assert (await post("/sim/faults", order))[0] == 200
    assert (await send(session, text()))[0] == 400
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(get(session, "/sim/sent?at_least=1"))
        await send(session, text("olá"))
    _, answer = waiting.result()
    assert (answer["total"], answer["sent"][0]["text"]) == (1, "olá")
    id_ = answer["sent"][0]["wamid"]
    await sim.settled()
    assert (await post("/sim/read", {"id": id_}))[0] == 200
    assert (await post("/sim/fail", {"id": id_, "code": 131026}))[0] == 200
    assert [s["status"] for s in hook.statuses] == ["sent", "delivered", "read", "failed"]
    assert (await get(session, "/sim/sent?at_least=9&timeout=0.01"))[0] == 408

    assert (await post("/sim/webhook_url", {"url": None}))[0] == 200
    _, state = await get(session, "/sim/state")
    assert (state["sent"], state["webhook_url"], state["outstanding"]) == (1, None, 0)
    assert state["requests"][Route.MESSAGES] == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sim/customer", []),
        ("/sim/customer", {}),
        ("/sim/customer", {"from": 7, "text": "x"}),
        ("/sim/customer", {"from": MARINA, "image": "%%"}),
        ("/sim/customer", {"from": MARINA, "text": "x", "phone_number_id": "1"}),
        ("/sim/read", {"id": "wamid.unknown"}),
        ("/sim/faults", {"route": "nowhere", "reply": "error"}),
        ("/sim/faults", {"reply": "explode"}),
        ("/sim/faults", {"reply": "hang", "seconds": "long"}),
        ("/sim/webhook_url", {"url": 7}),
    ],
)
async def test_a_wrong_control_is_refused(session, path, body):
    async with session.post(path, json=body) as answer:
        assert answer.status == 400


async def test_ids_differ_between_runs_and_can_be_fixed():
    first, second = GraphSim(seed=b"1"), GraphSim(seed=b"1")
    assert first.draft(MARINA, "a")[0] == second.draft(MARINA, "a")[0]
    assert first.draft(MARINA, "a")[0] != first.draft(MARINA, "a")[0]
    assert GraphSim().draft(MARINA, "a")[0] != GraphSim().draft(MARINA, "a")[0]


async def test_stopping_ends_what_is_under_way(hook):
    sim = GraphSim(app_secret=SECRET, webhook_url=hook.url, redelivery=(60,))
    hook.answers = [500]
    async with sim.serving() as url, aiohttp.ClientSession(url) as session:
        await sim.customer_writes(MARINA, "oi")
        assert sim.outbox.outstanding == 1
        sim.faults.next(Route.MESSAGES, faults.hang(60))
        with contextlib.suppress(TimeoutError):
            headers = {"Authorization": f"Bearer {sim.access_token}"}
            await session.post(
                f"/v26.0/{NUMBER.phone_number_id}/messages",
                json=text(),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=0.05),
            )
    assert sim.outbox.outstanding == 0
