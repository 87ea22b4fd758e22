"""What can go wrong on WhatsApp's side, to be asked for by a test."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer to a login: 401, 403 unlinked or banned, 402 banned for a while, 405 too old."""

    reason: int
    #: More of the answer, such as `code` and `expire` (seconds) of a 402.
    fields: Mapping[str, str] = field(default_factory=dict)
    #: So many logins; None: all.
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one message that the client sends."""

    #: The server takes the message and passes it on.
    accepted: bool = True
    answered: bool = True
    #: The number in the answer of a message that is refused.
    error: int | None = None
    #: The connection ends, after the answer if there is one.
    cut: bool = False

    CUT_AFTER_ACK: ClassVar[Fate]
    CUT_BEFORE_ACK: ClassVar[Fate]
    LOST: ClassVar[Fate]
    UNANSWERED: ClassVar[Fate]

    @staticmethod
    def refused(error: int) -> Fate:
        return Fate(accepted=False, error=error)


Fate.CUT_AFTER_ACK = Fate(cut=True)
Fate.CUT_BEFORE_ACK = Fate(answered=False, cut=True)
Fate.LOST = Fate(accepted=False, answered=False, cut=True)
Fate.UNANSWERED = Fate(answered=False)


@dataclass(kw_only=True)
class Faults:
    """The state of the server; everything is well at first."""

    refusal: Refusal | None = None
    #: Connections are accepted, and nothing is ever said.
    silent: bool = False
    #: Each thing that is said comes so much later.
    delay: float = 0.0
    #: Answers to messages wait for `release_acks`.
    acks_held: bool = False
    #: The number with which a code to be typed on the phone is refused; None: it is given.
    no_pairing_code: int | None = None
    #: Acknowledgements of the client are not noted: all comes again at the next login.
    deaf: bool = False
    #: Of the next messages, in order; all others are accepted.
    fates: deque[Fate] = field(default_factory=deque)

    def refused(self) -> Refusal | None:
        """The answer to this login, which is counted."""
        found = self.refusal
        if found is not None and found.times is not None:
            left = found.times - 1
            self.refusal = (
                Refusal(reason=found.reason, fields=found.fields, times=left) if left else None
            )
        return found
