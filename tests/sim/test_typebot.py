"""The Typebot stand-in, met over HTTP: chats that no recording shows."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bridge.sim.typebot import TypebotSim, parse

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Chatter:
    """A client that speaks of texts rather than of trees."""

    def __init__(self, sim: TypebotSim, client: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.client = client
        self.session = ""
        self.status = 0
        self.last: dict[str, Any] = {}

    def flow(self, toml: str) -> Chatter:
        self.sim.put(parse(tomllib.loads(toml), name="bot"))
        return self

    async def post(self, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.client.post(self.sim.url + path, json=body or {}, headers=headers) as got:
            self.status, self.last = got.status, await got.json()
        self.session = self.last.get("sessionId", self.session)
        return self.last

    async def start(self, bot: str = "bot", **body: Any) -> list[str]:
        await self.post(f"/api/v1/typebots/{bot}/startChat", body)
        return self.said()

    async def say(self, message: Any = None, **body: Any) -> list[str]:
        sent = body if message is None else {"message": message, **body}
        await self.post(f"/api/v1/sessions/{self.session}/continueChat", sent)
        return self.said()

    def said(self) -> list[str]:
        return [written(one) for one in self.last.get("messages", ())]

    @property
    def asked(self) -> str | None:
        return self.last.get("input", {}).get("id")


def written(message: dict[str, Any]) -> str:
    content = message["content"]
    if message["type"] != "text":
        return content.get("url", "")
    if "markdown" in content:
        return content["markdown"]
    return "\n".join(leaves(element) for element in content["richText"])


def leaves(element: dict[str, Any]) -> str:
    return element.get("text", "") + "".join(leaves(one) for one in element.get("children", ()))


@pytest.fixture
async def chat() -> AsyncIterator[Chatter]:
    async with TypebotSim(clock=lambda: NOW) as sim, aiohttp.ClientSession() as client:
        yield Chatter(sim, client)


ASK = """
variables = { v = "v" }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "text input"
options = { variableId = "v" }
[[groups.blocks]]
id = "end"
type = "text"
text = "you said {{v}}"
"""


async def test_a_condition_takes_the_first_way_that_holds_and_else_the_other(chat):
    chat.flow("""
variables = { v = "age", u = "who" }
edges = [
  { from = "child", to = "g2" }, { from = "old", to = "g3" }, { from = "if", to = "g4" },
]
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "number input"
options = { variableId = "v" }
[[groups.blocks]]
id = "if"
type = "condition"
[[groups.blocks.items]]
id = "child"
content = { comparisons = [{ variableId = "v", comparisonOperator = "Less than", value = "18" }] }
[[groups.blocks.items]]
id = "old"
[groups.blocks.items.content]
logicalOperator = "OR"
comparisons = [
  { variableId = "v", comparisonOperator = "Greater than", value = "64" },
  { variableId = "u", comparisonOperator = "Equal to", value = "elder" },
]
[[groups]]
id = "g2"
blocks = [{ id = "b2", type = "text", text = "young" }]
[[groups]]
id = "g3"
blocks = [{ id = "b3", type = "text", text = "old" }]
[[groups]]
id = "g4"
blocks = [{ id = "b4", type = "text", text = "between" }]
""")
    heard = []
    for age, who in (("9", ""), ("70", ""), ("30", "elder"), ("30", "")):
        await chat.start(prefilledVariables={"who": who})
        heard += await chat.say(age)
    assert heard == ["young", "old", "old", "between"]


async def test_a_flow_that_goes_round_asks_again_and_one_that_never_rests_is_a_fault(chat):
    chat.flow(ASK + '\n[[edges]]\nfrom = "end"\nto = "g1"')
    await chat.start()
    assert await chat.say("a") == ["you said a"]
    assert chat.last["input"]["prefilledValue"] == "a"
    assert await chat.say("b") == ["you said b"]
    chat.flow("""
[[groups]]
id = "g1"
blocks = [{ id = "j", type = "jump", options = { groupId = "g1" } }]
""")
    await chat.start()
    assert (chat.status, chat.last["message"]) == (500, "Internal server error")


async def test_linked_bots_nest_and_come_back_even_from_the_middle_of_a_group(chat):
    chat.sim.put_said(
        {
            "public_id": "inner",
            "variables": {"x": "v"},
            "groups": [
                {
                    "id": "g",
                    "blocks": [
                        {"id": "i1", "type": "text", "text": "inner {{v}}"},
                        {"id": "i2", "type": "text input", "options": {"variableId": "x"}},
                    ],
                }
            ],
        }
    )
    chat.sim.put_said(
        {
            "public_id": "middle",
            "groups": [
                {
                    "id": "g",
                    "blocks": [
                        {"id": "l", "type": "typebot link", "options": {"typebotId": "tb-inner"}}
                    ],
                }
            ],
        }
    )
    chat.sim.put_said(
        {
            "public_id": "outer",
            "variables": {"y": "v"},
            "groups": [
                {
                    "id": "g",
                    "blocks": [
                        {"id": "l", "type": "typebot link", "options": {"typebotId": "tb-middle"}},
                        {"id": "o", "type": "text", "text": "back with {{v}}"},
                    ],
                }
            ],
        }
    )
    assert await chat.start("outer", prefilledVariables={"v": "1"}) == ["inner 1"]
    assert await chat.say("2") == ["back with 2"]
    await chat.say("3")
    assert chat.status == 404


async def test_an_event_of_replies_sees_a_refused_reply_before_it_is_refused(chat):
    chat.flow("""
variables = { v = "heard" }
edges = [{ from = "ev", to = "g2" }]
[[events]]
id = "ev"
type = "reply"
contentVariableId = "v"
[[groups]]
id = "g1"
blocks = [{ id = "ask", type = "email input" }, { id = "ok", type = "text", text = "ok" }]
[[groups]]
id = "g2"
blocks = [{ id = "h", type = "text", text = "heard {{heard}}" }, { id = "r", type = "return" }]
""")
    await chat.start()
    assert await chat.say("no") == [
        "heard no",
        "This email doesn't seem to be valid. Can you type it again?",
    ]
    assert chat.asked == "ask"
    assert await chat.say("a@b.co") == ["heard a@b.co", "ok"]


async def test_an_event_without_return_leaves_the_question_for_good(chat):
    chat.flow("""
edges = [{ from = "ev", to = "g2" }]
[[events]]
id = "ev"
type = "command"
command = "menu"
[[groups]]
id = "g1"
blocks = [{ id = "ask", type = "email input" }]
[[groups]]
id = "g2"
blocks = [{ id = "m", type = "text", text = "menu" }, { id = "which", type = "text input" }]
""")
    await chat.start()
    assert await chat.say({"type": "command", "command": "menu"}) == ["menu"]
    assert chat.asked == "which"
    await chat.say({"type": "command", "command": "other"})
    assert (chat.status, chat.last["message"]) == (400, "Command event not found")
    assert await chat.say("anything") == []


async def test_items_are_shown_by_their_condition_and_matched_as_they_are_shown(chat):
    chat.flow("""
variables = { v = "vip", c = "choice" }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "choice input"
options = { variableId = "c" }
[[groups.blocks.items]]
id = "all"
content = "Hello {{vip}}"
[[groups.blocks.items]]
id = "some"
content = "Secret"
[groups.blocks.items.displayCondition]
isEnabled = true
condition = { comparisons = [{ variableId = "v", comparisonOperator = "Is set" }] }
[[groups.blocks]]
id = "end"
type = "text"
text = "{{choice}}"
""")
    await chat.start()
    assert [item["id"] for item in chat.last["input"]["items"]] == ["all"]
    assert await chat.say("Secret") == ["Invalid message. Please, try again."]
    await chat.start(prefilledVariables={"vip": "Ana"})
    assert [item["content"] for item in chat.last["input"]["items"]] == ["Hello Ana", "Secret"]
    assert await chat.say("Hello Ana") == ["Hello Ana"]


async def test_cards_and_pictures_are_made_of_lists(chat):
    chat.flow("""
edges = [{ id = "e", from = "p", to = "g2" }]
[variables]
t = { name = "titles", value = ["One", "Two"] }
s = { name = "pics", value = ["https://a.co/1.png", "https://a.co/2.png"] }
c = "chosen"
k = "card"
[[groups]]
id = "g1"
[[groups.blocks]]
id = "pics"
type = "picture choice input"
[groups.blocks.options]
variableId = "c"
dynamicItems = { isEnabled = true, titlesVariableId = "t", pictureSrcsVariableId = "s" }
[[groups.blocks]]
id = "cards"
type = "cards"
options = { saveResponseMapping = [{ field = "Title", variableId = "k" }] }
items = [{ id = "card", title = "{{titles}}", paths = [{ id = "p", text = "Take" }] }]
[[groups]]
id = "g2"
blocks = [{ id = "end", type = "text", text = "{{chosen}} and {{card}}" }]
""")
    await chat.start()
    assert chat.last["input"]["items"] == [
        {"id": "0", "pictureSrc": "https://a.co/1.png", "title": "One"},
        {"id": "1", "pictureSrc": "https://a.co/2.png", "title": "Two"},
    ]
    await chat.say({"type": "text", "text": "", "metadata": {"replyId": "1"}})
    assert [path["id"] for item in chat.last["input"]["items"] for path in item["paths"]] == [
        "dynamic-card-0-path-0",
        "dynamic-card-1-path-0",
    ]
    assert await chat.say("dynamic-card-0-path-0") == ["Two and One"]


async def test_the_message_of_the_start_answers_only_a_plain_input_that_comes_first(chat):
    chat.flow(ASK)
    assert await chat.start(message={"type": "text", "text": "oi"}) == ["you said oi"]
    assert "resultId" not in chat.last
    chat.flow("""
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "choice input"
items = [{ id = "a", content = "A" }]
""")
    assert await chat.start(message="A") == []
    assert chat.asked == "ask"


async def test_a_message_of_the_start_that_is_refused_is_asked_for_again(chat):
    chat.flow("""
[[groups]]
id = "g1"
blocks = [{ id = "ask", type = "email input" }]
""")
    said = await chat.start(message="oi")
    assert (said, chat.asked) == (
        ["This email doesn't seem to be valid. Can you type it again?"],
        "ask",
    )


async def test_variables_of_any_shape_are_taken_as_texts_and_lists(chat):
    chat.flow("""
variables = { a = "a", b = "b", c = "c" }
[[groups]]
id = "g1"
blocks = [{ id = "t", type = "text", text = "a={{a}} b={{b}} c={{c}}" }]
""")
    given = {"a": {"x": 1}, "b": ["1", 2, None], "c": 3, "unknown": "x"}
    assert await chat.start(prefilledVariables=given) == ['a={"x":1} b=["1","2",null] c=3']
    assert await chat.start(prefilledVariables={"a": None}) == ["a= b= c="]


async def test_a_client_that_cannot_compute_leaves_a_variable_unset(chat):
    chat.flow("""
variables = { a = "device", b = "list" }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "s1"
type = "set variable"
options = { variableId = "a", type = "Device type" }
[[groups.blocks]]
id = "s2"
type = "set variable"
options = { variableId = "b", isExecutedOnClient = true, expressionToEvaluate = "[{{device}}]" }
[[groups.blocks]]
id = "t"
type = "text"
text = "{{device}} {{list}}"
""")
    await chat.start()
    assert chat.last["clientSideActions"][0]["expectsDedicatedReply"] is True
    assert "lastBubbleBlockId" not in chat.last["clientSideActions"][0]
    await chat.say("mobile")
    (action,) = chat.last["clientSideActions"]
    assert action["setVariable"]["scriptToExecute"] == {
        "content": "[a]",
        "args": [{"id": "a", "value": "mobile"}],
        "isCode": False,
    }
    assert await chat.say('["x","y"]') == ['mobile ["x","y"]']


async def test_a_bot_that_remembers_people_goes_on_with_their_result(chat):
    chat.flow(ASK + "\n[settings.general.rememberUser]\nisEnabled = true\n")
    await chat.start()
    result = chat.last["resultId"]
    await chat.say("me")
    await chat.start(resultId=result)
    assert (chat.last["resultId"], chat.last["input"]["prefilledValue"]) == (result, "me")
    chat.flow(ASK)
    await chat.start(resultId=result)
    assert chat.last["resultId"] != result
    assert "prefilledValue" not in chat.last["input"]


async def test_settings_tell_no_more_than_typing_and_the_general_part(chat):
    chat.flow(ASK + "\n[settings]\ntypingEmulation = { speed = 300 }\nwhatsApp = { x = 1 }\n")
    await chat.start()
    assert chat.last["typebot"]["settings"] == {"typingEmulation": {"speed": 300}}
    assert chat.last["typebot"]["publishedAt"] == "2026-11-21T09:00:00.000Z"


async def test_a_preview_needs_the_token_and_stays_after_the_end(chat):
    chat.flow(ASK)
    path = "/api/v1/typebots/tb-bot/preview/startChat"
    await chat.post(path, {})
    assert chat.status == 401
    await chat.post(path, {"sessionId": "my-own"}, token=chat.sim.api_token)
    assert (chat.session, "resultId" in chat.last) == ("my-own", False)
    assert await chat.say("one") == ["you said one"]
    assert await chat.say("two") == ["you said two"]


async def test_a_preview_without_a_question_is_replayed_as_often_as_it_is_called(chat):
    chat.flow('[[groups]]\nid = "g"\nblocks = [{ id = "t", type = "text", text = "oi" }]')
    await chat.post("/api/v1/typebots/tb-bot/preview/startChat", token=chat.sim.api_token)
    assert [await chat.say("x"), await chat.say("y")] == [["oi"], ["oi"]]


async def test_a_preview_may_begin_anywhere(chat):
    chat.flow(ASK)
    begin = {"startFrom": {"type": "group", "groupId": "g1"}}
    await chat.post("/api/v1/typebots/tb-bot/preview/startChat", begin, token=chat.sim.api_token)
    assert chat.asked == "ask"


async def test_a_running_chat_keeps_its_version_until_it_is_updated(chat):
    chat.flow(ASK)
    await chat.start()
    chat.flow(ASK.replace("you said", "now you said"))
    path = f"/api/v1/sessions/{chat.session}/updateTypebot"
    await chat.post(path, {})
    assert chat.status == 401
    old = chat.session
    await chat.start()
    chat.session = old
    assert (await chat.post(path, {}, token=chat.sim.api_token)) == {"message": "success"}
    assert await chat.say("x") == ["now you said x"]


@pytest.mark.parametrize(
    ("said", "status", "message"),
    [
        ({"published": False}, 404, "Typebot not found"),
        ({"suspended": True}, 403, "This bot is now closed"),
        ({"closed": True}, 400, "This bot is now closed"),
    ],
)
async def test_a_bot_that_is_not_open_says_so(chat, said, status, message):
    chat.sim.put_said({"public_id": "bot", **said})
    await chat.start()
    assert (chat.status, chat.last["message"], "data" in chat.last) == (status, message, False)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"message": 5}, ["message"]),
        ({"message": {"type": "text", "text": "x", "metadata": {"replyId": 1}}}, None),
        ({"message": {"type": "text", "text": "x", "attachedFileUrls": "u"}}, None),
        ({"message": {"type": "audio"}}, ["message", "url"]),
        ({"isStreamEnabled": "no"}, ["isStreamEnabled"]),
        ({"prefilledVariables": []}, ["prefilledVariables"]),
        ({"resultId": 1}, ["resultId"]),
    ],
)
async def test_a_field_of_the_wrong_kind_is_named(chat, body, path):
    chat.flow(ASK)
    await chat.start(**body)
    (issue,) = chat.last["data"]["issues"]
    assert (chat.status, chat.last["message"]) == (400, "Input validation failed")
    assert path in (None, issue["path"])


async def test_the_message_of_the_start_is_no_null(chat):
    chat.flow(ASK)
    await chat.start(message=None)
    (issue,) = chat.last["data"]["issues"]
    assert (chat.status, issue["code"], issue["path"]) == (400, "invalid_union", ["message"])


async def test_a_page_that_is_not_allowed_goes_on_with_no_chat(chat):
    chat.flow(ASK + '\n[settings.security]\nallowedOrigins = ["https://good.example"]\n')
    told = []
    for path in ("/api/v1/sessions/{}/continueChat", "/api/v1/sendMessage"):
        await chat.start()
        url = chat.sim.url + path.format(chat.session)
        body = {"sessionId": chat.session, "message": "x"}
        for origin in ("https://bad.example", "https://good.example"):
            async with chat.client.post(url, json=body, headers={"Origin": origin}) as got:
                told.append((got.status, (await got.json()).get("message")))
    assert told == [(403, "Origin not allowed"), (200, None)] * 2


async def test_the_old_way_goes_on_with_no_expired_session_either(chat):
    chat.flow(ASK)
    await chat.start()
    chat.sim.expire(chat.session)
    await chat.post("/api/v1/sendMessage", {"sessionId": chat.session, "message": "x"})
    assert (chat.status, chat.last["message"]) == (
        404,
        "Session expired. You need to start a new session.",
    )


async def test_a_preview_is_a_draft_without_trackers_or_a_time_of_publishing(chat):
    chat.flow(ASK + '\n[settings.metadata]\ngoogleTagManagerId = "GTM-1"\n')
    await chat.start()
    assert [action["type"] for action in chat.last["clientSideActions"]] == ["startPropsToInject"]
    assert "publishedAt" in chat.last["typebot"]
    path = "/api/v1/typebots/tb-bot/preview/startChat"
    await chat.post(path, {}, token=chat.sim.api_token)
    assert chat.last.keys() == {"sessionId", "typebot", "messages", "input"}
    assert chat.last["typebot"].keys() == {"id", "version", "theme", "settings"}
    begin = {"startFrom": {"type": "group", "groupId": "nowhere"}}
    await chat.post(path, begin, token=chat.sim.api_token)
    assert (chat.status, chat.last["message"]) == (400, "Start group doesn't exist")


async def test_a_preview_that_has_ended_is_at_the_end_of_its_bar(chat):
    chat.flow(ASK + "\n[theme.general.progressBar]\nisEnabled = true\n")
    await chat.post("/api/v1/typebots/tb-bot/preview/startChat", {}, token=chat.sim.api_token)
    await chat.say("x")
    assert chat.last["progress"] == 100


async def test_a_new_version_brings_its_new_variables(chat):
    chat.flow(ASK)
    await chat.start()
    newer = ASK.replace('{ v = "v" }', '{ v = "v", w = { name = "w", value = "new" } }')
    chat.flow(newer.replace("you said {{v}}", "{{v}} {{w}}"))
    path = f"/api/v1/sessions/{chat.session}/updateTypebot"
    session = chat.session
    await chat.post(path, {}, token=chat.sim.api_token)
    chat.session = session
    assert await chat.say("x") == ["x new"]


async def test_a_wait_of_no_time_is_told_only_where_it_pauses(chat):
    chat.flow("""
[[groups]]
id = "g1"
[[groups.blocks]]
id = "w1"
type = "wait"
options = { secondsToWaitFor = "0" }
[[groups.blocks]]
id = "w2"
type = "wait"
options = { secondsToWaitFor = "0", shouldPause = true }
""")
    await chat.start()
    assert chat.last["clientSideActions"] == [
        {"type": "wait", "wait": {"secondsToWaitFor": 0}, "expectsDedicatedReply": True}
    ]


async def test_what_an_embedded_page_tells_is_read_as_json_and_no_word_leaves_it_alone(chat):
    chat.flow("""
variables = { v = { name = "v", value = "before" } }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "page"
type = "embed"
[groups.blocks.content]
url = "https://example.com"
waitForEvent = { isEnabled = true, saveDataInVariableId = "v" }
[[groups.blocks]]
id = "end"
type = "text"
text = "{{v}}"
""")
    told = []
    for message in ('{"ok": 1}', "plain", "2.0", None):
        await chat.start()
        told += await chat.say(message)
    assert told == ['{"ok":1}', "plain", "2", "before"]


async def test_variables_stand_in_the_invalid_message_of_the_bot(chat):
    chat.flow("""
variables = { v = "who" }
[settings.general.systemMessages]
invalidMessage = "What, {{who}}?"
[[groups]]
id = "g1"
blocks = [{ id = "ask", type = "number input" }]
""")
    await chat.start(prefilledVariables={"who": "Ana"})
    assert await chat.say("no") == ["What, Ana?"]


async def test_choices_tell_no_value_that_is_there_and_show_their_own_items_without_a_list(chat):
    chat.flow("""
variables = { v = "choice", l = "list" }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "choice input"
options = { variableId = "v", dynamicVariableId = "l" }
items = [{ id = "own", content = "Own" }]
""")
    await chat.start(prefilledVariables={"choice": "earlier"})
    assert "prefilledValue" not in chat.last["input"]
    assert chat.last["input"]["items"] == [{"id": "own", "content": "Own"}]
    await chat.start(prefilledVariables={"list": ["A", "", "B"]})
    assert chat.last["input"]["items"] == [
        {"id": "choice0", "content": "A"},
        {"id": "choice1", "content": "B"},
    ]


async def test_pictures_of_lists_keep_their_titles_where_one_is_missing(chat):
    chat.flow("""
[variables]
t = { name = "titles", value = ["", "Two"] }
s = { name = "pics", value = ["https://a.co/1.png", "https://a.co/2.png"] }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "pics"
type = "picture choice input"
[groups.blocks.options]
dynamicItems = { isEnabled = true, titlesVariableId = "t", pictureSrcsVariableId = "s" }
""")
    await chat.start()
    assert chat.last["input"]["items"] == [
        {"id": "0", "pictureSrc": "https://a.co/1.png"},
        {"id": "1", "pictureSrc": "https://a.co/2.png", "title": "Two"},
    ]


EVENTS = """
variables = { v = "heard" }
edges = [{ from = "r", to = "g2" }, { from = "i", to = "g3" }, { from = "c", to = "g4" }]
[[events]]
id = "r"
type = "reply"
contentVariableId = "v"
[[events]]
id = "i"
type = "invalid reply"
contentVariableId = "v"
[[events]]
id = "c"
type = "command"
command = "menu"
[[groups]]
id = "g1"
blocks = [{ id = "ask", type = "email input" }, { id = "ok", type = "text", text = "ok" }]
[[groups]]
id = "g2"
blocks = [{ id = "h", type = "text", text = "heard {{heard}}" }, { id = "b1", type = "return" }]
[[groups]]
id = "g3"
blocks = [{ id = "n", type = "text", text = "not {{heard}}" }, { id = "b2", type = "return" }]
[[groups]]
id = "g4"
blocks = [{ id = "m", type = "text", text = "menu" }, { id = "which", type = "text input" }]
"""


async def test_what_is_refused_is_heard_by_the_event_of_invalid_replies_alone(chat):
    chat.flow(EVENTS)
    await chat.start()
    assert (await chat.say("no"), chat.asked) == (["not no"], "ask")
    assert await chat.say("a@b.co") == ["heard a@b.co", "ok"]


async def test_the_message_of_the_start_goes_the_way_of_every_reply(chat):
    chat.flow(EVENTS)
    assert await chat.start(message="a@b.co") == ["heard a@b.co", "ok"]
    assert (await chat.start(message="no"), chat.asked) == (["not no"], "ask")
    command = {"type": "command", "command": "menu"}
    assert (await chat.start(message=command), chat.asked) == (["menu"], "which")
    await chat.start(isOnlyRegistering=True)
    assert (await chat.say(command), chat.asked) == (["menu"], "which")


async def test_what_the_engine_cannot_do_is_a_fault_of_the_server(chat):
    chat.flow(ASK + "\n[settings.general]\nrememberUser = 5\n")
    await chat.start()
    assert (chat.status, chat.last) == (
        500,
        {
            "defined": False,
            "code": "INTERNAL_SERVER_ERROR",
            "status": 500,
            "message": "Internal server error",
        },
    )


async def test_a_return_comes_back_behind_the_jump_before_it(chat):
    chat.flow("""
[[groups]]
id = "g1"
blocks = [
  { id = "j", type = "jump", options = { groupId = "g2" } },
  { id = "t", type = "text", text = "back" },
]
[[groups]]
id = "g2"
blocks = [{ id = "u", type = "text", text = "away" }, { id = "r", type = "return" }]
""")
    assert await chat.start() == ["away", "back"]


async def test_a_card_is_told_by_its_title_else_by_its_picture(chat):
    chat.flow("""
variables = { v = "card" }
[[groups]]
id = "g1"
[[groups.blocks]]
id = "ask"
type = "cards"
options = { saveResponseMapping = [{ field = "Image URL", variableId = "v" }] }
items = [
  { id = "c1", imageUrl = "https://a.co/1.png", paths = [{ id = "p1" }] },
  { id = "c2", description = "nothing else", paths = [{ id = "p2" }] },
  { id = "c3", title = "No way to go" },
]
[[groups.blocks]]
id = "end"
type = "text"
text = "{{card}}"
""")
    await chat.start()
    assert await chat.say("p2") == ["Invalid message. Please, try again."]
    assert await chat.say("p1") == ["https://a.co/1.png"]
    assert chat.last["lastMessageNewFormat"] == "https://a.co/1.png"
    await chat.start()
    assert await chat.say("no way to go") == [""]


async def test_the_old_way_tells_of_no_bar(chat):
    chat.flow(ASK + "\n[theme.general.progressBar]\nisEnabled = true\n")
    await chat.post("/api/v2/sendMessage", {"startParams": {"typebot": "bot"}})
    assert (chat.asked, "progress" in chat.last) == ("ask", False)
    await chat.post("/api/v2/sendMessage", {"sessionId": chat.session, "message": "x"})
    assert (chat.said(), "progress" in chat.last) == (["you said x"], False)


async def test_a_return_to_a_block_of_another_bot_ends_that_bot(chat):
    said = {"id": "s", "type": "text", "text": "inner"}
    inner = {"id": "g", "blocks": [said, {"id": "r", "type": "return"}]}
    chat.sim.put_said({"public_id": "inner", "groups": [inner]})
    chat.flow("""
[[groups]]
id = "g1"
blocks = [
  { id = "j", type = "jump", options = { groupId = "g2" } },
  { id = "t", type = "text", text = "behind" },
]
[[groups]]
id = "g2"
blocks = [
  { id = "l", type = "typebot link", options = { typebotId = "tb-inner" } },
  { id = "u", type = "text", text = "back" },
]
""")
    assert await chat.start() == ["inner", "back"]


async def test_a_return_that_nothing_leads_to_does_nothing(chat):
    chat.flow("""
[[groups]]
id = "g1"
blocks = [{ id = "r", type = "return" }, { id = "t", type = "text", text = "on" }]
""")
    assert await chat.start() == ["on"]
