"""Trouble as the control room tells it: short, what it means for messages, and what to do."""

from __future__ import annotations

import pytest

from bridge.locale import LANGUAGES
from bridge.relay import alert_texts
from bridge.relay.spans import span
from bridge.store.queries.troubles import Death

MINUTE = 60_000


def death(road: str, cause: str, count: int, reason: str = "It *broke*.") -> Death:
    return Death(road=road, cause=cause, reason=reason, count=count, ended_at=0)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "pt_BR",
            (
                "⚠️ *loja*: nem tudo pôde ser entregue.\n"
                "- 3 mensagens de clientes não chegaram ao Chatwoot.\n"
                "- 1 mensagem de agente não foi enviada.\n"
                "\nMotivo:\n- 2 × It \\*broke\\*.\n- 1 × Other.\n- 1 × Third.\n\n"
                "Nada se perdeu. Depois de resolver o motivo, escreva `tentar` nesta conversa para "
                "enviar de novo."
            ),
        ),
        (
            "en",
            (
                "⚠️ *loja*: not everything could be delivered.\n"
                "- 3 customers' messages did not reach Chatwoot.\n"
                "- 1 agent's message was not sent.\n"
                "\nWhy:\n- 2 × It \\*broke\\*.\n- 1 × Other.\n- 1 × Third.\n\n"
                "Nothing is lost. Once the cause is solved, write `retry` in this conversation to "
                "try again."
            ),
        ),
        (
            "es",
            (
                "⚠️ *loja*: no todo se pudo entregar.\n"
                "- 3 mensajes de clientes no llegaron a Chatwoot.\n"
                "- 1 mensaje de un agente no se envió.\n"
                "\nMotivo:\n- 2 × It \\*broke\\*.\n- 1 × Other.\n- 1 × Third.\n\n"
                "No se perdió nada. Cuando el motivo esté resuelto, escriba `reintentar` en esta "
                "conversación para enviar de nuevo."
            ),
        ),
    ],
)
def test_dead_letters_are_counted_with_their_causes(language, text):
    deaths = [
        death("inbound", "x.one", 2),
        death("inbound", "x.two", 1, "Other."),
        death("outbound", "x.three", 1, "Third."),
    ]
    assert alert_texts.dead_letters(language, deaths, instance="loja") == text


def test_only_the_most_frequent_causes_are_named():
    deaths = [death("inbound", f"x.{n}", n, f"Reason {n}.") for n in range(1, 6)]

    assert "- 5 × Reason 5.\n- 4 × Reason 4.\n- 3 × Reason 3.\n- 3 × other reasons\n" in (
        alert_texts.dead_letters("en", deaths, instance="loja")
    )


@pytest.mark.parametrize(
    ("road", "cause", "known"),
    [
        ("outbound", "whatsapp.window", True),
        ("outbound", "internal.bug", False),
        ("inbound", "whatsapp.window", False),
    ],
)
def test_what_an_agent_reads_below_the_message_alarms_nobody(road, cause, known):
    assert alert_texts.is_known_to_agents("en", death(road, cause, 1)) is known


@pytest.mark.parametrize(
    ("waited", "dead", "text"),
    [
        (0, 0, "Nobody wrote in that time."),
        (1, 0, "1 customer's message waited and is delivered now. None was lost."),
        (
            7,
            2,
            (
                "7 customers' messages waited and are delivered now, in order. 2 of them could "
                "not be delivered and are kept: write `retry` to try again."
            ),
        ),
    ],
)
def test_a_chatwoot_that_is_back_says_what_waited(waited, dead, text):
    said = alert_texts.was_away("en", lasted=12 * MINUTE, waited=waited, dead=dead)

    assert said == f"✅ Chatwoot is back: for 12 minutes it took no messages from Ponte. {text}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "cause",
    ["token", "permission", "registration", "payment", "account", "quality"],
)
def test_what_pauses_an_account_is_told_with_its_remedy_in_the_agents_language(language, cause):
    text = alert_texts.paused(language, f"whatsapp.{cause}", "In English.", instance="loja")

    assert "English" not in text
    assert "*loja*" in text
    assert "  " not in text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        (0, "menos de 1 minuto"),
        (1, "1 minuto"),
        (119, "119 minutos"),
        (120, "2 horas"),
        (2879, "48 horas"),
        (2880, "2 dias"),
    ],
)
def test_a_span_is_told_in_one_unit(minutes, text):
    assert span("pt_BR", minutes * MINUTE) == text
