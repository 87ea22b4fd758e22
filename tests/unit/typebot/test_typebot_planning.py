"""One answer as a script: order, waits, what follows, and each action on its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.flow import Ending, HttpCall, Line, Next, Offer, Prompt, Say, Status
from bridge.typebot.planning import script
from bridge.typebot.reading import read_answer

SAO_PAULO = timezone(timedelta(hours=-3))
NOW = datetime(2026, 11, 21, 14, 30, tzinfo=SAO_PAULO)
INPUT = {"id": "in", "type": "choice input", "items": [{"id": "i1", "content": "A"}]}
PROMPT = Prompt(offers=(Offer(body="choose"),))


def said(name):
    tree = [{"type": "p", "children": [{"text": name}]}]
    return {"id": name, "type": "text", "content": {"type": "richText", "richText": tree}}


def action(kind, payload=None, *, after=None, dedicated=False):
    found = {"type": kind}
    if payload is not None:
        found[kind] = payload
    if after is not None:
        found["lastBubbleBlockId"] = after
    if dedicated:
        found["expectsDedicatedReply"] = True
    return found


def wait(seconds, **more):
    return action("wait", {"secondsToWaitFor": seconds}, **more)


def redirect(url, **more):
    return action("redirect", {"url": url, "isNewTab": True}, **more)


def set_variable(content, args=(), **script_more):
    told = {"content": content, "args": list(args), **script_more}
    return action("setVariable", {"scriptToExecute": told}, dedicated=True)


def run(content, args=(), **more):
    return action("scriptToExecute", {"content": content, "args": list(args)}, **more)


def chatwoot(content, args=()):
    told = {"scriptToExecute": {"content": content, "args": list(args)}}
    return action("chatwoot", told)


def plan(*messages, actions=(), asks=None, now=NOW, most=10_000, prompt=lambda _: PROMPT):
    body = {"messages": list(messages), "clientSideActions": list(actions)}
    if asks is not None:
        body["input"] = asks
    answer = read_answer(body)
    assert answer is not None
    return script(answer, now=now, most_wait_ms=most, prompt=prompt)


def played(found):
    return [(play.pause_ms, play.bubble.body) for play in found.plays]


# -- what follows --------------------------------------------------------------------------------


def test_without_input_or_action_the_flow_is_over():
    found = plan(said("tchau"))
    assert (found.next, found.asked, found.prompt, found.reply) == (Next.END, None, None, None)
    assert found.ending is None
    assert not found.hand_off


def test_an_input_waits_and_is_asked_in_the_words_of_its_prompt():
    seen = []
    found = plan(said("q"), asks=INPUT, prompt=lambda asked: seen.append(asked) or PROMPT)
    assert (found.next, found.asked, found.prompt) == (Next.WAIT, INPUT, PROMPT)
    assert seen == [INPUT]


def test_a_payment_is_told_and_given_to_people():
    """Any text would count as paid (typebot-api.md 3), so nothing is waited for."""
    asked = {"id": "p", "type": "payment input"}
    found = plan(
        said("q"), asks=asked, prompt=lambda _: Prompt(offers=(Offer(body="10 €"),), follows=False)
    )
    assert [play.bubble.body for play in found.plays] == ["q", "10 €"]
    assert found.prompt is None
    assert found.hand_off
    assert found.ending == Ending(status=Status.OPEN, note="10 €")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ({"id": "e", "type": "custom-embed", "content": {}}, Next.WAIT),
        (
            {
                "id": "e",
                "type": "embed",
                "content": {"url": "https://e.com", "waitForEvent": {"isEnabled": True}},
            },
            Next.WAIT,
        ),
        ({"id": "e", "type": "embed", "content": {"url": "https://e.com"}}, Next.END),
    ],
)
def test_an_embedded_page_at_the_end_may_wait_for_a_text(last, expected):
    found = plan(said("a"), last)
    assert found.next is expected
    assert found.asked == ({"id": "e", "type": "text input"} if expected is Next.WAIT else None)
    assert plan(last, said("a")).next is Next.END


def test_an_action_that_waits_for_us_goes_before_an_input():
    found = plan(said("a"), actions=[wait(2, after="a", dedicated=True)], asks=INPUT)
    assert (found.next, found.reply, found.pause_ms) == (Next.REPLY, Say(), 2000)
    assert (found.asked, found.prompt) == (None, None)


def test_of_two_actions_that_wait_the_first_counts_and_the_other_is_told():
    found = plan(
        actions=[set_variable("'a'"), action("listenForWebhook", dedicated=True)], asks=INPUT
    )
    assert (found.next, found.reply) == (Next.REPLY, Say(text="a"))
    assert found.left_out == (("typebot.second_reply", "listenForWebhook"),)


def test_a_webhook_block_listens():
    found = plan(said("a"), actions=[action("listenForWebhook", after="a", dedicated=True)])
    assert (found.next, found.reply) == (Next.LISTEN, None)


@pytest.mark.parametrize("kind", ["stream", "streamOpenAiChatCompletion", "hologram", ""])
def test_no_flow_hangs_for_an_action_that_we_do_not_know(kind):
    found = plan(said("a"), actions=[action(kind, {"x": 1}, dedicated=True)])
    assert (found.next, found.reply) == (Next.REPLY, Say())
    assert found.left_out == (("typebot.unknown_action", kind),)
    assert plan(said("a"), actions=[action(kind, {"x": 1})], asks=INPUT).next is Next.WAIT


# -- order ---------------------------------------------------------------------------------------


def test_actions_stand_where_they_are_due():
    found = plan(
        said("a"),
        said("b"),
        actions=[
            wait(1),
            redirect("https://e.com/0"),
            wait(2, after="a"),
            wait(0.5, after="a"),
            redirect("https://e.com/1", after="b"),
            wait(3, after="b", dedicated=True),
        ],
    )
    assert played(found) == [
        (1000, "https://e.com/0"),
        (0, "a"),
        (2500, "b"),
        (0, "https://e.com/1"),
    ]
    assert (found.pause_ms, found.next) == (3000, Next.REPLY)


def test_a_bubble_that_is_not_shown_keeps_its_actions():
    empty = {"id": "gone", "type": "image", "content": {"url": "data:x"}}
    found = plan(said("a"), empty, said("b"), actions=[wait(2, after="gone")])
    assert played(found) == [(0, "a"), (2000, "b")]
    assert [code for code, _ in found.left_out] == ["typebot.bad_url"]


def test_an_action_behind_a_bubble_that_never_came_is_due_at_the_end():
    found = plan(said("a"), said("b"), actions=[wait(2, after="nowhere")], asks=INPUT)
    assert played(found) == [(0, "a"), (0, "b")]
    assert found.pause_ms == 2000
    assert plan(actions=[redirect("https://e.com", after="nowhere")]).plays


def test_a_bubble_that_came_twice_has_its_actions_one_each():
    found = plan(
        said("a"), said("b"), said("a"), said("c"), actions=[wait(1, after="a"), wait(2, after="a")]
    )
    assert played(found) == [(0, "a"), (1000, "b"), (0, "a"), (2000, "c")]


def test_what_was_too_much_is_told():
    found = plan(*(said(str(at)) for at in range(203)))
    assert len(found.plays) == 200
    assert found.left_out == (("typebot.cut", "3 bubbles, actions or items"),)


def markdown(source):
    return {"id": "md", "type": "text", "content": {"type": "markdown", "markdown": source}}


def marked(count):
    leaves = [{"text": "a", "bold": True, "italic": at % 2 == 0} for at in range(count)]
    content = {"type": "richText", "richText": [{"type": "p", "children": leaves}]}
    return {"id": "rich", "type": "text", "content": content}


@pytest.mark.parametrize(
    ("messages", "actions"),
    [
        pytest.param([markdown("- a\n" * 60_000)] * 8, [], id="lists in Markdown"),
        pytest.param([markdown("*a_ " * 60_000)] * 8, [], id="marks in Markdown"),
        pytest.param([marked(20_000)] * 8, [], id="marks on each letter"),
        pytest.param([said("[label a]\n" * 6_000)] * 30, [], id="commands"),
        pytest.param([], [run(";" * 20_000)] * 90, id="scripts"),
        pytest.param([], [chatwoot("setLabel(" * 5_000)] * 40, id="calls"),
    ],
)
def test_no_answer_takes_long_to_read(messages, actions):
    started_at = time.process_time()
    found = plan(*messages, actions=actions)
    assert time.process_time() - started_at < 3
    assert "typebot.cut" in {code for code, _ in found.left_out}


def test_an_action_that_is_too_long_is_answered_all_the_same():
    huge = [{"id": "v", "value": "x" * 600_000}]
    found = plan(actions=[set_variable("v", huge)], asks=INPUT)
    assert found.next is Next.REPLY
    assert found.reply == Say()
    assert found.left_out == (("typebot.cut", "an action"),)


def test_files_in_texts_are_no_flood():
    files = "\n".join(f"![{at}](https://e.com/{at}.png)" for at in range(20))
    found = plan(*[said(files)] * 100)
    assert len(found.plays) == 400
    assert found.left_out == (("typebot.cut", "1600 bubbles, actions or items"),)


def test_an_input_that_is_too_large_keeps_the_items_that_fit():
    items = [{"id": f"i{at}", "content": "x" * 10_000} for at in range(30)]
    asked = {"id": "in", "type": "choice input", "options": {"isMultipleChoice": True}}
    found = plan(asks=asked | {"items": items, "more": "x" * 100_000})
    assert found.asked == asked | {"items": items[:19]}
    assert found.left_out == (("typebot.cut", "11 bubbles, actions or items"),)


def test_an_input_has_so_many_items_at_most():
    items = [{"id": f"i{at}"} for at in range(501)]
    found = plan(asks={"id": "in", "type": "choice input", "items": items})
    assert found.asked is not None
    assert len(found.asked["items"]) == 500


@pytest.mark.parametrize("number", ["123456789012345678901234567890", "1e999", "-9e99"])
def test_a_number_that_no_json_holds_is_a_text(number):
    found = plan(actions=[chatwoot(f"setCustomAttributes({{total: {number}}})")])
    assert found.ending is not None
    assert found.ending.attributes == {"total": number}


def test_attributes_of_many_actions_are_no_flood():
    many = [
        chatwoot("setCustomAttributes({" + ",".join(f"a{at}x{no}: 1" for no in range(50)) + "})")
        for at in range(20)
    ]
    found = plan(actions=many)
    assert found.ending is not None
    assert len(found.ending.attributes) == 50


# -- waits and links -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(2, 2000), (0.25, 250), ("3", 3000), (0, 0), (-5, 0), (3600, 10_000), (1e300, 10_000),
     (None, 0), ("x", 0), (True, 0), ([1], 0), ("nan", 0), ("inf", 0)],
)  # fmt: skip
def test_a_wait_has_a_limit(seconds, expected):
    assert plan(actions=[wait(seconds)]).pause_ms == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://e.com/a?b=1", "https://e.com/a?b=1"),
        ("mailto:a@b.co", "mailto:a@b.co"),
        ("tel:+5511900000010", "tel:+5511900000010"),
        ("e.com/x", "https://e.com/x"),
        ("javascript:alert(1)", None),
        ("", None),
        (7, None),
    ],
)
def test_a_redirect_is_a_line(url, expected):
    found = plan(said("a"), actions=[redirect(url, after="a")])
    assert [play.bubble for play in found.plays[1:]] == (
        [Line(block="a", body=expected)] if expected else []
    )
    assert bool(found.left_out) is (expected is None)


# -- values --------------------------------------------------------------------------------------

MOMENT = "const now = new Date()\n        if(now.getHours() < 12) return 'morning'\n   if(..."
DEVICE = "const detectDeviceType = () => {\n  const hasTouch = ('ontouchstart' in window)"


@pytest.mark.parametrize(
    ("hour", "expected"),
    [(0, "morning"), (11, "morning"), (12, "afternoon"), (17, "afternoon"), (18, "evening"),
     (23, "evening")],
)  # fmt: skip
def test_the_moment_of_the_day_is_that_of_the_person(hour, expected):
    found = plan(actions=[set_variable(MOMENT)], now=NOW.replace(hour=hour))
    assert found.reply == Say(text=expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("'client-side'", "client-side"),
        ('"aspas"', "aspas"),
        ("return 'x';", "x"),
        ("`crase`", "crase"),
        ("42", "42"),
        ("-1.5", "-1.5"),
        ("007", "007"),
        ("true", "true"),
        ('{"a": [1, 2]}', '{"a": [1, 2]}'),
        ("['é', null]", '["é", null]'),
        ("v_name", "Ana"),
        ("return v_name;", "Ana"),
        ("v_list", '["a", "b"]'),
        ("v_list[0]", None),
        ("v_none", None),
        ("Olá, tudo bem?", "Olá, tudo bem?"),
        ("undefined", None),
        ("null", None),
        ("1 + 1", None),
        ("v_name + '!'", None),
        ("`Oi ${v_name}`", None),
        ("new Date", None),
        ("window.location.href", None),
        ("fetch('https://e.com')", None),
        ("", None),
        (None, None),
        (7, None),
        (DEVICE, "mobile"),
        ("new Date().toISOString()", "2026-11-21T17:30:00.000Z"),
        ("new Date(Date.now() + 86400000).toISOString()", "2026-11-22T17:30:00.000Z"),
        ("new Date(Date.now() - 86400000).toISOString()", "2026-11-20T17:30:00.000Z"),
        ("'não", None),
        ("'a' 'b'", None),
        (r"'a\n\'b\' é\x41'", "a\n'b' éA"),
        (r"'\ud800'", "\ufffd"),
    ],
)
def test_a_value_is_known_or_it_is_not(content, expected):
    args = [{"id": "v_name", "value": "Ana"}, {"id": "v_list", "value": ["a", "b"]},
            {"id": "v_none"}, "junk"]  # fmt: skip
    found = plan(actions=[set_variable(content, args)])
    assert (found.next, found.reply) == (Next.REPLY, Say(text=expected))
    assert bool(found.left_out) is (expected is None)


def test_code_that_reads_like_prose_is_code():
    assert plan(actions=[set_variable("abc", isCode=True)]).reply == Say()


# -- requests ------------------------------------------------------------------------------------


def request(**payload):
    return action("httpRequestToExecute", payload, dedicated=True)


def test_a_request_is_handed_on():
    found = plan(
        actions=[request(url="https://e.com/x", headers={"X-A": "1", "X-B": 2}, body={"a": "é"})]
    )
    assert (found.next, found.reply) == (Next.REPLY, Say())
    assert found.call == HttpCall(
        url="https://e.com/x",
        method="GET",
        headers={"Content-Type": "application/json", "X-A": "1"},
        body='{"a": "é"}',
    )


def test_a_request_with_a_text_keeps_it():
    found = plan(actions=[request(url="https://e.com", method="post", body="a=1")])
    assert found.call == HttpCall(url="https://e.com", method="POST", body="a=1")


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"url": 7},
        {"url": "/x"},
        {"url": "file:///etc/passwd"},
        {"url": "https://e.com", "method": "BREW"},
    ],
)
def test_a_request_that_cannot_be_made_is_answered_with_nothing(payload):
    found = plan(actions=[request(**payload)])
    assert (found.next, found.reply, found.call) == (Next.REPLY, Say(), None)
    assert found.left_out


def test_an_action_of_an_old_server_is_known_by_its_payload():
    body = {
        "messages": [],
        "clientSideActions": [
            {"lastBubbleBlockId": "a", "wait": {"secondsToWaitFor": 2}},
            {"webhookToExecute": {"url": "https://e.com/x"}, "expectsDedicatedReply": True},
        ],
    }
    answer = read_answer(body)
    assert answer is not None
    assert [action.kind for action in answer.actions] == ["wait", "webhookToExecute"]
    found = script(answer, now=NOW, most_wait_ms=10_000, prompt=lambda _: None)
    assert (found.pause_ms, found.next) == (2000, Next.REPLY)
    assert found.call == HttpCall(url="https://e.com/x")


def test_headers_stay_on_one_line():
    found = plan(actions=[request(url="https://e.com", headers={"A\r\nB": "x\r\ny: z"})])
    assert found.call is not None
    assert found.call.headers == {"A B": "x y: z"}


# -- hand-over -----------------------------------------------------------------------------------

# The shape of the block's script, in words of our own.
WIDGET = """
  window.addEventListener("chatwoot:error", function (error) { console.log(error); });
  if (window.$chatwoot) {
    window.$chatwoot.setUser(v_id, {
      email: v_email,
      name: "Ana",
      avatar_url: undefined,
      phone_number: v_none
    });
    window.$chatwoot.setCustomAttributes({plano: "pro", 'pontos': 7, vip: true, x: [1]});
    window.$chatwoot.setLabel("loja");
    window.$chatwoot.toggle("%s");
  }
"""
ARGS = [{"id": "v_id", "value": "u1"}, {"id": "v_email", "value": "ana@example.com"},
        {"id": "v_none", "value": None}]  # fmt: skip


def test_the_chatwoot_block_hands_over_with_what_it_tells():
    found = plan(said("a"), actions=[chatwoot(WIDGET % "open", ARGS)], asks=INPUT)
    assert found.hand_off
    assert (found.next, found.asked, found.prompt) == (Next.WAIT, INPUT, None)
    assert found.ending == Ending(
        status=Status.OPEN,
        labels=("loja",),
        attributes={
            "email": "ana@example.com",
            "name": "Ana",
            "plano": "pro",
            "pontos": 7,
            "vip": True,
        },
    )


def test_the_chatwoot_block_that_closes_the_widget_resolves():
    found = plan(actions=[chatwoot("if (window.$chatwoot) window.$chatwoot.toggle('close')")])
    assert not found.hand_off
    assert found.ending == Ending(status=Status.RESOLVED)


@pytest.mark.parametrize(
    "content", ["", 'toggle("', "// toggle('close')", "\"toggle('close')\"", None]
)
def test_a_chatwoot_block_that_cannot_be_read_hands_over(content):
    found = plan(actions=[chatwoot(content)])
    assert found.hand_off
    assert found.ending == Ending(status=Status.OPEN)


@pytest.mark.parametrize(
    ("content", "ending", "hand_off"),
    [
        ("handoff()", Ending(status=Status.OPEN), True),
        (
            'handoff({"team":"suporte","labels":["bot"],"note":v_order})',
            Ending(status=Status.OPEN, team="suporte", labels=("bot",), note="PT123"),
            True,
        ),
        (
            "// para a equipe\nhandoff({team: 7, agent: 'rita@example.com', label: 'vip'});",
            Ending(status=Status.OPEN, team="7", agent="rita@example.com", labels=("vip",)),
            True,
        ),
        ('handoff("sem resposta")', Ending(status=Status.OPEN, note="sem resposta"), True),
        ("resolve()", Ending(status=Status.RESOLVED), False),
        ('label("a", v_order); label(["b"])', Ending(labels=("a", "PT123", "b")), False),
        ('assign({"team": "Vendas"})', Ending(team="Vendas"), False),
        ("console.log('x')\nresolve()", Ending(status=Status.RESOLVED), False),
        # No statement of the script itself:
        ("new Promise((resolve) => setTimeout(() => resolve(), 10))", None, False),
        ("new Promise(resolve => {\n  resolve()\n})", None, False),
        ("function f() {\n  handoff()\n}", None, False),
        ("const resolve = handoff", None, False),
        ("x.handoff()", None, False),
        ("'\\\nhandoff()'", None, False),
        ("`\nhandoff()\n`", None, False),
        ("/* \nhandoff()\n*/", None, False),
        ("// handoff()", None, False),
    ],
)
def test_a_script_may_call_us(content, ending, hand_off):
    found = plan(actions=[run(content, [{"id": "v_order", "value": "PT123"}])])
    assert (found.ending, found.hand_off) == (ending, hand_off)
    assert found.next is Next.END
    assert found.left_out == ()


@pytest.mark.parametrize(
    "content",
    [
        "handoff({team: team()})",
        "handoff({team: v_unknown})",
        "handoff('a' + 'b')",
        "handoff(`${v_order}`)",
        "handoff({",
        "handoff(" + "[" * 200,
        "handoff([" + "1," * 500 + "])",
        "assign({})",
        "label()",
    ],
)
def test_a_call_that_is_no_constant_is_told_and_not_obeyed(content):
    found = plan(actions=[run(content)])
    assert (found.ending, found.hand_off) == (None, False)
    assert [code for code, _ in found.left_out] == ["typebot.unknown_command"]


def test_commands_of_texts_and_scripts_become_one_ending():
    hand_off = {"id": "t", "type": "text", "content": {"richText": [
        {"type": "p", "children": [{"text": "[handoff ligou antes]"}]}]}}  # fmt: skip
    found = plan(said("a"), hand_off, actions=[run('label("vip")', after="a")], asks=INPUT)
    assert found.ending == Ending(status=Status.OPEN, labels=("vip",), note="ligou antes")
    assert found.hand_off
    assert played(found) == [(0, "a")]


@pytest.mark.parametrize("kind", ["pixel", "googleAnalytics", "startPropsToInject"])
def test_what_is_meant_for_a_web_page_is_ignored(kind):
    found = plan(said("a"), actions=[action(kind, {"x": 1})])
    assert (found.left_out, found.ending, len(found.plays)) == ((), None, 1)


# -- anything ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bomb",
    ["/*" * 25_000, "/* " * 16_000, "'" * 50_000, "`" * 50_001, "handoff(" * 6_000, "a " * 25_000,
     "\\" * 50_000,
     "handoff  " * 5_000, "handoff(['" + "\\u0041" * 8_000, "(" * 50_000, "//\n" * 16_000,
     "toggle({a:" * 5_000, "\n" * 50_000 + "x"],
    ids=lambda bomb: bomb[:12],
)  # fmt: skip
def test_no_script_takes_long(bomb):
    before = time.process_time()
    plan(actions=[run(bomb), chatwoot(bomb), set_variable(bomb)])
    assert time.process_time() - before < 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = st.sampled_from(
    ["wait", "redirect", "setVariable", "scriptToExecute", "codeToExecute", "chatwoot", "stream",
     "httpRequestToExecute", "listenForWebhook", "pixel"]
)  # fmt: skip


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "messages": st.lists(
                st.fixed_dictionaries(
                    {}, optional={"id": st.sampled_from("ab"), "type": JSON, "content": JSON}
                ),
                max_size=3,
            )
            | JSON,
            "clientSideActions": st.lists(
                st.builds(
                    lambda kind, payload, after, dedicated: {
                        "type": kind,
                        kind: payload,
                        "lastBubbleBlockId": after,
                        "expectsDedicatedReply": dedicated,
                    },
                    KINDS,
                    JSON
                    | st.fixed_dictionaries(
                        {"scriptToExecute": st.fixed_dictionaries({"content": JSON, "args": JSON})}
                    ),
                    st.sampled_from(["a", "b", "c", None, 7]),
                    st.booleans(),
                ),
                max_size=4,
            )
            | JSON,
            "input": JSON,
            "sessionId": JSON,
            "typebot": JSON,
        },
    )
)
def test_no_answer_breaks_the_plan(body):
    answer = read_answer(body)
    if answer is None:
        return
    found = script(answer, now=datetime(2026, 1, 1, tzinfo=UTC), most_wait_ms=10_000,
                   prompt=lambda _: None)  # fmt: skip
    waiting = [each for each in answer.actions if each.expects_reply]
    assert (found.next in {Next.REPLY, Next.LISTEN}) is bool(waiting)
    assert (found.reply is not None) is (found.next is Next.REPLY)
    assert (found.asked is not None) is (found.next is Next.WAIT)
    assert all(play.pause_ms >= 0 for play in found.plays)
