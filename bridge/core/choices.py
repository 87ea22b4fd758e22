"""Which of several options somebody means who answers with a text. Pure.

People answer a numbered text with the number, the words, or the beginning of the words; with or
without accents, capitals, punctuation and emoji. What could mean two options means none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from bridge.core.number_words import VALUES
from bridge.core.outgoing import Option

#: A text that is longer answers no menu.
LONGEST: Final = 300
#: So many characters of a title say which option is meant, when only one begins so.
SHORTEST_PREFIX: Final = 3

_WORDS: Final = r"(?:(?:opcao|opcion|option|opc?|numero|number|num|item|no?|#)[\s.:]*)?"
_NUMBER: Final = re.compile(rf"{_WORDS}(\d{{1,3}})\s*[.):-]?")
_LINE: Final = re.compile(r"(\d{1,3})\s*[.):-]\s*(.+)")
_AROUND: Final = " \t\n.,;!?\u2026\"'\u201c\u201d\u2018\u2019*_~`()[]"
#: What makes a digit an emoji (variation selector, key cap), and the colours of hands.
_KEYCAP: Final = dict.fromkeys((0xFE0F, 0x20E3, *range(0x1F3FB, 0x1F400)))
_TEN: Final = "\N{KEYCAP TEN}"


_WORD: Final = re.compile(rf"{_WORDS}([a-z]+)")
_ORDINALS: Final[Mapping[str, int]] = MappingProxyType(
    {
        word: place
        for place, words in enumerate(
            (
                "ultima ultimo last",
                "primeira primeiro primera primero first",
                "segunda segundo second",
                "terceira terceiro tercera tercero third",
                "quarta quarto cuarta cuarto fourth",
                "quinta quinto fifth",
                "sexta sexto sixth",
                "setima setimo septima septimo seventh",
                "oitava oitavo octava octavo eighth",
                "nona nono novena noveno ninth",
                "decima decimo tenth",
            )
        )
        for word in words.split()
    }
)
_PLACE: Final = re.compile(
    r"(?P<noun>(?:(?:a|o|la|el|the|na|no) )?)(?:(?P<digits>\d{1,3})(?:[oa]|st|nd|rd|th)"
    r"|(?P<word>[a-z]+))(?P<tail>(?: (?:opcao|opcion|option|alternativa|one|data|fecha|date))?)"
)
#: They are days of the week, too, where nothing says that they count.
_WEEKDAYS: Final = frozenset({"segunda", "quarta", "quinta", "sexta"})
#: What people put around an answer, as it is compared.
_POLITE: Final = re.compile(
    r"(?:(?:eu|entao|bom|oi|ola|hola|hi|hello|ok|quero|queria|gostaria de|vou querer|vou de|escolho"
    r"|prefiro|acho que|pode ser|seria|fico com|me ve|por favor|a|o|quiero|prefiero|elijo|creo que"
    r"|la|el|i want|i d like|i choose|the|please) )+(?P<first>.+)"
)
_THANKS: Final = re.compile(
    r"(?P<last>.+?)(?: (?:por favor|pfv|pfvr|pf|pls|please|obrigad[oa]|obg|valeu|mesmo|viu|gracias"
    r"|thanks|thank you|ok))+"
)
#: An option is none of these, but an amount may be.
_HOW_MANY: Final = frozenset({"uma", "una", "un", "duas"})
_YES: Final = frozenset(
    (
        *("s", "ss", "sim", "si", "yes", "y", "yep", "yeah", "claro", "com certeza", "isso"),
        *("isso mesmo", "correto", "exato", "positivo", "confirmo", "aham", "uhum"),
        *("con certeza", "correcto", "sure", "right"),
    )
)
_NO: Final = frozenset({"n", "nn", "nao", "naum", "no", "nope", "nop", "negativo", "not"})
_YES_SIGNS: Final = frozenset("\N{THUMBS UP SIGN}\N{WHITE HEAVY CHECK MARK}")
_NO_SIGNS: Final = frozenset("\N{THUMBS DOWN SIGN}\N{CROSS MARK}")
_FIRST_WORD: Final = re.compile(r"\W*(\w+)\s*(?:\W*|[^\w\s].*)")


_NONE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def choose(text: str, options: Sequence[Option]) -> Option | None:
    """The option that is meant; None: none of them, or it is not certain which.

    A number or a title comes before an id, which the person never saw.
    """
    meant = meant_by(text, options)
    return meant[0] if len(meant) == 1 else None


def meant_by(
    text: str, options: Sequence[Option], *, names: Mapping[str, tuple[str, ...]] = _NONE
) -> tuple[Option, ...]:
    """All options that a text may mean, in their order; one: it is certain.

    `names` are what else an option is called, by its id: they count as its title does.
    """
    if len(text) > LONGEST:
        return ()
    said = _plain(text)
    if not said:
        return ()
    called = [(option, _called(option, names)) for option in options]
    found = _named(said, text.strip(), called, options)
    for core in _cores(_bare(said)):
        found = found or _named(core, "", called, options)
    return tuple(found)


_Named: TypeAlias = Sequence[tuple[Option, tuple[str, ...]]]


def _named(said: str, raw: str, called: _Named, options: Sequence[Option]) -> list[Option]:
    titled = [option for option, titles in called if said in titles]
    numbered = _numbered(said, options)
    meant = [option for option in options if option in titled or option in numbered]
    if not meant:
        meant = [option for option in options if option.id == raw]
    bare = _bare(said)
    if not meant and bare:
        meant = [one for one, titles in called if bare in {_bare(title) for title in titles}]
    if not meant and len(bare) >= SHORTEST_PREFIX:
        meant = [one for one, titles in called if any(_begins(title, said) for title in titles)]
    if not meant:
        titles = {word for _, titles in called for title in titles for word in _bare(title).split()}
        place = place_of(bare, len(options)) or _spelled(bare, alone=bool(raw))
        is_title = not titles.isdisjoint(bare.split())
        meant = [options[place - 1]] if place and place <= len(options) and not is_title else []
    return meant


def place_of(plain: str, count: int) -> int | None:
    """The place that an ordinal names ("a segunda opção"), of so many; None: it names none.

    `plain` is a text as `spoken` gives it. "Segunda" alone may be a day of the week.
    """
    found = _PLACE.fullmatch(plain)
    if found is None:
        return None
    if found["digits"]:
        place = int(found["digits"])
    else:
        word = found["word"]
        if word not in _ORDINALS or (word in _WEEKDAYS and not found["noun"] + found["tail"]):
            return None
        place = _ORDINALS[word] or count
    return place if 1 <= place <= count else None


def is_yes(text: str) -> bool:
    """Whether a text says yes, and nothing besides."""
    return _says(_plain(text[:LONGEST]), _YES, _YES_SIGNS)


def _says(said: str, words: frozenset[str], signs: frozenset[str]) -> bool:
    bare = _bare(said)
    drawn_out = re.sub(r"(.)\1+", r"\1", bare)
    return bare in words or drawn_out in words or (not bare and bool(said) and set(said) <= signs)


def agreeing(text: str, options: Sequence[Option]) -> tuple[Option, ...]:
    """The options that say yes, or no, where a text says that and no more ("s", "claro").

    "Não sei" says more than no. It is for whoever was just asked: in a talk people say it of much.
    """
    said = _plain(text[:LONGEST])
    for words, signs in ((_YES, _YES_SIGNS), (_NO, _NO_SIGNS)):
        if _says(said, words, signs):
            titles = ((option, _FIRST_WORD.fullmatch(_plain(option.title))) for option in options)
            return tuple(option for option, found in titles if found and found[1] in words)
    return ()


def _cores(bare: str) -> tuple[str, ...]:
    """An answer without what is said behind it, and before it too ("quero a 2, por favor")."""
    thanked = found["last"] if (found := _THANKS.fullmatch(bare)) else bare
    core = found["first"] if (found := _POLITE.fullmatch(thanked)) else thanked
    return tuple(one for one in dict.fromkeys((thanked, core)) if one != bare)


def _spelled(bare: str, *, alone: bool) -> int | None:
    """The place that a word counts: "dois", "opção duas"; "quero duas" says how many."""
    found = _WORD.fullmatch(bare)
    if found is None or (found[1] == bare and (not alone or bare in _HOW_MANY)):
        return None
    return VALUES.get(found[1])


def spoken(text: str) -> str:
    """A text as titles are compared: without case, accents, punctuation and emoji."""
    return _bare(_plain(text[:LONGEST]))


def polite(text: str) -> str:
    """A text as titles are compared, without what people say around an answer."""
    bare = spoken(text)
    return (bare, *_cores(bare))[-1]


def _called(option: Option, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(_plain(title) for title in (option.title, *names.get(option.id, ())))


def _begins(title: str, said: str) -> bool:
    """Whether a title begins so. "Sim" is no beginning of "Simples"."""
    bare = _bare(said)
    if bare in _YES or bare in _NO:
        return f"{_bare(title)} ".startswith(f"{bare} ")
    return title.startswith(said) or _bare(title).startswith(bare)


def _numbered(said: str, options: Sequence[Option]) -> list[Option]:
    """The option with the number that was said, perhaps with its title behind it."""
    line = _LINE.fullmatch(said)
    found = line or _NUMBER.fullmatch(said)
    if found is None:
        return []
    place = int(found[1])
    if not 1 <= place <= len(options):
        return []
    option = options[place - 1]
    return [option] if line is None or _plain(option.title) == _plain(line[2]) else []


def _plain(text: str) -> str:
    """Without case, accents, key caps, and punctuation around it; on one line."""
    bare = text.replace(_TEN, "10").translate(_KEYCAP)
    parts = unicodedata.normalize("NFKD", bare)
    kept = "".join(mark for mark in parts if unicodedata.category(mark) not in {"Mn", "Cf", "Cc"})
    return " ".join(kept.casefold().split()).strip(_AROUND)


def _bare(plain: str) -> str:
    """The letters and digits of a plain text; what stands between them is one space."""
    return " ".join("".join(mark if mark.isalnum() else " " for mark in plain).split())
