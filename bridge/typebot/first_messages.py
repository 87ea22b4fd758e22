"""Whether the text that starts a flow answers its first question, too (5.7). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bridge.core.flow import Meaning, Script, Understood, Utterance
from bridge.core.typebot import FirstMessage

_PHONE: Final = 8


def _digits(text: str) -> int:
    return sum(mark.isdecimal() for mark in text)


#: What somebody wrote before they were asked looks like an answer to this kind of input.
_LOOKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "text input": lambda text: bool(text.strip()),
    "email input": lambda text: "@" in text and not any(mark.isspace() for mark in text.strip()),
    "url input": lambda text: "." in text and not any(mark.isspace() for mark in text.strip()),
    "number input": lambda text: text.strip()[:1].isdecimal() or text.strip()[:1] in {"-", "+"},
    "phone number input": lambda text: _digits(text) >= _PHONE,
    "date input": lambda text: _digits(text) > 0,
    "time input": lambda text: _digits(text) > 0,
    "rating input": lambda text: text.strip().isdecimal(),
}


def goes_along(
    policy: FirstMessage, script: Script, said: Utterance, found: Meaning | None, *, again: bool
) -> bool:
    """Whether what the person said is the answer to the input that waits now.

    `found` is what it means there. `again`: the session is a new one for a text that answered an
    old one, which is not lost: an input that asks without words takes it as it came.
    """
    if script.asked is None or script.hand_off or not isinstance(found, Understood):
        return False
    takes_text = str(script.asked.get("type") or "") in _LOOKS and bool(said.text.strip())
    if again:
        return (takes_text and not script.plays) or _fits(script.asked, said, found)
    match policy:
        case "answer":
            return takes_text
        case "match":
            return _fits(script.asked, said, found)
        case _:
            return False


def _fits(asked: Mapping[str, Any], said: Utterance, found: Understood) -> bool:
    """Whether one of the choices is meant, or the text is what the input is for."""
    if found.say.reply_id is not None or found.upload:
        return True
    kind, text = str(asked.get("type") or ""), said.text.strip()
    if kind == "file input":
        return False
    looks = _LOOKS.get(kind)
    if looks is not None:
        return bool(text) and looks(found.say.text or "")
    return found.say.text not in {None, text} or found.shown != text
