"""What happened, in order, as the stand-ins and the wire saw it: nothing of our own tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from yarl import URL

from bridge.net.http import Answer, Http
from bridge.relay.bot.hearing import Hearing

#: How the text of a bubble begins: its place in the flow, and what no other bubble has.
BUBBLE = re.compile(r"\b([a-d]\d)-([a-z0-9]{8,})")
#: What a customer wrote.
TEXT = re.compile(r"text(\d+)x")

#: What somebody did that need not be meant as taking the word.
DOUBTFUL = "(in doubt)"


@dataclass(slots=True, kw_only=True)
class Call:
    """One request to Typebot. `status`: None while it has no answer; 0: it never had one."""

    began: int
    starts: bool
    session: str | None
    said: tuple[str, ...]
    #: Texts that a new session is told of, as it were in passing.
    told: tuple[str, ...] = ()
    status: int | None = None
    ended: int | None = None
    #: The bubbles that were answered.
    bubbles: tuple[str, ...] = ()

    @property
    def did(self) -> bool:
        """It may have moved the flow on."""
        return self.status not in {404, 429, 503}


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One request to send a text to the customer; `status` as of a `Call`."""

    began: int
    text: str
    status: int | None = None
    ended: int | None = None


@dataclass(slots=True, kw_only=True)
class Happening:
    """A step of the story, or what came of it. `accepted`: when a human's doing was kept.

    `is_found`: or had to be counted with at least, since it was found out by asking.
    """

    at: int
    what: str
    about: str = ""
    accepted: int | None = None
    is_found: bool = False


@dataclass(slots=True)
class Seen:
    """Everything of one story; moments are numbers that grow."""

    now: int = 0
    calls: list[Call] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    #: When a text was accepted, and the rule by which it was for no flow; None: it is for one.
    rules: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def tick(self) -> int:
        self.now += 1
        return self.now

    def add(self, what: str, about: str = "") -> Happening:
        one = Happening(at=self.tick(), what=what, about=about)
        self.happenings.append(one)
        return one

    def broke_off(self) -> None:
        """The service died: what it was asking for has no answer."""
        at = self.tick()
        begun: list[Call | Attempt] = [*self.calls, *self.attempts]
        for one in begun:
            if one.ended is None:
                one.status, one.ended = 0, at

    def of(self, *what: str) -> list[Happening]:
        return [one for one in self.happenings if one.what in what]

    def told(self) -> str:
        """All of it as people read it, one line each."""
        lines = [(one.at, f"* {one.what} {one.about}".rstrip()) for one in self.happenings]
        lines += [
            (one.accepted, f"  200 to: {one.what} {one.about}")
            for one in self.happenings
            if one.accepted is not None
        ]
        lines += [(at, f"  accepted: {text}, {rule}") for text, (at, rule) in self.rules.items()]
        for call in self.calls:
            route = "start" if call.starts else "continue"
            lines.append(
                (call.began, f"  Typebot is asked: {route} {' '.join(call.said)}".rstrip())
            )
            if call.ended is not None:
                said = " ".join(call.bubbles)
                lines.append((call.ended, f"  Typebot answers {call.status}: {said}"))
        for send in self.attempts:
            lines.append((send.began, f"  to WhatsApp: {send.text}"))
            if send.ended is not None:
                lines.append((send.ended, f"  WhatsApp answers {send.status}: {send.text}"))
        return "\n".join(f"{at:4} {line}" for at, line in sorted(lines))


class Watch:
    """Writes into `seen`, which is another one for each story."""

    def __init__(self) -> None:
        self.seen = Seen()
        #: Whose chat is watched.
        self.number = ""

    @contextmanager
    def on_the_wire(self) -> Iterator[None]:
        """Every request of the house passes here, and every text that it accepts."""
        request, accept = Http.request, Hearing.accept
        watch = self

        async def requested(http: Http, method: str, url: str | URL, **more: Any) -> Answer:
            seen = watch.seen
            begun = watch.begun(str(url), more)
            try:
                answer = await request(http, method, url, **more)
            except BaseException:
                _end(seen, begun, 0, b"")
                raise
            _end(seen, begun, answer.status, answer.body)
            return answer

        def accepted(hearing: Hearing, unit: Any, entry: Any, event: Any, *more: Any) -> str | None:
            rule = accept(hearing, unit, entry, event, *more)
            for text in _texts(orjson.dumps(event, default=str).decode()):
                watch.seen.rules[text] = (watch.seen.tick(), rule)
            return rule

        Http.request = requested  # type: ignore[method-assign, assignment]
        Hearing.accept = accepted  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Http.request = request  # type: ignore[method-assign]
            Hearing.accept = accept  # type: ignore[method-assign]

    def begun(self, url: str, more: dict[str, Any]) -> Call | Attempt | None:
        seen = self.seen
        if url.endswith(("/startChat", "/continueChat")):
            body = orjson.loads(more["data"])
            said = _texts(orjson.dumps(body.get("message")).decode())
            told = _texts(orjson.dumps(body.get("prefilledVariables")).decode())
            starts = url.endswith("/startChat")
            session = None if starts else url.split("/")[-2]
            call = Call(began=seen.tick(), starts=starts, session=session, said=said, told=told)
            seen.calls.append(call)
            return call
        body = more.get("json")
        if url.endswith("/messages") and isinstance(body, dict) and body.get("to") == self.number:
            text = str((body.get("text") or {}).get("body", ""))
            send = Attempt(began=seen.tick(), text=text)
            seen.attempts.append(send)
            return send
        return None


def _texts(body: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"text{one}x" for one in TEXT.findall(body)))


def bubbles_in(body: str) -> tuple[str, ...]:
    """The bubbles of which a text speaks, in their order, each once."""
    return tuple(dict.fromkeys(f"{place}-{mark}" for place, mark in BUBBLE.findall(body)))


def _end(seen: Seen, begun: Call | Attempt | None, status: int, body: bytes) -> None:
    if begun is None:
        return
    if begun.ended is not None:  # the service that asked is dead
        return
    begun.status, begun.ended = status, seen.tick()
    if isinstance(begun, Call) and status == 200:
        said = orjson.loads(body).get("messages", ())
        begun.bubbles = bubbles_in("\n".join("".join(_words(one)) for one in said))


def _words(part: Any) -> Iterator[str]:
    """The texts that stand in rich text, in their order."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _words(one)
