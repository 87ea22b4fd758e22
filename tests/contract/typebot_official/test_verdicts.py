"""The rules that compare Ponte with Typebot's own channel, on invented steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.official_channel import recordings
from support.official_channel.messages import Choice, Shown
from support.official_channel.reasons import Better
from support.official_channel.recordings import Step
from support.official_channel.verdicts import GENERIC, Facts, Moment, Verdict, judge, judged

RECORDED = recordings.all_of(Path(__file__).parent / "recordings")
PLANS = ("Free", "Professional plan yearly", "Enterprise")


def wrote(text, **more):
    return {"type": "text", "text": {"body": text}, "timestamp": "1795251580", **more}


def said(*texts):
    return tuple(Shown(kind="text", text=text) for text in texts)


def buttons(text, *titles, kind="button"):
    choices = tuple(Choice(id=f"i{n}", title=title) for n, title in enumerate(titles))
    return Shown(kind=kind, text=text, choices=choices)


def found(official, ours, *, before=None, kinds=(), offered=(), **facts):
    moment = Moment(
        official=official,
        ours=ours,
        facts=Facts(kinds=dict(kinds), **facts),
        before=before,
        offered=offered,
    )
    return judge(moment)


@pytest.mark.parametrize("scenario", RECORDED, ids=lambda one: one.name)
def test_who_sends_what_the_recording_sends_is_not_worse(scenario):
    facts = Facts()
    for one in judged(scenario.steps, [replace(s, stuck=False) for s in scenario.steps], facts):
        assert one.verdict is not Verdict.WORSE, one


@pytest.mark.parametrize("scenario", RECORDED, ids=lambda one: one.name)
def test_who_sends_less_is_worse(scenario):
    """Each message of each recording, left out in turn, is missed."""
    for at, step in enumerate(scenario.steps):
        for gone in range(len(step.sent)):
            less = replace(step, stuck=False, sent=(*step.sent[:gone], *step.sent[gone + 1 :]))
            ours = [replace(one, stuck=False) for one in scenario.steps]
            ours[at] = less
            answer = list(judged(scenario.steps, ours, Facts()))[at]
            if answer.better != (Better.NO_ANSWER,):  # it told of an answer that was none
                assert answer.verdict is Verdict.WORSE, (at, step.sent[gone])


def test_a_message_too_many_is_worse():
    official = Step(written=(wrote("Oi"),), sent=said("Olá"), waits_at="q")
    ours = replace(official, sent=said("Olá", "Como vai?"))
    assert found(official, ours).why_worse == "added: 'Como vai?'"


def test_another_order_is_worse():
    official = Step(written=(wrote("Oi"),), sent=said("a", "b"), waits_at="q")
    assert found(official, replace(official, sent=said("b", "a"))).verdict is Verdict.WORSE


def test_a_stuck_session_of_ours_is_worse_whatever_was_sent():
    official = Step(written=(wrote("Oi"),), sent=said("Olá"), waits_at="q")
    assert found(official, replace(official, stuck=True)).verdict is Verdict.WORSE


def test_waiting_elsewhere_is_worse():
    official = Step(written=(wrote("Oi"),), sent=said("Olá"), waits_at="q")
    assert found(official, replace(official, waits_at=None)).verdict is Verdict.WORSE


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        ("https://a.co (https://a.co)", "https://a.co", Better.LINK_ONCE),
        ("Temos:\n* pão\n* bolo", "Temos:\n- pão\n- bolo", Better.LISTS),
        ("# Aviso\n\nHoje", "*Aviso*\n\nHoje", Better.HEADINGS),
        ("https://www.youtube.com/embed/aB-1", "https://youtu.be/aB-1", Better.LINK_OPENS),
    ],
)
def test_what_is_written_better(theirs, ours, reason):
    official = Step(written=(wrote("Oi"),), sent=said(theirs), waits_at="q")
    assert found(official, replace(official, sent=said(ours))).better == (reason,)
    assert found(replace(official, sent=said(ours)), official).verdict is Verdict.WORSE


def test_one_list_for_two_button_messages():
    cut = ("Free", "Professional plan ..", "Enterprise", "Outro")
    first, second = buttons("Qual?", *cut[:3]), buttons("―", cut[3])
    second = replace(second, choices=(Choice(id="i3", title="Outro"),))
    official = Step(written=(wrote("Oi"),), sent=(first, second), waits_at="q")
    whole = buttons("Qual?", *PLANS, "Outro", kind="list")
    answer = found(official, replace(official, sent=(whole,)))
    assert answer.better == (Better.ONE_MENU, Better.TITLES_WHOLE)
    numbered = "Qual?\n\n1. Free\n2. Professional plan yearly\n3. Enterprise\n4. Outro"
    answer = found(official, replace(official, sent=said(numbered)))
    assert answer.better == (Better.ONE_MENU,)
    lost = replace(whole, choices=whole.choices[:3])
    assert found(official, replace(official, sent=(lost,))).why_worse == "missing: 'Outro'"


@pytest.mark.parametrize("text", ["1", "1.", "free", "FREE", "opção 1", "prof"])
def test_an_answer_that_is_understood(text):
    offered = buttons("", *PLANS).choices
    again = Step(written=(wrote(text),), sent=(buttons(GENERIC, *PLANS),), waits_at="q")
    ours = Step(written=(wrote(text),), sent=said("Você escolheu"), waits_at=None)
    assert found(again, ours, before="q", offered=offered).better == (Better.UNDERSTOOD,)


@pytest.mark.parametrize("text", ["7", "talvez", "e", ""])
def test_an_answer_that_nobody_can_understand_must_not_pass(text):
    offered = buttons("", *PLANS, "Essencial").choices
    again = Step(written=(wrote(text),), sent=(buttons(GENERIC, *PLANS),), waits_at="q")
    ours = Step(written=(wrote(text),), sent=said("Você escolheu"), waits_at=None)
    assert found(again, ours, before="q", offered=offered).verdict is Verdict.WORSE


@pytest.mark.parametrize(
    ("kind", "text", "passes"),
    [
        ("email input", " ana@example.com ", True),
        ("email input", "ana arroba", False),
        ("time input", "14h30", True),
        ("date input", "amanhã", True),
        ("file input", "pular", True),
        ("file input", "o que?", False),
    ],
)
def test_plain_answers_as_people_write_them(kind, text, passes):
    again = Step(written=(wrote(text),), sent=said(GENERIC), waits_at="q")
    ours = Step(written=(wrote(text),), sent=said("Obrigado"), waits_at=None)
    facts = {"kinds": {"q": kind}, "optional": frozenset({"q"})}
    verdict = found(again, ours, before="q", **facts).verdict
    assert verdict is (Verdict.BETTER if passes else Verdict.WORSE)


def test_what_was_dropped_is_answered_or_kept():
    written = (wrote("a"), wrote("b"))
    mute = Step(written=written, stuck=True, waits_at="q")
    told = Step(written=written, sent=said("a e b"), waits_at="q")
    assert found(mute, told, before="q").better == (Better.ANSWERED,)
    half = Step(written=written, sent=said("Disse: a"), waits_at="q")
    whole = Step(written=written, sent=said("Disse: a\nb"), waits_at="q")
    assert found(half, whole, before="q").better == (Better.ANSWERED,)
    assert found(whole, half, before="q").verdict is Verdict.WORSE
    assert found(mute, replace(mute, stuck=False, kept=True)).better == (Better.KEPT,)


def test_a_sticker_is_no_answer():
    written = ({"type": "sticker", "sticker": {"id": "1"}},)
    taken = Step(written=written, sent=said("Você disse: []"), waits_at="q")
    assert found(taken, Step(written=written, waits_at="q"), before="q").better == (
        Better.NO_ANSWER,
    )
    assert found(taken, taken, before="q").verdict is Verdict.SAME


def test_people_take_payments():
    kinds = {"p": "payment input"}
    asked = Step(written=(wrote("Oi"),), sent=said("Pague aqui"), waits_at="p")
    told = said("Pague aqui", "Uma pessoa vai ajudar.")
    ours = Step(written=asked.written, sent=told, handed_over=True)
    assert found(asked, ours, kinds=kinds).better == (Better.UNPAID,)
    for wrong in (
        replace(ours, handed_over=False),
        replace(ours, sent=said("Pague aqui")),
        replace(ours, sent=told[1:]),
    ):
        assert found(asked, wrong, kinds=kinds).verdict is Verdict.WORSE
    # Waiting for a payment as the official channel does, it must not take a text for one.
    paid = Step(written=(wrote("paid"),), sent=said("Pago!"))
    waits = Step(written=(wrote("paid"),), sent=said("Ainda não."), waits_at="p")
    assert found(paid, waits, before="p", kinds=kinds).verdict is Verdict.WORSE


def test_the_flow_gets_what_was_sent():
    card = {"name": {"formatted_name": "Bia"}, "phones": [{"phone": "+55 11 90000-0000"}]}
    written = ({"type": "contacts", "contacts": [card]},)
    empty = Step(written=written, sent=said("Disse: []"), waits_at="q")
    ours = replace(empty, sent=said("Disse: [Bia +55 11 90000-0000]"))
    assert found(empty, ours, before="q").better == (Better.ALL_READ,)
    assert found(empty, replace(empty, sent=said("Disse: [x]"))).verdict is Verdict.WORSE


def test_asking_again_with_a_reason():
    official = Step(written=(wrote("?"),), sent=(buttons(GENERIC, *PLANS),), waits_at="q")
    ours = replace(official, sent=(buttons("Escolha uma das opções.", *PLANS),))
    assert found(official, ours, before="q").better == (Better.SAYS_WHY,)
    assert found(official, replace(official, sent=()), before="q").verdict is Verdict.WORSE


def test_people_take_over_where_the_flow_has_a_chatwoot_block():
    official = Step(written=(wrote("Oi"),), sent=said("Um momento", "mais"), waits_at="q")
    ours = Step(written=(wrote("Oi"),), sent=said("Um momento"), handed_over=True)
    assert found(official, ours, kinds={"c": "chatwoot"}).better == (Better.HANDED_OVER,)
    assert found(official, ours).verdict is Verdict.WORSE


def test_a_hint_below_a_question_that_needs_one():
    official = Step(written=(wrote("Oi"),), sent=said("Envie"), waits_at="f")
    ours = replace(official, sent=said("Envie", "Aceito: PDF."))
    assert found(official, ours, kinds={"f": "file input"}).better == (Better.HINT,)
    assert found(official, ours, many=frozenset({"f"})).better == (Better.HINT,)
    assert found(official, ours, kinds={"f": "text input"}).verdict is Verdict.WORSE
    long = replace(official, sent=said("Envie", "um\ndois\ntrês\nquatro"))
    assert found(official, long, kinds={"f": "file input"}).verdict is Verdict.WORSE


def test_pictures_that_are_dropped_and_where_pictures_lead():
    gif, page = "https://x.co/a.gif", "https://x.co/loja"
    image = Shown(kind="image")
    official = Step(written=(wrote("Oi"),), sent=(image, *said("fim")), waits_at="q")
    facts = {"dropped": frozenset({gif}), "leads": frozenset({page})}
    for more in (said(gif), (Shown(kind="video"),), (Shown(kind="document"),)):
        ours = replace(official, sent=(image, *more, *said("fim")))
        assert found(official, ours, **facts).better == (Better.PICTURES_SHOWN,)
        assert found(official, ours).verdict is Verdict.WORSE
    led = replace(official, sent=(Shown(kind="image", text=page), *said("fim")))
    assert found(official, led, **facts).better == (Better.PICTURES_LEAD,)
    assert found(official, replace(led, sent=led.sent[1:]), **facts).verdict is Verdict.WORSE


def test_a_better_menu_in_another_order_is_worse():
    first, second = buttons("Qual?", "A", "B", "C"), buttons("―", "D")
    second = replace(second, choices=(Choice(id="i3", title="D"),))
    whole = buttons("Qual?", "A", "B", "C", "D", kind="list")
    official = Step(written=(wrote("Oi"),), sent=(*said("Olá"), first, second), waits_at="q")
    ours = replace(official, sent=(*said("Olá"), whole))
    assert found(official, ours).better == (Better.ONE_MENU,)
    turned = replace(official, sent=(whole, *said("Olá")))
    assert found(official, turned).why_worse == "missing: 'the order'"


def test_after_a_turning_the_rest_is_not_compared():
    offered = (buttons("Qual?", *PLANS),)
    asks = Step(written=(wrote("Oi"),), sent=offered, waits_at="q")
    again = Step(written=(wrote("1"),), sent=(buttons(GENERIC, *PLANS),), waits_at="q")
    last = Step(written=(wrote("Free"),), sent=said("Grátis"))
    ours = [asks, Step(written=(wrote("1"),), sent=said("Grátis")), Step(written=last.written)]
    verdicts = [one.verdict for one in judged([asks, again, last], ours, Facts())]
    assert verdicts == [Verdict.SAME, Verdict.BETTER]
