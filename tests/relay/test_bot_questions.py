"""A question that nobody was asked: somebody took the word before it was shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.bridge_house import MARINA
from support.flow_house import Bot, ask, choose, flow, flow_house, text, wait

COLOR = flow(
    *("pede", text("Seu nome?"), ask()),
    *(text("Qual cor?"), choose("Azul", "Verde"), text("Pronto: {{answer}}")),
)


async def word(bot: Bot, status: str) -> None:
    """Somebody takes or gives the word; a call that hangs ends after it."""
    told = {"remoteJid": f"{MARINA}@s.whatsapp.net", "status": status}
    await bot.house.ok("POST", "/typebot/changeStatus/loja", json=told)
    bot.typebot.faults.clear()
    await bot.house.quiet()


async def test_it_is_asked_when_the_person_writes_after_the_word_was_given_back(
    tmp_path: Path,
) -> None:
    async with flow_house(tmp_path, COLOR) as bot:
        await bot.says("oi")
        bot.typebot.faults.hang(60, times=1)
        await bot.house.graph.customer_writes(MARINA, "Rui")
        await bot.typebot.wait_for(lambda: bool(bot.calls()))
        await word(bot, "paused")
        assert bot.heard == ["Seu nome?"]

        await word(bot, "opened")
        assert bot.heard == ["Seu nome?"]  # the bot does not speak first
        await bot.says("azul")  # which answers nothing that was asked
        assert bot.heard == ["Seu nome?", "Qual cor?"]
        assert bot.house.graph.sent[-1].type == "interactive"
        assert bot.asked == ["Rui"]

        await bot.says("2")
        assert bot.asked == ["Rui", "Verde"]
        assert bot.heard[-1] == "Pronto: Verde"
        assert (await bot.turns())[-1] == ("delivered", None)


async def test_it_is_asked_when_its_bubble_was_silenced_on_its_way(tmp_path: Path) -> None:
    async with flow_house(tmp_path, COLOR, bot={"delayMessage": 60_000}) as bot:
        await bot.house.graph.customer_writes(MARINA, "oi")
        await bot.typebot.wait_for(lambda: bool(bot.calls("startChat")))
        await bot.reaches(lambda talk: talk.state.left == 1)
        await word(bot, "paused")
        await word(bot, "opened")
        await bot.later(61)
        assert bot.heard == []

        await bot.house.graph.customer_writes(MARINA, "Rui")
        await bot.reaches(lambda talk: talk.state.left == 1)
        await bot.later(61)
        assert (bot.heard, bot.asked) == (["Seu nome?"], [])
        await bot.house.graph.customer_writes(MARINA, "Rui")
        await bot.typebot.wait_for(lambda: bool(bot.calls()))
        assert bot.asked == ["Rui"]


@pytest.mark.parametrize("again", [False, True], ids=["asked", "asked once more"])
async def test_what_was_asked_is_answered_after_the_pause(tmp_path: Path, again: bool) -> None:
    one = flow("pede", text("E-mail?"), ask("email"), text("Pronto: {{answer}}"))
    async with flow_house(tmp_path, one) as bot:
        await bot.says("oi")
        if again:
            await bot.says("não sei")
        heard = len(bot.heard)
        await word(bot, "paused")
        await word(bot, "opened")
        await bot.says("rui@example.com")
        assert bot.heard[heard:] == ["Pronto: rui@example.com"]


async def test_a_payment_is_told_and_given_to_people_with_a_note(tmp_path: Path) -> None:
    one = flow(
        "paga", text("Quase lá."), ask("payment", amount="10", currency="BRL"), text("Pago!")
    )
    async with flow_house(tmp_path, one) as bot:
        await bot.says("oi")
        assert bot.heard[0] == "Quase lá."
        assert len(bot.heard) == 2
        (conversation,) = bot.house.chats()
        assert conversation.status == "open"
        assert "Payment: 10 BRL" in bot.notes[0]
        await bot.says("já paguei")
        assert bot.calls() == []
        assert len(bot.heard) == 2


async def test_what_was_said_before_a_wait_is_the_question(tmp_path: Path) -> None:
    one = flow("pede", text("Seu nome?"), wait(0.1), ask(), text("Obrigado!"))
    async with flow_house(tmp_path, one) as bot:
        await bot.says("oi")
        await bot.says("Rui")
        assert bot.heard == ["Seu nome?", "Obrigado!"]
        assert "Seu nome? **Rui**" in bot.notes[0]
