"""Every text that a person reads exists in every language, and is one of the texts in `locale/`.

What the code says is read from the code itself: keys stand in it whole, or as an f-string whose
places may be anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import bridge
from bridge.errors.catalogue import CODES
from bridge.locale import LANGUAGES, language_of, texts

CODE = Path(bridge.__file__).parent
KEYS = frozenset(texts(LANGUAGES[0]))
TOPICS = frozenset(key.partition(".")[0] for key in KEYS)
#: Topics that begin nothing else in the code but events of the log.
OWN_TOPICS = {"placeholder", "kind", "shown", "figures", "note", "who", "menu", "file"}
#: Causes that are no codes of errors: states of a part, and what stands for all others.
CAUSES = {"uncertain", "too_old", "other"}
#: Texts around that of a failure.
AROUND = {"whatsapp.window_templates", "whatsapp.window_more", "whatsapp.window_note"}
#: Where people read what is passed by these names.
SHOWN = {"content", "text", "caption", "body", "error"}
#: Functions that take a key, and where among what they are given.
SAYS = {"say": 1, "noting": 3}
#: What a place in an f-string may become.
ANYTHING = "[A-Za-z0-9_.]+"
BEGINNING = re.compile(rf"({'|'.join(TOPICS)})\.")
#: Topics whose texts are named by what WhatsApp calls a kind, and by codes of a lost connection.
NAMED_ELSEWHERE = {"kind", "bot"}
KEY = re.compile(r"[a-z_]+(\.[A-Za-z0-9_]+)+")


@cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """The code that may say something, with where it stands: all that reads texts or names them."""
    found: list[tuple[str, ast.AST]] = []
    for path in sorted(CODE.rglob("*.py")):
        where, text = path.relative_to(CODE), path.read_text("utf-8")
        if where.parts[0] in ("core", "relay", "locale") or "bridge.locale" in text:
            walked = ast.walk(ast.parse(text))
            found += [(f"{where}:{getattr(node, 'lineno', 0)}", node) for node in walked]
    return tuple(found)


@cache
def words() -> frozenset[str]:
    return frozenset(
        node.value
        for _, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def pattern(key: ast.JoinedStr) -> str:
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else ANYTHING
        for part in key.values
    )


@cache
def patterns() -> tuple[tuple[str, str], ...]:
    """Regular expressions of the f-strings that begin as a key does, with where they stand."""
    return tuple(
        (where, pattern(node))
        for where, node in nodes()
        if isinstance(node, ast.JoinedStr)
        and isinstance(node.values[0], ast.Constant)
        and BEGINNING.match(str(node.values[0].value))
    )


def said() -> Iterator[tuple[str, ast.expr]]:
    """What is passed as a key, with where; both sides of an `if` in it."""
    for where, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYS:
            waiting = [node.args[SAYS[node.func.id]]]
            while waiting:
                key = waiting.pop()
                if isinstance(key, ast.IfExp):
                    waiting += [key.body, key.orelse]
                else:
                    yield where, key


def logged() -> set[str]:
    """Events of the log, which look like keys."""
    return {
        str(node.args[0].value)
        for _, node in nodes()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "log"
        and isinstance(node.args[0], ast.Constant)
    }


@cache
def endings() -> set[str]:
    """What is put behind a key: ``.one`` and ``.many``."""
    return {
        str(key.values[-1].value)
        for _, key in said()
        if isinstance(key, ast.JoinedStr)
        and len(key.values) > 1
        and isinstance(key.values[-1], ast.Constant)
        and not isinstance(key.values[0], ast.Constant)
    }


def places(text: str) -> set[str]:
    """What a text is filled in with."""
    return {name.partition("[")[0] for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_texts(language: str) -> None:
    assert set(texts(language)) == KEYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_forgotten(language: str) -> None:
    """What is not translated yet has a mark of whoever wrote it."""
    odd = {
        key: text
        for key, text in texts(language).items()
        if not text.strip() or re.search(r"\b(TODO|FIXME|XXX)\b", text) or text.endswith(" ")
    }
    assert odd == {}


def test_a_text_is_filled_in_with_the_same_in_every_language() -> None:
    """And by names: what has none cannot change its place in a sentence."""
    named = {key: [places(texts(language)[key]) for language in LANGUAGES] for key in KEYS}
    odd = {key: one for key, one in named.items() if one[1:] != one[:-1] or "" in one[0]}
    assert odd == {}


def test_the_code_says_nothing_that_does_not_exist() -> None:
    missing = [
        (where, ast.unparse(key))
        for where, key in said()
        if (isinstance(key, ast.Constant) and key.value not in KEYS)
        or (isinstance(key, ast.JoinedStr) and not any(re.fullmatch(pattern(key), k) for k in KEYS))
    ]
    assert missing == []


def test_what_looks_like_a_text_is_one() -> None:
    looks = {one for one in words() if KEY.fullmatch(one) and one.partition(".")[0] in OWN_TOPICS}
    looks -= logged()
    begun = [one.replace("\\", "") for _, one in patterns()]
    parts = {one for one in looks if any(whole.startswith(one) for whole in begun)}
    assert looks - parts - KEYS == set()


def test_no_text_is_left_over() -> None:
    made = {one for where, one in patterns() if not where.startswith("locale/")}
    causes = CODES.keys() | CAUSES | AROUND

    def is_said(key: str) -> bool:
        topic, _, rest = key.partition(".")
        if topic == "failure":
            return rest in causes
        if any(key.endswith(one) and key.removesuffix(one) in words() for one in endings()):
            return True
        whole_topic = rf"{topic}\.{ANYTHING}"
        if whole_topic in made and (topic in NAMED_ELSEWHERE or rest in words()):
            return True
        return any(re.fullmatch(one, key) for one in made - {whole_topic})

    assert {key for key in KEYS - words() if not is_said(key)} == set()


def test_what_people_read_is_not_written_into_the_code() -> None:
    """As far as the code shows it: nothing that is passed to be read holds words of ours."""
    written = [
        (where, ast.unparse(keyword.value))
        for where, node in nodes()
        if where.startswith("relay/") and isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in SHOWN and _has_words(keyword.value)
    ]
    assert written == []


def _has_words(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str) and bool(re.search(r"[^\W\d_]{2}", value.value))
    if isinstance(value, ast.JoinedStr):
        return any(_has_words(part) for part in value.values if isinstance(part, ast.Constant))
    if isinstance(value, ast.IfExp):
        return _has_words(value.body) or _has_words(value.orelse)
    if isinstance(value, ast.BinOp):
        return _has_words(value.left) or _has_words(value.right)
    return False


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("pt_BR", "pt_BR"),
        ("pt-BR", "pt_BR"),
        ("pt", "pt_BR"),
        ("PT_br", "pt_BR"),
        ("en", "en"),
        ("en_GB", "en"),
        ("es", "es"),
        ("es-419", "es"),
        ("de", None),
        ("est", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_locale_is_one_of_ours_or_none(locale: object, language: str | None) -> None:
    assert language_of(locale) == language
