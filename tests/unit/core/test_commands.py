"""What an agent wants of a number, as they write it to the bot."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.commands import (
    Check,
    ClearCache,
    Command,
    Connect,
    Disconnect,
    Help,
    Merge,
    MergeStep,
    Misused,
    PauseBots,
    ResumeBots,
    Retry,
    Status,
    Unknown,
    Word,
    dialled,
    read,
)
from bridge.locale import LANGUAGES, say

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WORDS: dict[str, Command] = {
    "init": Connect(),
    "iniciar": Connect(),
    "init:": Connect(),
    "qr": Connect(),
    "QR Code": Connect(),
    "init:5511987654321": Connect(number="5511987654321"),
    "iniciar: +55 (11) 98765-4321": Connect(number="+55 (11) 98765-4321"),
    "init 11 98765-4321": Connect(number="11 98765-4321"),
    "status": Status(),
    "situação": Status(),
    "estado": Status(),
    "clearcache": ClearCache(),
    "limpar cache": ClearCache(),
    "disconnect": Disconnect(),
    "desconectar": Disconnect(),
    "retry": Retry(),
    "tentar": Retry(),
    "tentar novamente": Retry(),
    "reintentar": Retry(),
    "check": Check(),
    "verificar": Check(),
    "comprobar": Check(),
    "help": Help(),
    "ajuda": Help(),
    "ayuda": Help(),
    "?": Help(),
    "pause bot": PauseBots(),
    "pausar o bot": PauseBots(),
    "pausar bots": PauseBots(),
    "pause bot 30": PauseBots(lasts=30 * MINUTE),
    "pause bot 45 min": PauseBots(lasts=45 * MINUTE),
    "pausar bot 2h": PauseBots(lasts=2 * HOUR),
    "pausar bot por 1 hora e 30 minutos": PauseBots(lasts=90 * MINUTE),
    "pausar bot durante 1h30": PauseBots(lasts=90 * MINUTE),
    "pausar bot 1 día": PauseBots(lasts=DAY),
    "pause bot for 2 days and 3 hours": PauseBots(lasts=2 * DAY + 3 * HOUR),
    "pause bot 30d": PauseBots(lasts=30 * DAY),
    "resume bot": ResumeBots(),
    "retomar bot": ResumeBots(),
    "reanudar los bots": ResumeBots(),
    "merge": Merge(),
    "mesclar plano": Merge(),
    "merge apply": Merge(step=MergeStep.APPLY),
    "mesclar aplicar 12": Merge(step=MergeStep.APPLY, plan=12),
    "fusionar aplicar #3": Merge(step=MergeStep.APPLY, plan=3),
    "merge status": Merge(step=MergeStep.STATUS),
    "mesclar descartar 3": Merge(step=MergeStep.DROP, plan=3),
}
NO_COMMANDS = [
    "initial plan",
    "can you init it?",
    "init the number",
    "disconnect now",
    "please disconnect",
    "status ok",
    "o status",
    "obrigado",
    "statusdisconnect",
    "/",
    "//init",
    "",
    " \n\t",
    "\u202e",
    "disconnect\n\nstatus",
    "status " * 30,
    "x" * 200_000,
    "status" + " " * 2000 + "and more, far behind",
]
#: What is around a word without meaning anything.
DECORATED = [
    "/{}",
    "  {}\n",
    "\u00a0{}\u2003",
    "*{}*",
    "**{}**",
    "`{}`",
    "_/{}_",
    "\u201c{}\u201d",
    "{}.",
    "{} !",
    "\u200b{}\ufeff",
    "\u202a{}\u202c",
    "\u2067{}\u2069",
    "\\/{}",
    "{}\n\n--\n\nCaio Nogueira\nVendas, disconnect",
]


@pytest.mark.parametrize(("text", "meant"), WORDS.items())
def test_words_of_all_three_languages_are_understood(text: str, meant: Command) -> None:
    assert read(text) == meant


@pytest.mark.parametrize("around", DECORATED)
@pytest.mark.parametrize("word", ["init", "desconectar", "pause bot", "merge"])
def test_what_is_around_a_command_does_not_matter(word: str, around: str) -> None:
    assert read(around.format(word)) == WORDS[word]


@pytest.mark.parametrize("word", WORDS)
def test_case_accents_and_widths_do_not_matter(word: str) -> None:
    assert type(read(word.upper())) is type(WORDS[word])
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in word)
    assert type(read(wide)) is type(WORDS[word])
    accented = word.replace("i", "i\u0301").replace("a", "a\u0303")
    assert type(read(accented)) is type(WORDS[word])


@pytest.mark.parametrize("text", NO_COMMANDS)
def test_anything_else_is_no_command(text: str) -> None:
    assert read(text) == Unknown()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("init:my phone", Word.CONNECT),
        ("init 55119x", Word.CONNECT),
        ("pause bot tomorrow", Word.PAUSE),
        ("pause bot 0", Word.PAUSE),
        ("pause bot 31 days", Word.PAUSE),
        ("pause bot 99999h", Word.PAUSE),
        ("pause bot 999999h", Word.PAUSE),
        ("pausar bot 2 semanas", Word.PAUSE),
        ("pause bot -5", Word.PAUSE),
        ("merge everything", Word.MERGE),
        ("merge 3", Word.MERGE),
        ("merge plan 3", Word.MERGE),
        ("merge apply 99999999999999999999", Word.MERGE),
    ],
)
def test_what_begins_like_a_command_and_makes_no_sense_is_explained(text: str, word: Word) -> None:
    assert read(text) == Misused(word=word)


@given(st.text(max_size=300))
def test_nothing_that_anybody_writes_fails(text: str) -> None:
    read(text)
    dialled(text, region="BR")
    dialled(text, region=None)


@pytest.mark.parametrize(
    ("typed", "region", "digits"),
    [
        ("5511987654321", "BR", "5511987654321"),
        ("11 98765-4321", "BR", "5511987654321"),
        ("+55 (11) 98765-4321", None, "5511987654321"),
        ("0055 11 98765-4321", "BR", "5511987654321"),
        ("0055 11 98765-4321", None, "5511987654321"),
        ("\u0665\u0665\u0661\u0661\u0669\u0668\u0667\u0666\u0665\u0664\u0663\u0662\u0661", "BR",
         "5511987654321"),
        ("+1 415 555 2671", "BR", "14155552671"),
        ("54 9 11 2345-6789", "BR", "5491123456789"),
        ("98765-4321", "BR", None),
        ("123", None, None),
        ("+", "BR", None),
        ("9" * 30, None, None),
        ("120363000000000000@g.us", "BR", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_type_them(
    typed: str, region: str | None, digits: str | None
) -> None:
    assert dialled(typed, region=region) == digits


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_help_names_is_a_command(language: str) -> None:
    texts = [say(language, "command.help"), say(language, "command.unknown")]
    texts += [say(language, f"command.misused.{word}") for word in Word]
    named = [word for text in texts for word in re.findall(r"`([^`]+)`", text)]
    assert len(named) > 15
    for word in named:
        assert not isinstance(read(word), Unknown | Misused), word
