"""Wordings of what cannot be shown, and the words for kinds of messages."""

from __future__ import annotations

import re
from typing import Any, Final

from bridge.core.content import Unsupported
from bridge.locale import say, texts
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.sheet import LINE, words
from bridge.text.convert import literal

#: A message that the number's session could not open; the phone may send it again.
UNDECRYPTABLE: Final = "undecryptable"
#: What WhatsApp Web's names of kinds end with.
_ENDING: Final = re.compile(r"Message(V\d)?$")
#: Of both channels: to be seen once; shown by the phone alone; what says nothing.
_ONCE: Final = frozenset({"viewOnce", "view_once"})
_PHONE_ONLY: Final = "placeholder"
_NOTHING: Final = frozenset({"unsupported", "unknown", "errors"})


def unsupported(content: Unsupported, language: str) -> tuple[str, dict[str, Any]]:
    told = attributes("unsupported", upstream=content.upstream)
    if content.upstream == UNDECRYPTABLE:
        return say(language, "placeholder.undecryptable"), told
    bare = _ENDING.sub("", content.upstream[:LINE])
    if bare in _ONCE:
        kind = say(language, "kind.message")
        return say(language, "placeholder.view_once", kind=kind), told
    if bare == _PHONE_ONLY:
        return say(language, "placeholder.phone_only"), told
    if bare in _NOTHING:
        what = say(language, "placeholder.of_unknown_kind")
    else:
        what = say(language, "placeholder.of_kind", kind=kind_in_words(content.upstream, language))
    detail = literal(words(content.detail, LINE))
    if detail:
        return say(language, "placeholder.unsupported_detail", what=what, detail=detail), told
    return say(language, "placeholder.unsupported", what=what), told


def kind_in_words(upstream: str, language: str) -> str:
    """The channel's word for a kind in the agents' language, where there is one."""
    known = texts(language).get(f"kind.{_ENDING.sub('', upstream[:LINE])}")
    return literal(words(upstream, 80)) if known is None else known
