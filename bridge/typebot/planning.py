"""One answer of Typebot as a script to be played, in Typebot's order (typebot-api.md 4). Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bridge.core.flow import Bubble, Line, Next, Play, Prompt, Script, Status
from bridge.core.lines import one_line
from bridge.typebot.actions import Circumstances, Effect, effect
from bridge.typebot.bubbles import CUT, shown, waits
from bridge.typebot.commands import Wish
from bridge.typebot.fields import weight
from bridge.typebot.models import Action, Answer, Message

_PAYMENT: Final = "payment input"
SECOND_REPLY: Final = "typebot.second_reply"

#: Before all bubbles.
_FIRST = -1
#: Characters of one answer that are read, marks and all: 200 texts of 2,500 each.
MOST_READ: Final = 500_000
#: Bubbles of one answer: a message of Typebot can hold several files.
MOST_PLAYS: Final = 400
#: Its request alone may be longer (`typebot.actions`).
_REQUESTS: Final = frozenset({"httpRequestToExecute", "webhookToExecute"})


@dataclass(slots=True, kw_only=True)
class _Stage:
    """The script as far as it is written."""

    plays: list[Play] = field(default_factory=list)
    pause_ms: int = 0
    wish: Wish = field(default_factory=Wish)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    #: Of the action that waits for us.
    answered: Effect | None = None
    #: Characters that are yet read.
    room: int = MOST_READ
    #: Bubbles that are too many.
    lost: int = 0

    def say(self, bubble: Bubble) -> None:
        if len(self.plays) >= MOST_PLAYS:
            self.lost += 1
            return
        self.plays.append(Play(bubble=bubble, pause_ms=self.pause_ms))
        self.pause_ms = 0

    def takes(self, content: Mapping[str, Any]) -> bool:
        """Whether there is room to read it; what comes behind what is too long is left out, too."""
        self.room -= weight(content, max(self.room, 0))
        return self.room >= 0

    def show(self, message: Message) -> None:
        if not self.takes(message.content):
            self.left_out.append((CUT, one_line(message.kind)))
            return
        found = shown(message)
        for bubble in found.bubbles:
            self.say(bubble)
        self.wish = self.wish.then(found.wish)
        self.left_out += found.left_out

    def perform(self, action: Action, given: Circumstances) -> None:
        is_read = action.kind in _REQUESTS or self.takes(action.payload)
        found = effect(action, given) if is_read else _UNREAD
        self.pause_ms += found.pause_ms
        if found.bubble is not None:
            self.say(found.bubble)
        self.wish = self.wish.then(found.wish)
        self.left_out += found.left_out
        if action.expects_reply and self.answered is None:
            self.answered = found
        elif action.expects_reply:
            self.left_out.append((SECOND_REPLY, one_line(action.kind)))


#: An action that is too long is answered as one that says nothing, so that no flow hangs.
_UNREAD: Final = Effect(left_out=((CUT, "an action"),))


def script(
    answer: Answer,
    *,
    now: datetime,
    most_wait_ms: int,
    prompt: Callable[[Mapping[str, Any]], Prompt | None],
) -> Script:
    """Write down what is to be played, and what then follows.

    `now` is the person's local time, aware. `prompt` says how an input is asked; None: in no way
    of its own. An action that waits for us goes before an input. The flow is over when nothing
    waits, neither an input nor an action nor an embedded page at the end (6.1); for that page
    `asked` is a text input of its block.
    """
    stage = _Stage()
    given = Circumstances(now=now, most_wait_ms=most_wait_ms)
    due = _due(answer)
    for action in due[_FIRST]:
        stage.perform(action, given)
    for place, message in enumerate(answer.messages):
        stage.show(message)
        for action in due[place]:
            stage.perform(action, given)
    lost = answer.cut + stage.lost
    if lost:
        stage.left_out.append((CUT, f"{lost} bubbles, actions or items"))
    return _ended(stage, answer, prompt)


def _ended(
    stage: _Stage, answer: Answer, prompt: Callable[[Mapping[str, Any]], Prompt | None]
) -> Script:
    follows, asked, asks, reply = Next.END, _asked(answer), None, stage.answered
    if reply is not None:
        follows, asked = reply.next, None
    elif asked is not None:
        follows = Next.WAIT
        asks = None if stage.wish.hand_off else prompt(asked)
        if asked.get("type") == _PAYMENT:
            _give_to_people(stage, asked, asks)
            asks = None
    replies = reply is not None and reply.next is Next.REPLY
    return Script(
        plays=tuple(stage.plays),
        next=follows,
        prompt=asks,
        asked=asked,
        reply=reply.reply if reply is not None and replies else None,
        call=reply.call if reply is not None and replies else None,
        pause_ms=stage.pause_ms,
        ending=stage.wish.ending(),
        hand_off=stage.wish.hand_off,
        left_out=tuple(stage.left_out),
    )


def _give_to_people(stage: _Stage, asked: Mapping[str, Any], asks: Prompt | None) -> None:
    """Nothing can be paid here, and any text would count as paid (3): a person goes on."""
    told = [offer.body for offer in (asks.offers if asks is not None else ()) if offer.body]
    for body in told:
        stage.say(Line(block=str(asked.get("id") or ""), body=body))
    stage.wish = stage.wish.then(Wish(hand_off=True, status=Status.OPEN, note="\n".join(told)))


def _asked(answer: Answer) -> Mapping[str, Any] | None:
    """The input that waits; behind an embedded page it is any text."""
    if answer.asked is not None:
        return answer.asked
    last = answer.messages[-1] if answer.messages else None
    return {"id": last.id, "type": "text input"} if last is not None and waits(last) else None


def _due(answer: Answer) -> Mapping[int, Sequence[Action]]:
    """The actions by the place of the bubble behind which they are due, in their own order.

    A bubble that came twice has its actions one each. Behind a bubble that we do not know an
    action is due when all is said.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, message in enumerate(answer.messages):
        places[message.id].append(place)
    due: dict[int, list[Action]] = defaultdict(list)
    for action, turn in _turns(answer.actions):
        last = len(answer.messages) - 1
        found = places.get(action.after, [last]) if action.after is not None else [_FIRST]
        due[found[min(turn, len(found) - 1)]].append(action)
    return due


def _turns(actions: Sequence[Action]) -> Iterator[tuple[Action, int]]:
    """Each action with how many of its kind were due behind the same bubble before."""
    seen: Counter[tuple[str, str | None]] = Counter()
    for action in actions:
        key = (action.kind, action.after)
        yield action, seen[key]
        seen[key] += 1
