"""Every answer of every recording goes through the client: what is to be played, or which error.

The table says of each exchange what follows: the input that waits (its first word), `reply`,
`listen`, `end`, or the error; after a slash how many bubbles are played, if not one. A dash is a
call that is not ours (logs, a change of the flow, a browser's).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.core.flow import Next, Offer, Prompt, Say, Script
from bridge.errors import PeerError
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.typebot.client import Typebot
from bridge.typebot.models import Answer
from bridge.typebot.planning import script
from bridge.typebot.reading import read_answer
from support.typebot_replay import NO_PATH, Told, replaying

RECORDINGS = Path(__file__).parents[1] / "typebot" / "recordings"
NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
SHORT = {"phone number input": "phone", "picture choice input": "picture"}

_FORM = "number email url phone date date time "
EXPECTED = {
    "attachments-and-audio": 6 * "text ",
    "audio-to-plain-text-input": "text/0 text",
    "buttons": 4 * "choice/2 end "
    + 3 * "choice/2 choice "
    + 2 * "choice/2 end choice/2 choice "
    + "choice/2 end",
    "buttons-dynamic": 2 * "choice end " + "choice choice",
    "buttons-label-variants": 3 * "choice/2 choice " + "choice/2 end",
    "cards": 5 * "cards end " + 4 * "cards ",
    "client-actions": "reply text",
    "client-http-bad-reply": "reply NotJson",
    "client-http-empty-reply": "reply text",
    "client-logs": "email - -",
    "concurrent-continue": "number email email url",
    "condition-redirect": "number end/3",
    "cors-preflight": "-",
    "custom-embed": "text/2 end",
    "date-replies": 9 * "number email url phone date date ",
    "email-replies": 2 * "number email email number email url " + "number email email",
    "email-retry-default": "email email end SessionGone",
    "embed-wait-for-event": "text/2 end",
    "errors": "FlowUnknown FlowClosed FlowClosed SessionGone WrongRequest WrongRequest "
    "WrongRequest email email - - email WrongRequest WrongRequest email email email",
    "events-command-handoff": "email end SessionGone email CommandUnknown",
    "events-command-help-resume": "email email text",
    "events-invalid-reply": "email email text",
    "events-reply": "text text/2 end",
    "file-optional-skip": "file end file file end",
    "file-single-two-urls": "file end",
    "file-url-validation": "file file file end file end file end file "
    "file file end file end file file",
    "form-all-inputs": "number number number number email email url url phone phone "
    "date date date date time time time rating rating rating end SessionGone",
    "http-request-server": "end/3",
    "legacy-sendmessage-v1": "email email end SessionGone FlowUnknown",
    "legacy-sendmessage-v2": "choice/2 end",
    "media-bubbles": "end/11",
    "multiple-choice": 6 * "choice end " + 4 * "choice " + "choice end choice choice",
    "number-replies": 6 * "number email " + "number number number email number number number "
    "number",
    "only-registering": "end/0 email end end/0 text",
    "origin-not-allowed": "PeerRefused text text",
    "payment": "payment/2 payment/2 end",
    "phone-replies": 6 * "number email url phone date " + "number email url phone phone",
    "picture-choice-multiple": 3 * "picture end ",
    "progress-and-dynamic-theme": "text text end",
    "set-variable": "reply reply text",
    "set-variable-empty-reply": "reply reply text",
    "start-message-ignored": "email text",
    "text-format-markdown": "text/11 end/0",
    "text-format-richtext": "text/11 end/0",
    "text-markdown-strikethrough-crash": "PeerBroke",
    "text-only-ends-at-once": "end/2 end/2 SessionGone",
    "time-replies": " ".join(
        _FORM + end for end in ("rating", "time", "rating", "rating", "time", "rating", "rating")
    ),
    "typebot-link": "text text end",
    "update-typebot-in-session": "email - -",
    "wait": "reply/2 text end/0 reply/2 text",
    "webhook-block": "listen end",
    "webhook-block-user-text": "listen - end",
}
FILES = sorted(RECORDINGS.glob("[!_]*.json"))


def exchanges(name: str) -> list[dict[str, Any]]:
    found = json.loads((RECORDINGS / f"{name}.json").read_text("utf-8"))["exchanges"]
    assert isinstance(found, list)
    return found


def asked(request: dict[str, Any]) -> str:
    call = str(request["path"]).rpartition("/")[2]
    ours = request["method"] == "POST" and call in {"startChat", "continueChat", "sendMessage"}
    return call if ours else ""


def said(message: Any) -> Say:
    """What we would say for a recorded message; those that are wrong on purpose are not ours."""
    match message:
        case str():
            return Say(text=message)
        case {"type": "command", "command": str(command)}:
            return Say(command=command)
        case {"type": "audio", "url": str(url)}:
            return Say(audio=url)
        case {"type": "text", "text": str(text)}:
            return Say(
                text=text,
                reply_id=message.get("metadata", {}).get("replyId"),
                files=tuple(message.get("attachedFileUrls", ())),
            )
        case _:
            return Say()


async def called(client: Typebot, request: dict[str, Any]) -> Answer:
    """Do by the client what was done for the recording."""
    body = request.get("body") or {}
    say = said(body.get("message"))
    call, steps = asked(request), request["path"].split("/")
    if call == "continueChat":
        return await client.proceed(steps[-2], say)
    if call == "sendMessage" and "sessionId" in body:
        return await client.proceed(body["sessionId"], say)
    flow = steps[-2] if call == "startChat" else body["startParams"]["typebot"]
    return await client.start(flow, say=say, variables=body.get("prefilledVariables", {}))


def played(answer: Answer) -> Script:
    return script(
        answer,
        now=NOW,
        most_wait_ms=10_000,
        prompt=lambda asked: Prompt(offers=(Offer(body=asked["type"]),)),
    )


def told(answer: Answer) -> str:
    """The word of the table for an answer."""
    found = played(answer)
    word = found.next.value
    if found.next is Next.WAIT:
        assert found.hand_off or found.prompt is not None
        assert found.asked is not None
        assert answer.asked in (None, found.asked)
        kind = found.prompt.offers[0].body if found.prompt else found.asked["type"]
        word = SHORT.get(kind, kind.split()[0])
    assert (found.reply is None) == (found.next is not Next.REPLY)
    count = len(found.plays)
    return word if count == 1 else f"{word}/{count}"


def test_every_recording_is_in_the_table():
    assert sorted(EXPECTED) == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_a_recording_is_understood(name):
    words: list[str] = []
    async with replaying() as server:
        http = Http(Guard(["127.0.0.1"]))
        client = Typebot(http=http, url=server.url)
        try:
            for exchange in exchanges(name):
                request, response = exchange["request"], exchange["response"]
                if not asked(request):
                    words.append("-")
                    continue
                recorded = Told(status=response["status"], body=response["body"])
                starts_old = asked(request) == "sendMessage" and len(server.asked) == 0
                server.tell(*([NO_PATH] if starts_old else []), recorded)
                try:
                    words.append(told(await called(client, request)))
                except PeerError as error:
                    words.append(type(error).__name__)
                sent = server.asked[-1]
                assert sent.path == request["path"].replace("/v2/", "/v1/")
                assert "origin" not in sent.headers
        finally:
            await http.close()
    assert words == EXPECTED[name].split()


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_what_we_say_is_what_was_said(name):
    """The same message as in the recording, but for its shortest form."""
    async with replaying() as server:
        http = Http(Guard(["127.0.0.1"]))
        client = Typebot(http=http, url=server.url)
        server.tell(Told(body={"sessionId": "x", "messages": []}))
        try:
            for exchange in exchanges(name):
                request = exchange["request"]
                if asked(request) not in {"startChat", "continueChat"}:
                    continue
                await called(client, request)
                sent = server.asked[-1].json
                assert sent["textBubbleContentFormat"] == "richText"
                message = (request.get("body") or {}).get("message")
                assert said(sent.get("message")) == said(message)
        finally:
            await http.close()


def test_a_hand_over_is_read_from_a_recorded_chatwoot_block():

    answer = read_answer(exchanges("client-actions")[0]["response"]["body"])
    assert answer is not None
    found = played(answer)
    assert found.hand_off
    assert found.prompt is None
    assert found.call is not None
    assert found.call.method == "POST"
    assert json.loads(found.call.body or "") == {"hi": "set@server.side"}
    assert not found.left_out


def test_the_ready_made_scripts_of_a_recording_get_their_values():

    replies = [
        played(answer).reply
        for exchange in exchanges("set-variable")
        if (answer := read_answer(exchange["response"]["body"])) is not None
    ]
    assert replies == [Say(text="client-side"), Say(text="afternoon"), None]


def test_the_waits_of_a_recording_stand_where_they_are_due():

    answer = read_answer(exchanges("wait")[0]["response"]["body"])
    assert answer is not None
    found = played(answer)
    assert [play.pause_ms for play in found.plays] == [0, 2000]
    assert (found.pause_ms, found.next, found.reply) == (3000, Next.REPLY, Say())
