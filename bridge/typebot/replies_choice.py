"""Which of the things that an input offers is meant (typebot-api.md 3.2). Pure.

The engine knows the exact label alone (numbers and labels inside a text, where several may be
chosen): what people write is resolved here, and sent as the engine wants it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bridge.core.choices import LONGEST, meant_by, spoken
from bridge.core.flow import Meaning
from bridge.typebot.offered import CARDS, Offered, many, offered
from bridge.typebot.replies_hearing import Hearing, answer, in_writing, saying, unchanged, which

_AMBIGUOUS: Final = "typebot.choice_ambiguous"
_ALL: Final = (
    "todas|todos|tudo|all|everything|todo|as duas|os dois|ambas|ambos|both|las dos|los dos"
)
_EVERYTHING: Final = re.compile(
    rf"(?:{_ALL})(?: (?:as|os|las|los|the|of|them|opcoes|opciones|options|elas|eles))*"
)
_BUT: Final = re.compile(r"(?P<all>.+?) (?:menos|exceto|excepto|salvo|except|but) (?P<without>.+)")
_NOT: Final = re.compile(r"\b(?:menos|exce[pt]to|salvo|except|but|nao|no|not|sem|sin|without)\b")
#: Words between what is chosen.
_BETWEEN: Final = re.compile(
    r"e|y|and|mais|tambem|also|plus|os?|as?|l[ao]s?|the|opc(?:ao|oes|ion|iones)|options?"
    r"|numeros?|item|itens|quero|quiero"
)
_SEPARATORS: Final = re.compile(r"[,;/+&\n]|\s(?:e|y|and)\s", re.IGNORECASE)


def choice(heard: Hearing) -> Meaning:
    """Resolve a choice input, a picture choice or cards."""
    found = _in_order(heard)
    pressed = [one for one in found if heard.said.choice in (one.option.id, one.reply_id)]
    if heard.said.choice is not None and pressed:
        return _chosen(heard, pressed[:1])
    written = in_writing(heard)
    if written is not None:
        return written
    return _several(heard, found) if many(heard.asked) else _one(heard, found)


def _in_order(heard: Hearing) -> tuple[Offered, ...]:
    """What is offered, as the person saw it numbered."""
    found = offered(heard.asked, language=heard.language)
    by_id = {one.option.id: one for one in found}
    seen = [option.id for option in heard.numbered]
    if not seen or not all(id_ in by_id for id_ in seen):
        return found
    return (*(by_id[id_] for id_ in seen), *(one for one in found if one.option.id not in seen))


def _one(heard: Hearing, found: Sequence[Offered]) -> Meaning:
    exact = _taken(heard, found)
    meant = _meant(saying(heard, lambda line: _meant(line, found)), found)
    if exact is not None:
        is_number_too = heard.numbered and any(one.full != exact.full for one in meant)
        if is_number_too and not heard.again:
            return _which(heard, meant)
        return _chosen(heard, [exact])
    if meant and len({spoken(one.option.title) or one.option.title for one in meant}) == 1:
        is_same = len(meant) == 1 or heard.asked.get("type") != CARDS
        return _chosen(heard, meant[:1]) if is_same else _which(heard, meant)
    return _which(heard, meant) if meant else unchanged(heard)


def _taken(heard: Hearing, found: Sequence[Offered]) -> Offered | None:
    """What the engine itself takes a text for: an id, a value, an exact label; a card's title."""
    text = heard.typed
    for one in sorted(found, key=lambda one: -len(one.words)):
        if text in _unseen(one) or (text == one.words and heard.asked.get("type") != CARDS):
            return one
    if heard.asked.get("type") == CARDS:
        said = text.casefold()
        return next((one for one in found if one.names and one.names[0].casefold() == said), None)
    return None


def _unseen(one: Offered) -> tuple[str, ...]:
    """Its id and value, which nobody saw: a number is one of those that were shown."""
    return tuple(name for name in one.others if not name.strip().isdecimal())


def _meant(text: str, found: Sequence[Offered]) -> list[Offered]:
    names = {one.option.id: one.names for one in found}
    meant = meant_by(text, [one.option for one in found], names=names)
    return [one for one in found if one.option in meant]


def _which(heard: Hearing, meant: Sequence[Offered]) -> Meaning:
    return which(heard, _AMBIGUOUS, (f'"{one.full}"' for one in meant))


def _chosen(heard: Hearing, chosen: Sequence[Offered]) -> Meaning:
    """Send what the engine takes for exactly this."""
    shown = ", ".join(one.full for one in chosen)
    if not many(heard.asked):
        return answer(chosen[0].words, shown=shown, reply_id=chosen[0].reply_id)
    return answer(_in_words_of_engine(heard, chosen), shown=shown)


# ---------------------------------------------------------------------- several


def _several(heard: Hearing, found: Sequence[Offered]) -> Meaning:
    if len(heard.typed) > LONGEST:
        return unchanged(heard)
    said = spoken(heard.typed)
    chosen = _picked(said, found)
    if chosen is None and (but := _BUT.fullmatch(said)) and _EVERYTHING.fullmatch(but["all"]):
        without = _picked(but["without"], found) or list(found)
        chosen = [one for one in found if one not in without] or None
    if chosen:
        return _chosen(heard, chosen)
    return _by_parts(heard, found)


def _picked(said: str, found: Sequence[Offered]) -> list[Offered] | None:
    """What numbers and names choose, in the order of the menu; None: more was said than that."""
    if _EVERYTHING.fullmatch(said):
        return list(found)
    words = said.split()
    called = sorted(_called(found), key=lambda name: -len(name[0]))
    chosen: list[Offered] = []
    at = 0
    while at < len(words):
        name = next((one for one in called if tuple(words[at : at + len(one[0])]) == one[0]), None)
        number = int(words[at]) if words[at].isascii() and words[at].isdecimal() else 0
        if name is not None:
            chosen.append(name[1])
            at += len(name[0])
        elif 1 <= number <= len(found):
            chosen.append(found[number - 1])
            at += 1
        elif _BETWEEN.fullmatch(words[at]):
            at += 1
        else:
            return None
    return [one for one in found if one in chosen] or None


def _called(found: Iterable[Offered]) -> Iterator[tuple[tuple[str, ...], Offered]]:
    for one in found:
        for name in (one.option.title, *one.names, *_unseen(one)):
            words = tuple(spoken(name).split())
            if words:
                yield words, one


def _by_parts(heard: Hearing, found: Sequence[Offered]) -> Meaning:
    """Each part by its beginning; where one says nothing, the whole text is the engine's."""
    parts = [part.strip() for part in _SEPARATORS.split(heard.typed) if part.strip()]
    whole = _meant(heard.typed, found)
    meant = [whole] if whole else [_meant(part, found) for part in parts]
    if meant and all(meant):
        doubtful = next((each for each in meant if len(each) > 1), None)
        if doubtful is not None:
            return _which(heard, doubtful)
        chosen = [each[0] for each in meant]
        return _chosen(heard, [one for one in found if one in chosen])
    if _NOT.search(spoken(heard.typed)) and _found_by_engine(heard.typed, found):
        return which(heard, _AMBIGUOUS, (f'"{one.full}"' for one in found))
    return unchanged(heard)


def _in_words_of_engine(heard: Hearing, chosen: Sequence[Offered]) -> str:
    """Ids, labels, values or numbers: the first form in which the engine finds these alone.

    It looks for all four as whole words, so that a label which contains another, or an id which is
    a number, would choose too much. Where no form is safe it gets labels, the longest of which it
    finds first.
    """
    found = offered(heard.asked, language=heard.language)
    forms = (
        [one.option.id for one in chosen],
        [one.words for one in chosen],
        [one.names[0] if one.names else one.words for one in chosen],
        [str(one.place) for one in chosen],
    )
    texts = [", ".join(form) for form in forms]
    wanted = [one for one in found if one in chosen]
    return next((text for text in texts if _found_by_engine(text, found) == wanted), texts[1])


def _found_by_engine(text: str, found: Sequence[Offered]) -> list[Offered]:
    """All that the engine may find in a text (typebot-api.md 3.2)."""
    said = text.casefold()
    return [
        one
        for one in found
        if any(
            re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", said)
            for name in (one.words, *one.others, str(one.place))
            if name.strip()
        )
    ]
