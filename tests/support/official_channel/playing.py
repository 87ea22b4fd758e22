"""Has Ponte live through recordings: the real service, between the stand-ins, over HTTP.

Time does not pass by itself: the clock is set ahead to the next thing that is due, so bursts are
gathered and Wait blocks waited for in no time. The flows' typing emulation is off.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bridge.engine.queue import LOCAL
from bridge.locale import LANGUAGES, say
from bridge.sim.pictures import jpeg
from bridge.sim.typebot import TypebotSim, load
from bridge.sim.typebot.flows import Block, Flow
from support.bridge_house import NAME, House, ShiftedClock, bridge_house
from support.official_channel.messages import Body, shown, words
from support.official_channel.recordings import Scenario, Step
from support.official_channel.verdicts import Facts

#: Before the year of the phone's clock is read: an old message is old by as much as its recording.
_FILES: Mapping[str, tuple[bytes, str]] = {
    "image": (jpeg(32, 24, grey=120), "image/jpeg"),
    "audio": (b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(30), "audio/ogg"),
    "document": (b"%PDF-1.4\n%%EOF\n", "application/pdf"),
    "video": (b"\0\0\0\x18ftypmp42" + bytes(64), "video/mp4"),
    "sticker": (
        base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="),
        "image/webp",
    ),
}
#: Further off than this is nothing that a step waits for: a session's expiry, say.
_SOON_MS = 30_000
#: Where the flows of the recordings send requests; the test's own server takes its place.
_THEIR_SERVER = "http://127.0.0.1:9100"
#: A burst is gathered for so long, that no stall of the machine parts it: this time is not waited.
_BURST = 20
#: As much of what a conversation ends with as the official channel has: nothing.
SETTINGS = {"onEnd": "keep", "debounceTime": _BURST}
#: What Ponte says around menus by itself.
_OWN_WORDS = ("menu.choose", "menu.label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The house with one flow for each that the recordings start, by the text that starts it."""

    house: House
    typebot: TypebotSim

    async def live(self, scenario: Scenario, number: str) -> Sequence[Step]:
        """Write everything that was written in a recording; gives what came of each step."""
        begun = int(scenario.steps[0].written[0]["timestamp"])
        lived = []
        for step in scenario.steps:
            before = len(self._sent(number))
            for one in step.written:
                await self._write(number, one, age=begun - int(one["timestamp"]))
            await self.settle()
            after = await self._after(number)
            sent = self._sent(number)[before:]
            lived.append(replace(after, written=step.written, sent=tuple(map(shown, sent))))
        return lived

    async def settle(self) -> None:
        """Let time pass until nothing is due soon."""
        house, clock = self.house, self.house.clock
        while True:
            await house.pass_time(0)
            await house.chat.settled(30)
            await house.graph.settled(30)
            soon = await house.rows(
                "SELECT MIN(due_at) AS due FROM job WHERE state='waiting' AND due_at<=?",
                clock.ms() + _SOON_MS,
            )
            if soon[0]["due"] is None:
                return
            clock.ahead_seconds += max(0, soon[0]["due"] - clock.ms()) / 1000
            house.service.queue.resume(LOCAL)

    def _sent(self, number: str) -> list[Body]:
        return [one.body for one in self.house.graph.sent if one.to == number]

    async def _write(self, number: str, one: Body, *, age: int) -> None:
        kind = str(one["type"])
        message: dict[str, Any] = {"type": kind}
        if kind in one:
            content = one[kind]
            if kind in _FILES:
                content = {**content, **self._kept(kind)}
            message[kind] = content
        if kind == "reaction":
            last = [sent.wamid for sent in self.house.graph.sent if sent.to == number]
            message[kind] = {**message[kind], "message_id": last[-1]}
        _, payload = self.house.graph.draft(number, message=message, name="Ana Silva")
        if age > 0:
            told = payload["entry"][0]["changes"][0]["value"]["messages"][0]
            told["timestamp"] = str(int(told["timestamp"]) - age)
        await self.house.graph.deliver(payload)

    def _kept(self, kind: str) -> dict[str, str]:
        data, mime = _FILES[kind]
        media = self.house.graph.add_media(data, mime)
        digest = self.house.graph.media[media].sha256
        return {"id": media, "mime_type": mime, "sha256": base64.b64encode(digest).decode()}

    async def _after(self, number: str) -> Step:
        rows = await self.house.rows(
            "SELECT talk.*, pending_turn.heard AS heard FROM talk"
            " JOIN chat ON chat.id=talk.chat_id"
            " LEFT JOIN pending_turn ON pending_turn.chat_id=talk.chat_id"
            " WHERE chat.party LIKE ?",
            f"%{number}%",
        )
        if not rows:
            return Step(written=())
        (row,) = rows
        state = orjson.loads(row["state"])
        session = self.typebot.sessions.get(row["session_id"] or "")
        pause = state.get("pause") or {}
        return Step(
            written=(),
            waits_at=session.block if session is not None else None,
            stuck=row["phase"] in {"starting", "sending"},
            handed_over=row["phase"] == "paused" and pause.get("reason") == "handed_over",
            kept=bool(orjson.loads(row["heard"] or "[]")),
        )


@asynccontextmanager
async def rigged(
    folder: Path, flows: Iterable[Path], scenarios: Sequence[Scenario]
) -> AsyncIterator[Rig]:
    """Everything runs, and each flow starts with ``start <its name>``, as in the recordings.

    It is as late as it was then: some flows look at the hour. Of two files with the same name the
    last counts.
    """
    clock = ShiftedClock()
    begun = min((int(one.steps[0].written[0]["timestamp"]) for one in scenarios), default=0)
    clock.ahead_seconds = begun - clock.ms() / 1000

    def moment() -> float:
        return clock.ms() / 1000

    typebot = TypebotSim(clock=lambda: datetime.fromtimestamp(moment(), UTC))
    async with _ticket_desk() as desk, typebot.serving() as viewer:
        for flow in await asyncio.to_thread(lambda: [_loaded(path, desk) for path in flows]):
            typebot.put(flow)
        async with bridge_house(
            folder,
            clock=clock,
            chatwoot={"clock": moment},
            graph={"clock": moment},
            options={"relay": {"language": "en"}, "typebot": {"burst_seconds": _BURST}},
        ) as house:
            for name in sorted(_started(scenarios) & typebot.flows.keys()):
                await house.ok("POST", f"/typebot/create/{NAME}", json=_order(viewer, name))
            yield Rig(house=house, typebot=typebot)


def facts_of(flows: Mapping[str, Flow], scenario: Scenario) -> Facts:
    """What the verdicts need to know of the flow that a recording starts, and of those it links."""
    wanted = [flow for name, flow in flows.items() if name in _started([scenario])]
    blocks = [
        block
        for flow in (*wanted, *_linked(flows, wanted))
        for group in flow.groups
        for block in group.blocks
    ]
    return Facts(
        kinds={block.id: block.type for block in blocks},
        optional=frozenset(
            block.id for block in blocks if block.options.get("isRequired") is False
        ),
        many=frozenset(block.id for block in blocks if block.options.get("isMultipleChoice")),
        takes_files=frozenset(block.id for block in blocks if _takes_files(block)),
        dropped=frozenset(url for url in map(_url, blocks) if url.endswith((".gif", ".svg"))),
        leads=frozenset(
            str(told)
            for block in blocks
            if block.type == "image"
            for told in (_content(block).get("clickLink") or {}).values()
        ),
        own_words=frozenset(say(one, key) for one in LANGUAGES for key in _OWN_WORDS),
    )


def _content(block: Block) -> dict[str, Any]:
    content: dict[str, Any] = block.said.get("content") or block.said
    return content


def _url(block: Block) -> str:
    return str(_content(block).get("url", "")) if block.type == "image" else ""


def _takes_files(block: Block) -> bool:
    wanted = (block.options.get(name) or {} for name in ("attachments", "audioClip"))
    return block.type == "file input" or any(one.get("isEnabled") for one in wanted)


def _started(scenarios: Sequence[Scenario]) -> set[str]:
    """The names of the flows that are asked for."""
    texts = [words(one) for each in scenarios for step in each.steps for one in step.written]
    return {text.removeprefix("start ") for text in texts if text.startswith("start ")}


def _linked(flows: Mapping[str, Flow], wanted: Sequence[Flow]) -> list[Flow]:
    ids = {
        block.options.get("typebotId")
        for flow in wanted
        for group in flow.groups
        for block in group.blocks
        if block.type == "typebot link"
    }
    return [flow for flow in flows.values() if flow.id in ids or flow.public_id in ids]


def _loaded(path: Path, desk: str) -> Flow:
    flow = load(path)
    emulation = {**flow.settings.get("typingEmulation", {}), "enabled": False}
    told = replace(flow, settings={**flow.settings, "typingEmulation": emulation})
    groups = tuple(
        replace(
            group, blocks=tuple(replace(one, said=_moved(one.said, desk)) for one in group.blocks)
        )
        for group in told.groups
    )
    return replace(told, groups=groups)


def _moved(said: dict[str, Any], desk: str) -> dict[str, Any]:
    moved: dict[str, Any] = orjson.loads(
        orjson.dumps(said).replace(_THEIR_SERVER.encode(), desk.encode())
    )
    return moved


def _order(viewer: str, flow: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "url": viewer,
        "typebot": flow,
        "triggerType": "keyword",
        "triggerOperator": "equals",
        "triggerValue": f"start {flow}",
        **SETTINGS,
    }


@asynccontextmanager
async def _ticket_desk() -> AsyncIterator[str]:
    """What the flows' own requests meet, with pictures."""

    async def ticket(_request: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.json_response({"ticket": {"id": 4711}})

    async def file(request: web.Request) -> web.Response:
        data, mime = _FILES["audio" if request.path.endswith((".mp3", ".ogg")) else "image"]
        if request.path.endswith(".mp4"):
            data, mime = _FILES["video"]
        if request.path.endswith(".pdf"):
            data, mime = _FILES["document"]
        return web.Response(body=data, content_type=mime.partition(";")[0])

    app = web.Application()
    app.router.add_get("/media/{name}", file)
    app.router.add_route("*", "/{rest:.*}", ticket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
