"""Which of the things that an input offers is meant (typebot-api.md 3.2). Pure.

The engine knows the exact label alone (numbers and labels inside a text, where several may be
chosen): what people write is resolved here, and sent as the engine wants it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from bridge.core.choices import LONGEST, agreeing, meant_by, place_of, polite, spoken
from bridge.core.flow import Meaning, Understood
from bridge.core.folding import folded
from bridge.core.number_words import VALUES
from bridge.typebot.asking import several_hint
from bridge.typebot.offered import CARDS, Offered, many, offered
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    saying,
    unchanged,
    which,
)

_AMBIGUOUS: Final = "typebot.choice_ambiguous"
_ALL: Final = "todas|todos|tudo|all|everything|todo"
_BOTH: Final = re.compile(r"(?:as duas|os dois|ambas|ambos|both|las dos|los dos)(?: .{0,20})?")
_EVERYTHING: Final = re.compile(
    rf"(?:{_ALL})(?: (?:as|os|las|los|the|of|them|opcoes|opciones|options|elas|eles))*"
)
_BUT: Final = re.compile(r"(?P<all>.+?) (?:menos|exceto|excepto|salvo|except|but) (?P<without>.+)")
#: Words between what is chosen.
_BETWEEN: Final = re.compile(
    r"e|y|and|mais|tambem|also|plus|os?|as?|l[ao]s?|the|opc(?:ao|oes|ion|iones)|options?"
    r"|numeros?|item|itens|quero|quiero|so|somente|apenas|solo|only|just|por|favor|please|pfv"
    r"|obrigad[oa]|gracias|thanks"
)
_OR: Final = re.compile(r"\s(?:ou|or)\s|(?<=\d)\s+o\s+(?=\d)", re.IGNORECASE)
#: From one number to another, or perhaps these two alone.
_RANGE: Final = re.compile(r"(?:de |from )?(\d{1,3})\s*(?:a|as|ate|to|hasta|-)\s*(\d{1,3})")
_ORDINAL: Final = re.compile(r"(\d{1,3})[oa]")
#: So many letters within a title say which one may be meant.
_LEAST: Final = 4
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
    if _is_hidden(heard.typed, found):
        anew = replace(heard, again=False)
        return which(anew, _AMBIGUOUS, [_read(heard, [one]) for one in found])
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
            return _which(heard, meant) or unchanged(heard)
        return _chosen(heard, [exact])
    if meant and len({spoken(one.option.title) or one.option.title for one in meant}) == 1:
        is_same = len(meant) == 1 or heard.asked.get("type") != CARDS
        if is_same:
            return _chosen(heard, meant[:1])
    either = [one for part in _OR.split(heard.typed) for one in _meant(part, found)]
    return _which(heard, meant or either or _within(heard.typed, found)) or unchanged(heard)


def _within(text: str, found: Sequence[Offered]) -> list[Offered]:
    """Whose title holds what was said: not certain ("pedido" is no "Cancelar pedido")."""
    said = polite(text)
    if len(said) < _LEAST:
        return []
    return [one for one in found if f" {said} " in f" {spoken(one.option.title)} "]


def _taken(heard: Hearing, found: Sequence[Offered]) -> Offered | None:
    """What the engine itself takes a text for: an id, a value, an exact label; a card's title."""
    text = heard.typed
    for one in sorted(found, key=lambda one: -len(one.words)):
        if text in _unseen(one) or (text == one.words and _is_label(heard, one)):
            return one
    if heard.asked.get("type") == CARDS:
        said = text.casefold()
        return next((one for one in found if one.names and one.names[0].casefold() == said), None)
    return None


def _is_label(heard: Hearing, one: Offered) -> bool:
    """Whether its words for the engine were seen: the id of a picture without a title was not."""
    return heard.asked.get("type") != CARDS and one.words == one.option.title


def _unseen(one: Offered) -> tuple[str, ...]:
    """Its id and value, which nobody saw: a number is one of those that were shown."""
    return tuple(name for name in one.others if not name.strip().isdecimal())


def _is_hidden(text: str, found: Sequence[Offered]) -> bool:
    """Whether the engine would take it for an id, though nobody saw one ("0", of those it made)."""
    is_id = any(text == one.option.id != one.option.title for one in found)
    return is_id and text.isdecimal() and not 1 <= int(text) <= len(found)


def _meant(text: str, found: Sequence[Offered]) -> list[Offered]:
    names = {one.option.id: one.names for one in found}
    options = [one.option for one in found]
    meant = meant_by(text, options, names=names) or agreeing(text, options)
    return [one for one in found if one.option in meant]


def _which(heard: Hearing, meant: Sequence[Offered]) -> Meaning | None:
    if not meant:
        return None
    return which(heard, _AMBIGUOUS, (_read(heard, [one]) for one in meant), quoted=True)


def _read(heard: Hearing, chosen: Sequence[Offered]) -> Understood:
    """What is sent for these, and how they are told in a question."""
    return replace(_chosen(heard, chosen), shown=" + ".join(one.full for one in chosen))


def _chosen(heard: Hearing, chosen: Sequence[Offered]) -> Understood:
    """Send what the engine takes for exactly this."""
    shown = ", ".join(one.full for one in chosen)
    if not many(heard.asked):
        said = _alone(heard, chosen[0])
        return answer(said, shown=shown, reply_id=chosen[0].reply_id)
    return answer(_in_words_of_engine(heard, chosen), shown=shown)


def _alone(heard: Hearing, one: Offered) -> str:
    """Its label, or its id where the engine would take the label for another, named alike."""
    if heard.asked.get("type") == CARDS:
        return one.words
    found = offered(heard.asked, language=heard.language)
    in_turn = sorted(found, key=lambda each: -len(each.words))
    first = next(each for each in in_turn if one.words in (each.words, *each.others))
    return one.words if first.option.id == one.option.id else one.option.id


# ---------------------------------------------------------------------- several


def _several(heard: Hearing, found: Sequence[Offered]) -> Meaning:
    if len(heard.typed) > LONGEST:
        return unchanged(heard)
    said = spoken(heard.typed)
    if _BOTH.fullmatch(said) and len(found) != 2:  # noqa: PLR2004  both of what?
        return ask_back(heard, _AMBIGUOUS, several_hint(found, heard.language))
    doubt = _either(heard, found)
    if doubt is not None:
        return doubt
    chosen = _picked(said, found)
    if chosen is None and (but := _BUT.fullmatch(said)) and _EVERYTHING.fullmatch(but["all"]):
        left_out = _meant(but["without"], found)
        without = _picked(but["without"], found) or (left_out if len(left_out) == 1 else None)
        chosen = [one for one in found if without and one not in without]
    if chosen:
        return _chosen(heard, chosen)
    return _by_parts(heard, found)


def _either(heard: Hearing, found: Sequence[Offered]) -> Meaning | None:
    """Ask which, where one of several is meant ("1 ou 3"), or where it is unclear how many."""
    if any(spoken(heard.typed) == spoken(one.option.title) for one in found):
        return None
    if reach := _RANGE.fullmatch(folded(heard.typed).strip(" .!")):
        first, last = int(reach[1]), int(reach[2])
        if 1 <= first < last - 1 and last <= len(found):
            ends = [found[first - 1], found[last - 1]]
            both = (_read(heard, found[first - 1 : last]), _read(heard, ends))
            return which(heard, _AMBIGUOUS, both, quoted=True)
    parts = _OR.split(heard.typed)
    read = [_picked(spoken(part), found) or _meant(part, found) for part in parts]
    if len(parts) > 1 and all(len(each) == 1 for each in read):
        return _which(heard, [one for each in read for one in each])
    return None


def _picked(said: str, found: Sequence[Offered]) -> list[Offered] | None:
    """What numbers and names choose, in the order of the menu; None: more was said than that."""
    if _EVERYTHING.fullmatch(said) or (len(found) == 2 and _BOTH.fullmatch(said)):  # noqa: PLR2004  both are all
        return list(found)
    words = said.split()
    titles = {word for one in found for word in spoken(one.option.title).split()}
    called = sorted(_called(found), key=lambda name: -len(name[0]))
    chosen: list[Offered] = []
    at = 0
    while at < len(words):
        name = next((one for one in called if tuple(words[at : at + len(one[0])]) == one[0]), None)
        number = 0 if name is not None else _number(words[at], len(found), titles)
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


def _number(word: str, count: int, titles: set[str]) -> int:
    """The place that a word names; 0: none. A word that stands in a title is of that title."""
    if word.isascii() and word.isdecimal():
        return int(word[:4])
    if word in titles:
        return 0
    if found := _ORDINAL.fullmatch(word):
        return int(found[1])
    return VALUES.get(word) or place_of(f"a {word}", count) or 0


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
            return _which(heard, doubtful) or unchanged(heard)
        chosen = [each[0] for each in meant]
        return _chosen(heard, [one for one in found if one in chosen])
    if _found_by_engine(heard.typed, found):
        # It would choose these, and lose what else was said ("1 e 6", "sem queijo").
        return ask_back(heard, _AMBIGUOUS, several_hint(found, heard.language))
    return _which(heard, _within(heard.typed, found)) or unchanged(heard)


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
