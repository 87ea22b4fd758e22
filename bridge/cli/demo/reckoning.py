"""The end of the demo: whether everything adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bridge.cli.demo.people import Told
from bridge.cli.demo.stage import PATIENCE, DemoFailed, Stage
from bridge.cli.figures import ENDED, Figures
from bridge.cli.printing import out
from bridge.core.message import MADE_UP
from bridge.sim.chatwoot import Conversation

#: The identifier of the contact that Ponte makes for itself begins so.
OWN = "ponte:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact that must hold, with the numbers on both sides."""

    what: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        return self.expected == self.found


async def reckon(stage: Stage, told: Told) -> bool:
    """Wait until all is quiet, print the summary; True when everything adds up."""
    await stage.see("Chatwoot's webhooks are delivered", stage.chatwoot.settled(PATIENCE))
    await stage.see("Meta's webhooks are delivered", stage.whatsapp.settled(PATIENCE))
    try:
        found = await stage.until(
            "everything adds up", lambda seen: all(c.holds for c in checks(stage, told, seen))
        )
    except DemoFailed:
        found = await stage.figures()
    out().print()
    out().print(_table(found))
    out().print(Text(f"  Ignored, by rule: {_ignored(found)}", style="dim"), soft_wrap=True)
    out().print()
    facts = list(checks(stage, told, found))
    for fact in facts:
        mark, style = ("✓", "green") if fact.holds else ("✗", "red")
        line = Text(f"  {mark} ", style=style)
        line.append(fact.what)
        line.append(
            f"  {fact.found}" if fact.holds else f"  {fact.found}, expected {fact.expected}",
            style="dim" if fact.holds else "red",
        )
        out().print(line, soft_wrap=True)
    return all(fact.holds for fact in facts)


def checks(stage: Stage, told: Told, found: Figures) -> Iterator[Check]:
    yield from _counts(told, found)
    yield from _sides(stage, told)
    yield from _webhooks(stage)


def _counts(told: Told, found: Figures) -> Iterator[Check]:
    yield Check(
        what="roads on which accepted = delivered + ignored + dead + waiting",
        expected=len(found.roads),
        found=sum(map(found.adds_up, found.roads)),
    )
    yield Check(what="waiting", expected=0, found=sum(found.waiting.values()))
    yield Check(
        what="customer's messages and changes, and copies of the bot's, delivered",
        expected=len(told.from_customer) + len(told.changed) + len(told.from_bot),
        found=found.events["inbound", "delivered"],
    )
    yield Check(
        what="repeated webhooks ignored",
        expected=told.repeats_by_meta,
        found=found.causes["inbound", "ignored", "duplicate"],
    )
    yield Check(
        what="agent's messages and commands, and the bot's messages, delivered",
        expected=len(told.from_agent) + told.commands + len(told.from_bot),
        found=found.events["outbound", "delivered"],
    )
    yield Check(
        what="sends that WhatsApp refused (sent since, by Retry)",
        expected=told.failed_sends,
        found=found.events["outbound", "dead"],
    )
    yield Check(what="dead letters left", expected=0, found=found.dead_letters)


def _sides(stage: Stage, told: Told) -> Iterator[Check]:
    chatwoot = stage.chatwoot
    people = [c for c in chatwoot.contacts.values() if not (c.identifier or "").startswith(OWN)]
    theirs = [c for c in chatwoot.conversations.values() if c.contact in people]
    messages = [m for c in theirs for m in c.messages if m.message_type == "incoming"]
    posted = [(m.source_id or "").removeprefix("WAID:") for m in messages]
    changed = [one.partition(MADE_UP)[0] for one in posted if MADE_UP in one]
    posted = [one for one in posted if MADE_UP not in one]
    yield Check(what="contacts", expected=1, found=len(people))
    yield Check(what="conversations", expected=1, found=len(theirs))
    yield Check(
        what="customer's messages in Chatwoot, each once, in order",
        expected=len(told.from_customer),
        found=len(posted) if posted == told.from_customer else f"{len(posted)} others",
    )
    yield Check(
        what="reactions and edits in Chatwoot, each once",
        expected=len(told.changed),
        found=len(changed) if changed == told.changed else f"{len(changed)} others",
    )
    written = [chatwoot.world.messages[number] for number in told.from_agent]
    bot = set(told.from_bot)
    arrived = [sent.text or "" for sent in stage.whatsapp.sent if sent.wamid not in bot]
    yield Check(
        what="agent's messages on WhatsApp, each once, in order, signed",
        expected=len(written),
        found=len(arrived)
        if all(map(_is_it, written, arrived)) and len(written) == len(arrived)
        else f"{len(arrived)} others",
    )
    yield from _bot(stage, told, theirs)
    yield Check(what="pictures intact, to Chatwoot", expected=1, found=told.pictures_in)
    yield Check(what="pictures intact, to WhatsApp", expected=1, found=told.pictures_out)


def _bot(stage: Stage, told: Told, theirs: Sequence[Conversation]) -> Iterator[Check]:
    """What the bot said stands on both sides once, in one order, and nothing else of it."""
    sent = {f"WAID:{one.wamid}" for one in stage.whatsapp.sent}
    shown = [
        m.source_id
        for c in theirs
        for m in c.messages
        if m.message_type == "outgoing" and m.source_id in sent
    ]
    wanted = [f"WAID:{one}" for one in told.from_bot]
    copies = [one for one in shown if one in wanted]
    yield Check(
        what="bot's messages on WhatsApp and in Chatwoot, each once, in order",
        expected=len(wanted),
        found=len(copies) if copies == wanted else f"{len(copies)} others",
    )
    yield Check(
        what="conversations that the bot gave to people", expected=1, found=told.handed_over
    )
    yield Check(
        what="bot's messages while an agent had the word", expected=0, found=told.talked_over
    )


def _is_it(written: object, arrived: str) -> bool:
    """The marks differ on both sides; the words and the signature do not."""
    content = getattr(written, "content", None) or ""
    sender = getattr(getattr(written, "sender", None), "display_name", "?")
    return sender in arrived.partition("\n")[0] and _words(content) in _words(arrived)


def _words(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _webhooks(stage: Stage) -> Iterator[Check]:
    delivered = list(stage.chatwoot.webhooks)
    yield Check(
        what="Chatwoot's webhooks answered 200",
        expected=len(delivered),
        found=sum(one.status == 200 for one in delivered),  # noqa: PLR2004
    )
    attempts = list(stage.whatsapp.outbox.attempts)
    yield Check(
        what="Meta's webhooks answered 200",
        expected=len(attempts),
        found=sum(one.status == 200 for one in attempts),  # noqa: PLR2004
    )


def _table(found: Figures) -> Table:
    table = Table(
        "road",
        title="What was accepted, and what became of it",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
    )
    for column in ("accepted", *ENDED, "waiting"):
        table.add_column(column, justify="right")
    table.add_column("adds up", justify="center")
    for road in found.roads:
        table.add_row(
            road,
            str(found.events[road, "accepted"]),
            *(str(found.events[road, end]) for end in ENDED),
            str(found.waiting[road]),
            "✓" if found.adds_up(road) else "✗",
        )
    return table


def _ignored(found: Figures) -> str:
    """By which rules events were ignored, the most frequent first."""
    rules: Counter[str] = Counter()
    for (_road, end, cause), count in found.causes.items():
        if end == "ignored":
            rules[cause] += count
    return ", ".join(f"{cause} {count}" for cause, count in rules.most_common())
