"""Files, sounds and payments: what is no text, or must not be one (typebot-api.md 3, 1.6). Pure."""

from __future__ import annotations

import re
from typing import Final

from bridge.core.choices import spoken
from bridge.core.content import MediaKind
from bridge.core.flow import FileRef, Meaning, NoAnswer, Say, Understood
from bridge.locale import say
from bridge.typebot import file_kinds
from bridge.typebot.asking import file_hint, is_required, skip_word
from bridge.typebot.fields import table
from bridge.typebot.replies_addresses import links
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    insist,
    unchanged,
)

_SCHEMES: Final = ("http://", "https://")
_SKIPS: Final = re.compile(
    r"(?:pul(?:ar|a|o|ei|e)|skip(?: it)?|salt(?:ar|o|a)|omitir|nao(?: tenho)?|no(?: tengo)?"
    r"|i (?:do not|don t|dont) have(?: (?:one|it|any))?|sem arquivo|sin archivo|nenhum|ninguno|none"
    r"|n|nada|sem|nao quero(?: enviar| mandar)?|nao vou(?: enviar| mandar)?|nao precis[oa]"
    r"|no quiero(?: enviar)?|agora nao|nao tenho agora|depois|ahora no|not now)"
)


def file(heard: Hearing) -> Meaning:
    """Understand files, links to files, or that there is none."""
    if heard.files:
        return _files(heard)
    if not is_required(heard.asked) and _skips(heard):
        return Understood(say=Say(), shown=heard.typed)
    found = [one for one in links(heard.said.text) if one.lower().startswith(_SCHEMES)]
    if found:
        return answer(", ".join(dict.fromkeys(found)))
    if not heard.typed:
        return unchanged(heard)
    hint = file_hint(heard.asked, heard.language)
    return ask_back(heard, "typebot.file_wanted", hint)


def _files(heard: Hearing) -> Meaning:
    types = file_kinds.limits(heard.asked)
    fitting = tuple(one for one in heard.files if file_kinds.allowed(one, types))
    told = file_kinds.told(types, heard.language)
    if not fitting:
        return insist("typebot.file_type", say(heard.language, "ask.file_refused", types=told))
    several = heard.options.get("isMultipleAllowed") is True
    aside = None
    if not several and len(fitting) > 1:
        aside = say(heard.language, "ask.file_first")
    elif len(fitting) < len(heard.files):
        aside = say(heard.language, "ask.file_some", types=told)
    sent = fitting if several else fitting[:1]
    shown = _shown(heard, sent)
    return Understood(say=Say(), shown=shown, upload=sent, as_answer=True, aside=aside)


def _skips(heard: Hearing) -> bool:
    said = spoken(heard.typed)
    return bool(said) and (
        said == spoken(skip_word(heard.asked, heard.language)) or bool(_SKIPS.fullmatch(said))
    )


def text(heard: Hearing) -> Meaning:
    """Understand anything: what is written, with files where they are wanted, or a sound.

    The engine takes a sound for every text input (3); a text beside it is the better answer.
    """
    takes_files = table(heard.options.get("attachments")).get("isEnabled") is True
    sounds = tuple(one for one in heard.files if one.media is MediaKind.AUDIO)
    only_sound = len(heard.files) == len(sounds) == 1 and not heard.typed
    if takes_files and heard.files and not only_sound:
        shown = heard.typed or _shown(heard, heard.files)
        return Understood(say=Say(text=heard.said.text), shown=shown, upload=heard.files)
    if heard.typed:
        return answer(heard.said.text, shown=heard.typed)
    if sounds:
        return Understood(say=Say(), shown=_shown(heard, sounds[:1]), upload=sounds[:1])
    if heard.files:
        return in_writing(heard) or unchanged(heard)
    return unchanged(heard)


def payment(heard: Hearing) -> Meaning:
    """Never advance: any text would count as paid, but for the word that says it failed (3)."""
    has_words = heard.typed or heard.files or heard.said.choice is not None
    if not has_words:
        return NoAnswer(rule="typebot.payment_waits")
    first = say(heard.language, "ask.payment_waits")
    return insist("typebot.payment_waits", f"{first} {say(heard.language, 'ask.payment_next')}")


def unknown(heard: Hearing) -> Meaning:
    """Let a kind of input that we do not know have what is written."""
    if heard.typed:
        return answer(heard.said.text, shown=heard.typed)
    return in_writing(heard) or unchanged(heard)


def _shown(heard: Hearing, files: tuple[FileRef, ...]) -> str:
    """Files by their names, or by their kinds."""
    return ", ".join(one.name or say(heard.language, f"kind.{one.media.value}") for one in files)
