"""What agents read when a flow could not go on, and of what it asked before."""

from __future__ import annotations

import re

import pytest

from bridge.core.handoff import How
from bridge.errors import ForbiddenAddress, PeerError
from bridge.locale import LANGUAGES, say
from bridge.net.http import Answer
from bridge.relay.bot.ending_texts import note
from bridge.relay.bot.reasons import why
from bridge.typebot.faults import Call, fault, forbidden


def answer(status: int, body: bytes = b"<html></html>") -> PeerError:
    return fault(Answer(status=status, body=body, headers={}), call=Call.START)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_in_a_private_network_is_told_in_the_agents_language(language: str) -> None:
    error = forbidden(ForbiddenAddress("10.0.0.7 leads to a private or reserved address."))
    assert "network.allowed_private_hosts" in why(language, error)
    assert "reserved" not in why(language, error)


def test_something_else_at_the_address_is_not_called_a_typebot_that_is_down() -> None:
    assert "não é o Typebot que responde" in why("pt_BR", answer(404))
    assert "firewall" in why("pt_BR", answer(403))
    assert "outro endereço" in why("pt_BR", answer(301))
    assert why("pt_BR", answer(503)).startswith("Não foi possível conectar ao Typebot. Verifique ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 503])
def test_each_failure_says_what_to_do_too(language: str, status: int) -> None:
    told = why(language, answer(status)).removesuffix(say(language, "flow.perhaps"))
    assert re.search(r"\w[.;] \w", told), told


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("Qual é o seu nome?", "Qual é o seu nome?"),
        ("Mande uma foto.", "Mande uma foto:"),
        ("Nome: ", "Nome:"),
        ("Olá!\n*Qual bolo* você quer?", "Olá! **Qual bolo** você quer?"),
        ("# Quem? [@Ana](mention://user/1/Ana)", "\\# Quem? [@Ana\\](mention://user/1/Ana):"),
        ("", "-:"),
    ],
)
def test_a_question_has_one_mark_at_its_end(question: str, shown: str) -> None:
    text = note(
        "pt_BR",
        how=How.ENDED,
        flow="vendas",
        why="",
        answers=[(question, "Rita")],
        words=None,
        unknown=(),
    )
    assert text.splitlines()[-1] == f"- {shown} **Rita**"
