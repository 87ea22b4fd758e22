"""The client against a server that speaks real HTTP: what goes out, and what failures mean."""

from __future__ import annotations

import io

import pytest

from bridge.core.flow import Say, TypingEmulation
from bridge.errors import Certainty, PeerBroke, PeerDown, PeerLocked
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.typebot.client import Typebot
from bridge.typebot.faults import CommandUnknown, FlowUnknown, SessionGone, ViewerUnknown
from bridge.typebot.models import Slot
from bridge.typebot.reading import read_answer, read_slot
from bridge.typebot.storage_faults import FileRefused, NoStorage
from support.typebot_replay import NO_PATH, Told, replaying

SESSION = "k3f9q0z1x2c4v5b6n7m8a9s0"
STARTED = {
    "sessionId": SESSION,
    "resultId": "r1",
    "typebot": {"id": "t1", "settings": {"general": {}, "typingEmulation": {"speed": 300}}},
    "messages": [],
}
GONE = Told(
    status=404, body={"defined": True, "code": "NOT_FOUND", "message": "Session not found."}
)
RICH = {"textBubbleContentFormat": "richText"}


@pytest.fixture
async def http():
    http = Http(Guard(["127.0.0.1"]))
    yield http
    await http.close()


@pytest.fixture
async def server():
    async with replaying() as server:
        server.tell(Told(body=STARTED))
        yield server


@pytest.fixture
def typebot(http, server):
    return Typebot(http=http, url=server.url + " ", timeout=20)


# -- starting and going on -----------------------------------------------------------------------


async def test_a_start(typebot, server):
    answer = await typebot.start("loja", say=None, variables={"name": "Rita"})
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/typebots/loja/startChat")
    assert asked.json == {**RICH, "prefilledVariables": {"name": "Rita"}}
    assert "origin" not in asked.headers
    assert "authorization" not in asked.headers
    assert (answer.session_id, answer.result_id) == (SESSION, "r1")
    assert answer.typing == TypingEmulation(speed=300)


async def test_a_start_with_a_message_and_a_result(typebot, server):
    await typebot.start("loja", say=Say(text="oi"), variables={}, result_id="r0")
    assert server.asked[0].json == {
        **RICH,
        "prefilledVariables": {},
        "resultId": "r0",
        "message": "oi",
    }


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (Say(text="olá"), "olá"),
        (Say(text=""), ""),
        (
            Say(text="Sim", reply_id="i1"),
            {"type": "text", "text": "Sim", "metadata": {"replyId": "i1"}},
        ),
        (
            Say(files=("https://e.com/a.jpg",)),
            {"type": "text", "text": "", "attachedFileUrls": ["https://e.com/a.jpg"]},
        ),
        (Say(audio="https://e.com/a.ogg"), {"type": "audio", "url": "https://e.com/a.ogg"}),
        (Say(command="menu"), {"type": "command", "command": "menu"}),
    ],
)
async def test_what_we_say_is_a_bare_text_where_it_can_be(typebot, server, say, message):
    await typebot.proceed(SESSION, say)
    assert server.asked[0].path == f"/api/v1/sessions/{SESSION}/continueChat"
    assert server.asked[0].json == {**RICH, "message": message}


async def test_saying_nothing_is_no_message(typebot, server):
    await typebot.proceed(SESSION, Say())
    assert server.asked[0].json == RICH


async def test_half_a_character_does_not_stop_a_message(typebot, server):
    await typebot.proceed(SESSION, Say(text="a\ud83d"))
    assert server.asked[0].json["message"] == "a?"


@pytest.mark.parametrize(
    ("flow", "path"),
    [
        ("a/b?c#d", "/api/v1/typebots/a%2Fb%3Fc%23d/startChat"),
        ("é", "/api/v1/typebots/%C3%A9/startChat"),
    ],
)
async def test_a_name_stays_one_step_of_the_path(typebot, server, flow, path):
    await typebot.start(flow, say=None, variables={})
    assert server.asked[0].path == path


@pytest.mark.parametrize(
    "session_id", [None, "", "..", ". .", 7, "x" * 500, ["a"]], ids=lambda one: str(one)[:8]
)
async def test_a_start_without_a_session_is_unreadable(typebot, server, session_id):
    server.tell(Told(body={"sessionId": session_id, "messages": []}))
    with pytest.raises(PeerBroke) as caught:
        await typebot.start("loja", say=None, variables={})
    assert (caught.value.cause, caught.value.certainty) == (
        "typebot.unreadable",
        Certainty.UNKNOWN,
    )


async def test_no_secret_is_shown(typebot, server):
    answer = await typebot.start("loja", say=None, variables={})
    slot = read_slot({"presignedUrl": "https://e.com/secret", "fileUrl": "https://e.com/f"})
    assert SESSION not in repr(answer)
    assert "secret" not in repr(slot)
    assert SESSION not in repr(typebot)
    server.tell(GONE)
    with pytest.raises(SessionGone) as caught:
        await typebot.proceed(SESSION, Say())
    assert SESSION not in str(caught.value)
    server.tell(Told(status=500, body={"message": f"Oops {SESSION}", "code": "X"}))
    with pytest.raises(PeerBroke) as broke:
        await typebot.proceed(SESSION, Say())
    assert SESSION not in str(broke.value)


# -- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"message":"success"}',
        b'{"a":' * 2000,
        b"[" * 100_000,
        b"[" * 50_000 + b'"\\ud800"',
        b"\xff",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_a_success_that_cannot_be_read_may_have_acted(typebot, server, body):
    server.tell(Told(body=body))
    with pytest.raises(PeerBroke) as caught:
        await typebot.proceed(SESSION, Say())
    assert (caught.value.cause, caught.value.certainty) == (
        "typebot.unreadable",
        Certainty.UNKNOWN,
    )


async def test_half_a_character_in_an_answer_is_no_harm(typebot, server):
    raw = b'{"messages":[],"lastMessageNewFormat":"a\\ud83d","input":{"id":"\\ud83d\\ude00"}}'
    server.tell(Told(body=raw))
    answer = await typebot.proceed(SESSION, Say())
    assert (answer.understood, answer.asked) == ("a?", {"id": "😀"})


async def test_a_connection_that_breaks_may_have_acted(typebot, server):
    server.cut = True
    with pytest.raises(PeerBroke) as caught:
        await typebot.proceed(SESSION, Say())
    assert caught.value.certainty is Certainty.UNKNOWN
    assert len(server.asked) == 1


async def test_nobody_there_means_that_nothing_was_done(http, unused_tcp_port):
    typebot = Typebot(http=http, url=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(PeerDown) as caught:
        await typebot.start("loja", say=None, variables={})
    assert caught.value.certainty is Certainty.NOT_DONE


async def test_an_address_that_is_forbidden_needs_a_person():
    guarded = Http(Guard([]))
    try:
        with pytest.raises(PeerLocked) as caught:
            await Typebot(http=guarded, url="http://10.0.0.1").proceed(SESSION, Say())
        assert caught.value.cause == "net.forbidden_address"
    finally:
        await guarded.close()


# -- before 2.19.1 -------------------------------------------------------------------------------


async def test_an_old_server_is_asked_in_the_old_way(typebot, server):
    server.tell(NO_PATH, Told(body=STARTED))
    answer = await typebot.start("loja", say=Say(text="oi"), variables={"a": 1}, result_id="r0")
    assert answer.session_id == SESSION
    assert server.asked[1].path == "/api/v1/sendMessage"
    assert server.asked[1].json == {
        "startParams": {"typebot": "loja", "prefilledVariables": {"a": 1}, "resultId": "r0"},
        "message": "oi",
    }
    await typebot.proceed(SESSION, Say(text="Sim", reply_id="i1"))
    await typebot.proceed(SESSION, Say(files=("https://e.com/a", "https://e.com/b")))
    await typebot.proceed(SESSION, Say())
    await typebot.start("loja", say=None, variables={})
    assert [one.json for one in server.asked[2:]] == [
        {"sessionId": SESSION, "message": "Sim"},
        {"sessionId": SESSION, "message": "https://e.com/a, https://e.com/b"},
        {"sessionId": SESSION},
        {"startParams": {"typebot": "loja", "prefilledVariables": {}}},
    ]
    with pytest.raises(CommandUnknown):
        await typebot.proceed(SESSION, Say(command="menu"))


async def test_a_client_that_did_not_start_the_session_finds_the_old_way(typebot, server):
    server.tell(NO_PATH, Told(body={"messages": []}))
    await typebot.proceed(SESSION, Say(text="oi"))
    await typebot.proceed(SESSION, Say(text="olá"))
    paths = [one.path.rpartition("/")[2] for one in server.asked]
    assert paths == ["continueChat", "sendMessage", "sendMessage"]


async def test_a_server_that_knows_neither_way_is_no_viewer(typebot, server):
    server.tell(NO_PATH)
    with pytest.raises(ViewerUnknown):
        await typebot.start("loja", say=None, variables={})
    assert len(server.asked) == 2
    with pytest.raises(ViewerUnknown):
        await typebot.proceed(SESSION, Say())


async def test_a_flow_that_is_unknown_is_not_asked_for_in_the_old_way(typebot, server):
    server.tell(Told(status=404, body={"message": "Typebot not found", "code": "NOT_FOUND"}))
    with pytest.raises(FlowUnknown):
        await typebot.start("loja", say=None, variables={})
    assert len(server.asked) == 1


# -- files ---------------------------------------------------------------------------------------

FILE = b"\x89PNG" + bytes(5000)


async def test_a_place_for_a_file(typebot, server):
    server.tell(
        Told(
            body={
                "presignedUrl": f"{server.url}api/uploads/token",
                "formData": {},
                "fileType": "image/png",
                "fileUrl": "https://s3.example.com/x.png",
            }
        )
    )
    slot = await typebot.upload_slot(SESSION, "f1", name="a.png", mime="image/png", size=len(FILE))
    assert server.asked[0].path == "/api/v3/generate-upload-url"
    assert server.asked[0].json == {
        "sessionId": SESSION,
        "blockId": "f1",
        "fileName": "a.png",
        "fileType": "image/png",
        "fileSize": len(FILE),
    }
    assert slot.file_url == "https://s3.example.com/x.png"
    server.tell(Told(status=204))
    await typebot.upload(slot, FILE, name="a.png", mime="image/png", size=len(FILE))
    put = server.asked[1]
    assert (put.method, put.path, put.body) == ("PUT", "/api/uploads/token", FILE)
    assert put.headers["content-type"] == "image/png"


async def test_a_file_goes_into_a_form_where_the_storage_wants_one(typebot, server):
    slot = Slot(
        url=f"{server.url}bucket", form={"key": "a/b", "policy": "p"}, file_url="https://e.com/f"
    )
    server.tell(Told(status=204))
    with io.BytesIO(FILE) as stream:
        await typebot.upload(slot, stream, name="a.png", mime="image/png", size=len(FILE))
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/bucket")
    assert list(asked.form) == ["key", "policy", "file"]
    assert asked.form["key"] == (None, b"a/b")
    assert asked.form["file"] == ("a.png", FILE)


async def test_a_storage_behind_the_guard_is_none(typebot):
    slot = Slot(url="http://10.0.0.9:9000/bucket", file_url="https://e.com/f")
    with pytest.raises(NoStorage) as caught:
        await typebot.upload(slot, b"x", name="a", mime="text/plain", size=1)
    assert caught.value.advice


def test_a_slot_puts_nothing_strange_into_headers():
    told = {"presignedUrl": "https://e.com/a", "fileUrl": "https://e.com/f"}
    form = {"key": "a\r\nb", "x\r\ny": "z", "": "z"}
    slot = read_slot(told | {"formData": form, "fileType": "image/png\r\nX: y"})
    assert slot is not None
    assert slot.form == {"key": "a\r\nb"}
    assert slot.mime is None


async def test_a_slot_of_half_an_answer_is_none(typebot, server):
    server.tell(Told(body={"presignedUrl": "https://e.com"}))
    with pytest.raises(NoStorage):
        await typebot.upload_slot(SESSION, "f1", name="a", mime="text/plain", size=1)


async def test_a_file_that_is_too_large_is_refused(typebot, server):
    server.tell(Told(status=413))
    slot = Slot(url=f"{server.url}api/uploads/token", file_url="https://e.com/f")
    with pytest.raises(FileRefused):
        await typebot.upload(slot, b"x", name="a", mime="text/plain", size=1)


# -- is it there ---------------------------------------------------------------------------------


async def test_whether_a_flow_is_there_is_asked_without_beginning_it(typebot, server):
    server.tell(Told(body={"sessionId": "s", "typebot": {"id": "t"}, "messages": []}))
    await typebot.register("pedidos")
    assert server.asked[0].path == "/api/v1/typebots/pedidos/startChat"
    assert server.asked[0].body == b'{"isOnlyRegistering":true}'
    server.tell(Told(status=404, body={"message": "Typebot not found", "code": "NOT_FOUND"}))
    with pytest.raises(FlowUnknown):
        await typebot.register("pedidos")
    server.tell(NO_PATH)
    with pytest.raises(ViewerUnknown):
        await typebot.register("pedidos")


# -- reading -------------------------------------------------------------------------------------


def test_what_has_a_wrong_type_is_absent():
    answer = read_answer(
        {
            "sessionId": "s",
            "resultId": 5,
            "messages": [None, {"id": 1, "type": [], "content": "x"}],
            "input": [],
            "clientSideActions": ["x", {"type": "wait", "wait": 3, "expectsDedicatedReply": "yes"}],
            "lastMessageNewFormat": {},
            "typebot": {
                "settings": {
                    "typingEmulation": {
                        "enabled": False,
                        "speed": -1,
                        "maxDelay": "x",
                        "delayBetweenBubbles": 0.5,
                        "isDisabledOnFirstMessage": False,
                    },
                    "general": {"systemMessages": {"invalidMessage": "Ops", "x": 7}},
                }
            },
        }
    )
    assert answer is not None
    assert [(one.id, one.kind, one.content) for one in answer.messages] == [("", "", {})] * 2
    assert [(one.kind, one.expects_reply) for one in answer.actions] == [
        ("", False),
        ("wait", False),
    ]
    assert (answer.result_id, answer.asked, answer.understood) == (None, None, None)
    assert answer.typing == TypingEmulation(
        enabled=False, speed=400, max_delay=3, delay_between=0.5, not_on_first=False
    )
    assert answer.system == {"invalidMessage": "Ops"}


def test_a_deep_input_is_cut_so_that_it_can_be_stored():
    deep = {"type": "x"}
    for _ in range(200):
        deep = {"type": "x", "items": [deep]}
    answer = read_answer({"input": deep})
    assert answer is not None
    depth, asked = 0, answer.asked
    while asked:
        depth, asked = depth + 1, (asked.get("items") or [None])[0]
    assert depth < 10
