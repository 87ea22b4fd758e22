"""A flow that asks for everything, answered as people answer, over HTTP with the stand-ins."""

from __future__ import annotations

from pathlib import Path

from support.flow_house import ask, choose, flow, flow_house, text

EVERYTHING = flow(
    *("cadastro", text("Quantas pessoas?"), ask("number", min=1, max=20)),
    *(text("Que dia?"), ask("date", format="yyyy-MM-dd")),
    *(text("Que horas?"), ask("time")),
    *(text("E-mail?"), ask("email")),
    *(text("Telefone?"), ask("phone number")),
    *(text("Site?"), ask("url")),
    *(text("Nota?"), ask("rating", length=5)),
    *(text("Sabores?"), choose("Queijo", "Bacon e ovos", "Cebola", isMultipleChoice=True)),
    *(text("{{answer}}"), text("Confirma?"), choose("Sim, confirmo", "Não"), text("{{answer}}")),
)


async def test_each_kind_of_input_takes_what_people_write(tmp_path: Path) -> None:
    async with flow_house(tmp_path, EVERYTHING) as bot:
        await bot.says("oi")
        for said in (
            *("somos doze pessoas", "25/12/2027, por favor", "às oito da noite"),
            *("ana arroba example ponto com", "005511987650000", "meu site é example.com.br"),
            *("★★★★☆", "quero a 1 e bacon", "s"),
        ):
            await bot.says(said)
        assert bot.heard[-1] == "Sim, confirmo"
        assert len(bot.calls()) == 9  # nothing was asked twice
        assert bot.asked[:7] == [
            *("12", "2027-12-25", "20:00", "ana@example.com", "+5511987650000", "example.com.br"),
            "4",
        ]
        assert "Queijo, Bacon e ovos" in bot.heard


async def test_one_of_what_was_asked_back_is_named(tmp_path: Path) -> None:
    """What somebody answers is understood as an answer to the question that they saw last."""
    one = flow("hora", text("Que horas?"), ask("time"), text("Pronto: {{answer}}"))
    async with flow_house(tmp_path, one) as bot:
        await bot.says("oi")
        await bot.says("duas e meia")
        assert "02:30 or 14:30" in (bot.heard[-1] or "")
        assert bot.calls() == []
        await bot.says("da tarde")
        assert bot.heard[-1] == "Pronto: 14:30"
        assert bot.asked == ["14:30"]
