"""`merge` in the control room: look for duplicate contacts, show them, and merge what was shown."""

from __future__ import annotations

from typing import Final, assert_never

from bridge.core.commands import Merge, MergeStep
from bridge.errors import Conflict
from bridge.locale import say
from bridge.relay.answers import Answer, Order
from bridge.relay.directory import Entry
from bridge.relay.merge_plans import MergePlans, PlanView

#: Which plans may be meant where no number is given, for each step.
_MEANT: Final = {
    MergeStep.APPLY: frozenset({"planned", "failed", "applying"}),
    MergeStep.DROP: frozenset({"planning", "planned", "applying", "failed"}),
    MergeStep.STATUS: frozenset({"planning", "planned", "applying", "applied", "failed"}),
}


async def merged(plans: MergePlans, command: Merge, order: Order) -> Answer:
    """Raises `NotFound`, `Conflict`."""
    entry, actor, step = order.entry, order.actor, command.step
    language = entry.language
    if step is MergeStep.PLAN:
        begun = await _begun(plans, order)
        return Answer.of(say(language, "command.merge.begun", plan=begun))
    meant = command.plan or await _newest(plans, entry, _MEANT[step])
    if meant is None:
        return Answer.of(say(language, "command.merge.none"), code="merge.unknown")
    match step:
        case MergeStep.APPLY:
            view = await plans.apply(entry, meant, actor)
            key = "command.merge.applying" if view.state == "applying" else "command.merge.status"
        case MergeStep.DROP:
            view = await plans.drop(entry, meant, actor)
            key = "command.merge.status"
        case MergeStep.STATUS:
            view = await plans.status(entry, meant)
            key = "command.merge.status"
        case _:
            assert_never(step)
    return Answer.of(_told(language, key, view))


async def _begun(plans: MergePlans, order: Order) -> int:
    try:
        return await plans.begin(order.entry, order.actor)
    except Conflict:
        newest = await plans.latest(order.entry, limit=1)
        if order.is_repeated and newest and newest[0].state == "planning":
            return newest[0].id
        raise


async def _newest(plans: MergePlans, entry: Entry, states: frozenset[str]) -> int | None:
    found = await plans.latest(entry)
    return next((one.id for one in found if one.state in states), None)


def _told(language: str, key: str, view: PlanView) -> str:
    return say(
        language,
        key,
        plan=view.id,
        state=say(language, f"command.merge.state.{view.state}"),
        seen=view.seen,
        pairs=view.pairs,
        planned=view.planned,
        done=view.done,
        skipped=view.skipped,
        failed=view.failed,
    )
