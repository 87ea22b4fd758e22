"""How an input is asked on WhatsApp (typebot-api.md 3, 3.1). Pure.

Typebot's own channel shows choices alone; whoever builds a flow asks for everything else in a
bubble. So do we, but for what nobody can know: the ends of a scale, which files, how to skip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from bridge.core.flow import Offer, Prompt
from bridge.core.outgoing import Option
from bridge.locale import say
from bridge.typebot import file_kinds
from bridge.typebot.fields import number, table
from bridge.typebot.offered import BUTTONS, CARDS, PICTURES, Offered, many, offered, panels, words

#: Of a rating without one (3).
LENGTH: Final = 10
_SELECT: Final = "whatsAppPictureChoiceSelectLabel"
#: What Typebot itself writes into the label of a file input: it is about a page.
_ON_A_PAGE: Final = re.compile(r"drag and drop|click to upload", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
#: A label that is longer is no label.
_LONGEST_LABEL: Final = 300
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def prompt_of(
    asked: Mapping[str, Any], *, language: str, system: Mapping[str, str] = _NONE
) -> Prompt | None:
    """How an input is asked; None: the bubbles before it say all. Never raises.

    Everything that is offered has Typebot's ids. `system` holds the flow's own texts (1.3).
    """
    match asked.get("type"):
        case type_ if type_ in (BUTTONS, PICTURES, CARDS):
            return _choice(asked, language, system)
        case "rating input":
            return _told(_scale(asked, language), follows=True)
        case "file input":
            return _told(_files(asked, language))
        case "payment input":
            return _told(_payment(asked, language))
        case _:
            return None


def ends(asked: Mapping[str, Any]) -> tuple[int, int]:
    """The lowest and the highest number of a rating; Typebot enforces the highest alone (3)."""
    options = table(asked.get("options"))
    length, low = number(options.get("length")), number(options.get("startsAt"))
    is_icons = options.get("buttonType") == "Icons"
    highest = int(length) if length is not None and length >= 1 else LENGTH
    lowest = 1 if low is None or is_icons else int(low)
    return min(lowest, highest), highest


def skip_word(asked: Mapping[str, Any], language: str) -> str:
    """With what an optional file is skipped: the label of the flow, or a word of ours."""
    return _label(asked, "skip") or say(language, "ask.skip")


def is_required(asked: Mapping[str, Any]) -> bool:
    """Whether a file input cannot be skipped."""
    return table(asked.get("options")).get("isRequired") is not False


def file_hint(asked: Mapping[str, Any], language: str) -> str:
    """What to send to a file input; the flow's own words first."""
    options = table(asked.get("options"))
    several = options.get("isMultipleAllowed") is True
    types = file_kinds.limits(asked)
    hint = _label(asked, "placeholder")
    if not hint or _ON_A_PAGE.search(hint):
        hint = say(language, "ask.files" if several else "ask.file")
    lines = [hint]
    if types:
        told = file_kinds.told(types, language)
        lines.append(say(language, "ask.file_types", types=told))
    if not is_required(asked):
        lines.append(say(language, "ask.file_skip", word=skip_word(asked, language)))
    return "\n".join(lines)


def _told(text: str, *, follows: bool = False) -> Prompt | None:
    return Prompt(offers=(Offer(body=text),), follows=follows) if text else None


def _choice(asked: Mapping[str, Any], language: str, system: Mapping[str, str]) -> Prompt | None:
    found = offered(asked, language=language)
    if not found:
        return None
    hint = several_hint(found, language) if many(asked) else ""
    if asked.get("type") == BUTTONS:
        offers: tuple[Offer, ...] = (Offer(body=hint, options=_options(found)),)
    elif hint:
        offers = (*_numbered_pictures(asked, language), Offer(body=hint))
    else:
        offers = tuple(
            Offer(
                body=panel.body,
                options=_selected(panel.offered, asked, system),
                picture=panel.picture,
            )
            for panel in panels(asked, language=language)
        )
    return Prompt(
        offers=offers,
        follows=asked.get("type") == BUTTONS,
        many=bool(hint),
        label=say(language, "menu.label"),
    )


def _options(found: tuple[Offered, ...]) -> tuple[Option, ...]:
    return tuple(one.option for one in found)


def _selected(
    found: tuple[Offered, ...], asked: Mapping[str, Any], system: Mapping[str, str]
) -> tuple[Option, ...]:
    """Below a picture stands its title, or what the flow wants on the button: then behind it."""
    label = words(system.get(_SELECT))
    if asked.get("type") != PICTURES or not label:
        return _options(found)
    return tuple(replace(one.option, title=label, description=one.option.title) for one in found)


def _numbered_pictures(asked: Mapping[str, Any], language: str) -> tuple[Offer, ...]:
    """Each picture with its number in its text, as Typebot's own channel has it."""
    return tuple(
        Offer(body=f"{place}. {panel.body or panel.offered[0].option.title}", picture=panel.picture)
        for place, panel in enumerate(panels(asked, language=language), start=1)
    )


def several_hint(found: Sequence[Offered], language: str) -> str:
    """How to choose several."""
    return say(language, "ask.many", example="1, 2" if len(found) > 1 else "1")


def _scale(asked: Mapping[str, Any], language: str) -> str:
    low, high = ends(asked)
    left, right = _label(asked, "left"), _label(asked, "right")
    if left and right:
        return say(language, "ask.rating_labelled", low=low, high=high, left=left, right=right)
    return say(language, "ask.rating", low=low, high=high)


def _files(asked: Mapping[str, Any], language: str) -> str:
    """Nothing where any one file will do: that was asked for in a bubble."""
    options = table(asked.get("options"))
    hint = _label(asked, "placeholder")
    plain = is_required(asked) and options.get("isMultipleAllowed") is not True
    if plain and not file_kinds.limits(asked) and (not hint or _ON_A_PAGE.search(hint)):
        return ""
    return file_hint(asked, language)


def _payment(asked: Mapping[str, Any], language: str) -> str:
    """That it cannot be paid here, and what happens instead: any text would count as paid (3)."""
    options, running = table(asked.get("options")), table(asked.get("runtimeOptions"))
    amount = words(running.get("amountLabel")) or " ".join(
        part for part in (words(options.get("amount")), words(options.get("currency"))) if part
    )
    about = words(table(options.get("additionalInformation")).get("description"))
    if not amount:
        first = say(language, "ask.payment_unknown")
    else:
        whole = f"{amount} ({about})" if about else amount
        first = say(language, "ask.payment", amount=whole)
    return f"{first}\n{say(language, 'ask.payment_next')}"


def _label(asked: Mapping[str, Any], name: str) -> str:
    """A label of the flow as a text: the builder's hints are HTML."""
    found = words(table(table(asked.get("options")).get("labels")).get(name))
    lines = (" ".join(line.split()) for line in _TAG.sub("\n", found).splitlines())
    told = " ".join(line for line in lines if line)
    return told if len(told) <= _LONGEST_LABEL else ""
