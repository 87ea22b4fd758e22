"""Runs a flow for one call: from a block that waits to the next one that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from bridge.sim.typebot import dedicated
from bridge.sim.typebot.actions import PERFORM, Deed
from bridge.sim.typebot.answers import keep
from bridge.sim.typebot.asking import ask, items_of, retry_text
from bridge.sim.typebot.commonmark import Unwritable, commonmark
from bridge.sim.typebot.flows import Block, Event, Flow, Place
from bridge.sim.typebot.kinds import BUBBLES, INPUTS, PLAIN_INPUTS
from bridge.sim.typebot.media import bubble
from bridge.sim.typebot.refusals import Refused, crashed
from bridge.sim.typebot.replies import Answer, Asked, Message, read_reply
from bridge.sim.typebot.sessions import Frame, Resume, Session, cuid2
from bridge.sim.typebot.variables import fill_deep, fill_rich

Json: TypeAlias = dict[str, Any]

#: Blocks in one call; a flow that goes in circles ends here with a fault.
MOST_BLOCKS = 2000


class Halt(Enum):
    """Why a walk does not go on: a block waits, or another walk has taken over."""

    WAITS = "waits"
    TAKEN_OVER = "taken over"


@dataclass(slots=True, kw_only=True)
class Output:
    """What one call gives."""

    messages: list[Json] = field(default_factory=list)
    input: Json | None = None
    actions: list[Json] = field(default_factory=list)
    #: None as long as no block could have written one.
    logs: list[Json] | None = None
    new_format: str | None = None
    #: Some block was run, rather than a reply refused or the end met at once.
    walked: bool = False

    @property
    def waits_for_client(self) -> bool:
        return any(action.get("expectsDedicatedReply") for action in self.actions)


@dataclass(slots=True, kw_only=True)
class Engine:
    """One call. `markdown` and `parses`: how texts are told (typebot-api.md 1.5, 1.9)."""

    session: Session
    now: datetime
    flow_by_id: Callable[[str], Flow | None]
    markdown: bool = False
    parses: bool = True
    out: Output = field(default_factory=Output)

    def begin(self, message: Message | None = None, at: Place | None = None) -> None:
        """Start the flow; a message answers an input that comes before anything is shown."""
        self._walk(at or self.session.bot.first())
        asked = self.out.input
        if message is None or asked is None:
            return
        if asked["type"] in PLAIN_INPUTS and not self.out.messages and not self.out.actions:
            self.out.input = None
            self.reply(message)

    def reply(self, message: Message | None) -> None:
        """Go on with a reply. Raises `Refused` for an unknown command."""
        if self.session.block is None:
            self.begin(message)
        elif message is not None and message.command is not None:
            self._command(message.command)
        else:
            block = self._waiting()
            event = self._hearing(block, message)
            if event is None or message is None:
                self._take(block, message)
            else:
                self._store(event.options.get("contentVariableId"), message.text or message.url)
                self._run_event(event, Resume(block=block.id, kind="reply", message=message))

    # events

    def _event(self, kind: str, command: str | None = None) -> Event | None:
        """Find an event that leads somewhere."""
        event = self.session.flow.event(kind, command)
        return event if event and event.id in self.session.flow.edges else None

    def _hearing(self, block: Block, message: Message | None) -> Event | None:
        """Find the event that hears a reply; what is refused goes to that of invalid ones alone."""
        if message is None or block.type not in INPUTS:
            return None
        refused = self._event("invalid reply") and self._read(block, message) is None
        return None if refused else self._event("reply")

    def _command(self, command: str) -> None:
        event = self._event("command", command)
        if event is None:
            raise Refused(400, "Command event not found")
        waiting = self.session.block
        self._run_event(event, Resume(block=waiting, kind="command") if waiting else None)

    def _run_event(self, event: Event, resume: Resume | None) -> None:
        self.session.resume = resume
        self._walk(self.session.flow.edges[event.id].to)

    def _return(self, block: Block) -> Place | Halt | None:
        """Go back to where the event came from, with the reply that is still to be read.

        Where nothing has led here it does nothing; what is in another bot is not found.
        """
        resume, self.session.resume = self.session.resume, None
        if resume is None:
            return self._after(block)
        place = self.session.flow.places.get(resume.block)
        waiting = self.session.flow.block(place) if place else None
        if waiting is None or resume.kind != "reply":
            return place or self._leave()
        self._take(waiting, resume.message)
        return Halt.TAKEN_OVER

    # replies

    def _waiting(self) -> Block:
        place = self.session.flow.places.get(self.session.block or "")
        block = self.session.flow.block(place) if place else None
        if block is None:
            raise crashed()
        return block

    def _take(self, block: Block, message: Message | None) -> None:
        if block.type not in INPUTS:
            dedicated.take(self.session, block, message)
            self._walk(self._after(block))
            return
        answer = self._read(block, message)
        if answer is None:
            self._refuse(block, message)
            return
        self.out.new_format = keep(self.session, block, answer, message)
        chosen = answer.chosen
        self._walk(self._after(block, chosen.edge if chosen else None))

    def _read(self, block: Block, message: Message | None) -> Answer | None:
        asked = Asked(
            type=block.type,
            options=fill_deep(block.options, self.session.values.get),
            items=items_of(block, self.session),
            now=self.now,
        )
        return read_reply(asked, message)

    def _refuse(self, block: Block, message: Message | None) -> None:
        event = self._event("invalid reply")
        if event is None:
            text = retry_text(block, self.session)
            self._say(block.id, [{"type": "p", "children": [{"text": text}]}])
            self.out.input = ask(block, self.session)
            self.session.block = block.id
            return
        place = self.session.flow.places[block.id]
        said = message.text or message.url if message else None
        self._store(event.options.get("contentVariableId"), said)
        self._store(event.options.get("inputTypeVariableId"), block.type.removesuffix(" input"))
        name = self.session.flow.groups[place.group].title
        self._store(event.options.get("inputNameVariableId"), name)
        self._run_event(event, Resume(block=block.id, kind="invalid reply"))

    def _store(self, variable_id: str | None, value: Any) -> None:
        dedicated.store(self.session, variable_id, value)

    # walking

    def _walk(self, at: Place | None) -> None:
        session = self.session
        last = session.block
        session.block = None
        for _ in range(MOST_BLOCKS):
            if at is None:
                session.resume = None
                # the row of a preview stays at its last input (typebot-api.md 6.1)
                session.block = last if session.preview else None
                return
            self.out.walked = True
            block = session.flow.block(at)
            outcome = self._leave() if block is None else self._perform(block)
            if outcome is Halt.WAITS and block is not None:
                session.block = block.id
            if isinstance(outcome, Halt):
                return
            at = outcome
        raise crashed()

    def _after(self, block: Block, edge_id: str | None = None) -> Place | None:
        flow = self.session.flow
        for edge in flow.edges.values():
            if edge_id is not None and edge.id == edge_id:
                return edge.to
        return self._following(block) or self._leave()

    def _following(self, block: Block) -> Place | None:
        """Give what comes after a block in its own bot."""
        flow = self.session.flow
        if block.id in flow.edges:
            return flow.edges[block.id].to
        at = flow.places[block.id]
        following = Place(at.group, at.block + 1)
        return None if flow.block(following) is None else following

    def _leave(self) -> Place | None:
        """End a group that leads nowhere: back to the bot that linked to this one, if any."""
        while len(self.session.frames) > 1:
            back = self.session.frames.pop().back
            if back is not None:
                return back
        return None

    def _perform(self, block: Block) -> Place | Halt | None:
        if block.type in INPUTS:
            self.out.input = ask(block, self.session)
            return Halt.WAITS
        if block.type in BUBBLES:
            return self._show(block)
        if block.type == "return":
            return self._return(block)
        if block.type == "jump":
            return self._jump(block)
        if block.type == "typebot link":
            return self._link(block)
        deed: Deed = PERFORM[block.type](block, self.session, self.now)
        if deed.logs:
            self.out.logs = self.out.logs or []
        if deed.action is not None:
            self._act(deed.action)
        return Halt.WAITS if deed.waits else self._after(block, deed.edge)

    def _jump(self, block: Block) -> Place | None:
        """Go elsewhere; a Return block there comes back to what stands behind the jump."""
        following = self._following(block)
        waiting = self.session.flow.block(following) if following else None
        if waiting is not None:
            self.session.resume = Resume(block=waiting.id, kind="jump")
        target = str(block.options.get("blockId") or block.options.get("groupId"))
        return self.session.flow.places.get(target)

    def _link(self, block: Block) -> Place | None:
        wanted = str(block.options.get("typebotId", "current"))
        flow = self.session.flow if wanted == "current" else self.flow_by_id(wanted)
        if flow is None:
            return self._after(block)
        group = str(block.options.get("groupId"))
        start = flow.places[group] if group in flow.places else flow.first()
        self.session.frames.append(Frame(flow=flow, back=self._following(block)))
        for variable in flow.variables.values():
            self.session.values.setdefault(variable.name, variable.value)
        return start if start is not None else self._leave()

    # telling

    def _show(self, block: Block) -> Place | Halt | None:
        if block.type == "text":
            tree = block.said["richText"]
            self._say(block.id, fill_rich(tree, self.session.values.get, parses=self.parses))
            return self._after(block)
        content = bubble(block, self.session.values.get)
        if content is None:
            return self._after(block)
        id_ = cuid2() if block.type == "custom-embed" else block.id
        self.out.messages.append({"id": id_, "type": block.type, "content": content})
        waits = (content.get("waitForEvent") or {}).get("isEnabled")
        return Halt.WAITS if waits or block.type == "custom-embed" else self._after(block)

    def _say(self, id_: str, tree: list[Json]) -> None:
        content: Json = {"type": "richText", "richText": tree}
        if self.markdown:
            try:
                content = {"type": "markdown", "markdown": commonmark(tree)}
            except Unwritable:
                raise crashed() from None
        self.out.messages.append({"id": id_, "type": "text", "content": content})

    def _act(self, action: Json) -> None:
        if self.out.messages:
            action = {**action, "lastBubbleBlockId": self.out.messages[-1]["id"]}
        self.out.actions.append(action)
