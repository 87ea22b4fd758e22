"""What somebody means who answers an input of a flow (typebot-api.md 3, 3.2). Pure.

The engine understands English and exact labels. Whatever it would take stays an answer; what
people write besides is turned into what it takes, asked back once where it may mean two things,
and left to the flow's own retry text where it means nothing to us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from bridge.core.flow import Meaning, Reading, Understood, Utterance
from bridge.core.outgoing import Option
from bridge.typebot.fields import text as read_text
from bridge.typebot.offered import BUTTONS, CARDS, PICTURES
from bridge.typebot.replies_addresses import email, phone, url
from bridge.typebot.replies_again import meant_of
from bridge.typebot.replies_choice import choice
from bridge.typebot.replies_files import file, payment, text, unknown
from bridge.typebot.replies_hearing import Hearing
from bridge.typebot.replies_plain import number, rating
from bridge.typebot.replies_time import date_or_span, time_of_day

_Reads: TypeAlias = Callable[[Hearing], Meaning]

_KINDS: Final[Mapping[str, _Reads]] = MappingProxyType(
    {
        BUTTONS: choice,
        PICTURES: choice,
        CARDS: choice,
        "text input": text,
        "number input": number,
        "rating input": rating,
        "email input": email,
        "url input": url,
        "phone number input": phone,
        "date input": date_or_span,
        "time input": time_of_day,
        "file input": file,
        "payment input": payment,
    }
)


def meaning(
    asked: Mapping[str, Any],
    said: Utterance,
    *,
    now: datetime,
    country: str | None,
    language: str,
    numbered: tuple[Option, ...] = (),
    asked_back: bool = False,
    readings: tuple[Reading, ...] = (),
) -> Meaning:
    """Understand a reply to the input that waits. Never raises, whatever the JSON or the text.

    `now` is the person's local time, aware; `country` (ISO 3166) is where national numbers are
    from; `numbered` are the options in the order of the numbers that were shown, where that is
    another than the input's own. `asked_back`: this input was asked back once already, so that
    what is uncertain goes on now; `readings` were told then, to choose from. Some things never go
    on: what the engine would wrongly accept (payments, numbers beyond a bound of 0, ratings below
    the lowest) is asked back each time.
    """
    heard = Hearing(
        asked=asked,
        said=said,
        now=now,
        country=country,
        language=language,
        numbered=numbered,
        again=asked_back,
    )
    if asked_back and said.choice is None and not said.files and not said.strange:
        again = meant_of(said.text, readings)
        if again is not None:
            return Understood(say=again.say, shown=again.shown)
    return _KINDS.get(read_text(asked.get("type")) or "", unknown)(heard)
