"""Why a flow could not go on, as agents read it in the note of the hand-over."""

from __future__ import annotations

from typing import Final

from bridge.errors import Certainty, PeerBroke, PeerBusy, PeerDown, PeerError, PeerTimeout
from bridge.locale import say
from bridge.typebot.faults import (
    FlowClosed,
    FlowUnknown,
    SessionGone,
    ViewerUnknown,
)

#: Their subclasses come before the classes themselves.
_TEXTS: Final[tuple[tuple[type[PeerError], str], ...]] = (
    (SessionGone, "flow.session_gone"),
    (FlowUnknown, "flow.unknown"),
    (FlowClosed, "flow.closed"),
    (ViewerUnknown, "flow.not_viewer"),
    (PeerTimeout, "flow.slow"),
    (PeerBusy, "flow.busy"),
    (PeerDown, "flow.down"),
    (PeerBroke, "flow.broke"),
)
#: Failures that their code tells better than their class.
_BY_CAUSE: Final = {
    "typebot.not_typebot": "flow.not_typebot",
    "typebot.firewall": "flow.shut",
    "typebot.unauthorized": "flow.shut",
    "typebot.redirect": "flow.elsewhere",
    "net.forbidden_address": "flow.private",
}


def why(language: str, error: PeerError) -> str:
    """A sentence or two. What we do not know is quoted as the error says it."""
    by_kind = next((key for kind, key in _TEXTS if isinstance(error, kind)), None)
    found = _BY_CAUSE.get(error.cause, by_kind)
    if found is None:
        return say(language, "flow.refused", reason=str(error))
    unknown = error.certainty is Certainty.UNKNOWN
    told = say(language, found)
    return f"{told} {say(language, 'flow.perhaps')}" if unknown else told
