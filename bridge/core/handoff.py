"""Who speaks in a chat: the bot or a human. One state machine for each chat, pure.

Every signal goes through `hear`, in the unit that keeps the event: what a person does silences the
bot from that commit on. `epoch` grows whenever what the bot planned must not be said any more; a
bubble of an older epoch is not sent (design.md 2 and 4, Hand-off).
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from bridge.core.flow import Ending, Next, Status
from bridge.core.handoff_signals import (
    Asked,
    AssigneeIs,
    BubbleGone,
    CustomerSpoke,
    Effect,
    Expired,
    Failed,
    HandOver,
    HumanSpoke,
    Hushed,
    NotAsked,
    PauseAsked,
    Planned,
    Resumed,
    Signal,
    StatusIs,
    Step,
    Stopped,
)
from bridge.core.handoff_state import (
    Facts,
    Handoff,
    How,
    Pause,
    Phase,
    Policy,
    Reason,
)

__all__ = [
    "Asked",
    "AssigneeIs",
    "BubbleGone",
    "CustomerSpoke",
    "Effect",
    "Expired",
    "Facts",
    "Failed",
    "HandOver",
    "Handoff",
    "How",
    "HumanSpoke",
    "Hushed",
    "NotAsked",
    "Pause",
    "PauseAsked",
    "Phase",
    "Planned",
    "Policy",
    "Reason",
    "Resumed",
    "Signal",
    "StatusIs",
    "Step",
    "Stopped",
    "ended",
    "hear",
    "is_held",
    "joined",
    "may_start",
    "silenced_by",
    "word",
]

#: What humans do in the conversation itself: a bot with `hand_off` off goes on all the same.
_BY_HUMANS = frozenset({Reason.AGENT, Reason.PHONE, Reason.ASSIGNED, Reason.OPENED})
#: A later pause does not take the place of one that weighs more: who wrote is not forgotten because
#: the conversation was assigned afterwards, and taken back.
_WEIGHT = {
    Reason.ASSIGNED: 0,
    Reason.OPENED: 1,
    Reason.API: 2,
    Reason.HANDED_OVER: 2,
    Reason.FAILED: 2,
    Reason.AGENT: 3,
    Reason.PHONE: 3,
}
_NEEDS_HUMAN = frozenset({"open", "snoozed"})
#: Nobody works in these any more; a conversation of a blocked contact is closed for good.
_CLOSED = frozenset({"resolved", "unanswered", "blocked"})


def silenced_by(state: Handoff, policy: Policy, facts: Facts, now: int) -> str | None:
    """The rule by which the bot says nothing in this chat now; None: it may speak.

    It may be asked again at any moment: the answer follows from the arguments alone.
    """
    if facts.paused:
        return "bot.paused"
    if state.phase is Phase.PAUSED and _holds(state.pause, policy, now):
        return f"bot.{state.pause.reason}" if state.pause else "bot.paused"
    if not policy.hand_off or not policy.chatwoot:
        return None
    if facts.status == "blocked":
        return "bot.conversation_blocked"
    if policy.pending:
        return f"bot.conversation_{facts.status}" if facts.status in _NEEDS_HUMAN else None
    # What people did is over with their pause: who writes next wakes the bot.
    is_over = state.phase is Phase.PAUSED and _is_over(state.pause, now)
    return "bot.human" if state.human and not is_over else None


def may_start(state: Handoff, policy: Policy, now: int) -> str | None:
    """The rule by which no new flow starts by itself; None: one may (if it may speak)."""
    if state.phase is not Phase.ENDED or state.ended_at is None:
        return None
    if policy.restart_after is None:
        return "bot.ended"
    # What came together with the end is stored behind it, with a time of before it.
    since = max(now - state.ended_at, 0)
    return "bot.ended_lately" if since < policy.restart_after else None


def hear(  # noqa: C901, PLR0911, PLR0912  an arm for each signal
    state: Handoff, signal: Signal, policy: Policy, now: int
) -> Step:
    """The state after a signal, and what follows from it. Unknown combinations change nothing."""
    match signal:
        case CustomerSpoke():
            return Step(state=replace(_awake(state, now), touched_at=now))
        case HumanSpoke(phone=phone):
            if not (policy.hand_off or policy.stop_from_me):
                return Step(state=state)
            return _pause(state, Reason.PHONE if phone else Reason.AGENT, policy, now, human=True)
        case AssigneeIs():
            return _assignee(state, signal, policy, now)
        case StatusIs(status=status):
            return _status(state, status, policy, now)
        case PauseAsked(until=until):
            return _paused(state, Pause(reason=Reason.API, since=now, until=until), now)
        case Resumed():
            return _rearmed(state, now)
        case Hushed():
            return _hushed(state, now)
        case Asked():
            return _asked(state, signal, policy, now)
        case NotAsked():
            if state.asking is None:
                return Step(state=state)
            back = Phase.WAITING if state.has_session else Phase.IDLE
            return Step(
                state=replace(state, asking=None, phase=back if state.is_live else state.phase)
            )
        case Planned():
            return _planned(state, signal, policy, now)
        case BubbleGone(epoch=epoch):
            if epoch != state.epoch or state.left <= 0:
                return Step(state=state)
            return _gone(replace(state, left=state.left - 1, touched_at=now), now)
        case Expired():
            if state.phase is not Phase.WAITING:
                return Step(state=state)
            return _over(state, now)
        case Stopped(delete=delete):
            return _stopped(state, now, delete=delete)
        case HandOver():
            return _handed_over(state, policy, now)
        case Failed():
            return _failed(state, policy, now)
        case _:
            assert_never(signal)


def ended(
    state: Handoff, ending: Ending, policy: Policy, now: int, *, how: How = How.ENDED
) -> Handoff:
    """The state once a flow's ending is known (`Effect.ENDED`): a human has the word, or nobody.

    A conversation that was handed to humans is theirs until it is resolved or pending again. Where
    there is no Chatwoot, only who asked for a human gets one.
    """
    if state.phase is Phase.PAUSED:  # somebody has it already
        return state
    human = ending.status is Status.OPEN or ending.agent is not None
    if human and (policy.chatwoot or how is How.HANDED_OVER):
        pause = Pause(reason=Reason.HANDED_OVER, since=now, until=_until(now, policy.pause_for))
        return replace(state, phase=Phase.PAUSED, pause=pause, ended_at=now)
    return replace(state, phase=Phase.ENDED, pause=None, ended_at=now)


def joined(stays: Handoff, goes: Handoff, now: int) -> Step:
    """Two chats turn out to be one person's: a pause of either holds, and what a human did counts.

    The session of `stays` goes on, and its epoch: bubbles of `goes` are silenced by the caller.
    """
    state = replace(stays, human=stays.human or goes.human)
    if goes.phase is not Phase.PAUSED or goes.pause is None or _is_over(goes.pause, now):
        return Step(state=state)
    return _paused(state, goes.pause, now)


def is_held(state: Handoff, now: int) -> bool:
    """Whether somebody at Chatwoot or at the API keeps the bot silent now, whatever the status.

    Not with the phone of our own number: who writes there need not look at Chatwoot.
    """
    pause = state.pause
    return (
        state.phase is Phase.PAUSED
        and pause is not None
        and pause.reason not in {Reason.PHONE, Reason.OPENED}
        and not _is_over(pause, now)
    )


def word(state: Handoff) -> str:
    """Evolution's word for the state of a session (5.5): opened, paused, closed."""
    if state.phase is Phase.PAUSED:
        return "paused"
    return "opened" if state.is_live else "closed"


# -- what signals do --------------------------------------------------------------------------


def _pause(state: Handoff, reason: Reason, policy: Policy, now: int, *, human: bool) -> Step:
    pause = Pause(reason=reason, since=now, until=_until(now, policy.pause_for))
    return _paused(replace(state, human=state.human or human), pause, now)


def _paused(state: Handoff, pause: Pause, now: int) -> Step:
    """Silent from now on. A call that is under way stays: its answer belongs to an old epoch.

    Where the bot is silent already nothing of the present epoch is left that could be said.
    """
    effects = frozenset({Effect.SILENCE})
    if state.phase is Phase.PAUSED and state.pause is not None and not _is_over(state.pause, now):
        return Step(state=replace(state, pause=_both(state.pause, pause)), effects=effects)
    quiet = replace(state, phase=Phase.PAUSED, epoch=state.epoch + 1, left=0, pause=pause)
    return Step(state=quiet, effects=effects)


def _both(before: Pause, new: Pause) -> Pause:
    """Two pauses at once: the reason that weighs more, and the end that comes later."""
    ends = None if before.until is None or new.until is None else max(before.until, new.until)
    kept = before if _WEIGHT[before.reason] > _WEIGHT[new.reason] else new
    if kept.reason is before.reason:
        kept = before
    return replace(kept, until=ends)


def _assignee(state: Handoff, signal: AssigneeIs, policy: Policy, now: int) -> Step:
    if not policy.hand_off:
        return Step(state=state)
    if signal.assigned:
        if signal.automatic and not policy.pending:
            return Step(state=state)
        return _pause(state, Reason.ASSIGNED, policy, now, human=not signal.automatic)
    if (
        state.phase is Phase.PAUSED
        and state.pause is not None
        and state.pause.reason is Reason.ASSIGNED
    ):
        return _rearmed(state, now)
    return Step(state=state)


def _status(state: Handoff, status: str, policy: Policy, now: int) -> Step:
    if status in _CLOSED:
        step = _over(state, now, silence=True)
        return replace(
            step, state=replace(step.state, phase=Phase.IDLE, human=False, ended_at=None)
        )
    if status == "pending":
        return _rearmed(state, now)
    if policy.hand_off and policy.pending and status in _NEEDS_HUMAN:
        return _pause(state, Reason.OPENED, policy, now, human=False)
    return Step(state=state)


def _rearmed(state: Handoff, now: int) -> Step:
    """The bot has the word again, in the session that was kept, if there is one."""
    if state.phase not in {Phase.PAUSED, Phase.ENDED}:
        return Step(state=replace(state, human=False))
    phase = Phase.WAITING if state.has_session else Phase.IDLE
    return Step(
        state=replace(
            state, phase=phase, pause=None, human=False, ended_at=None, left=0, touched_at=now
        )
    )


def _awake(state: Handoff, now: int) -> Handoff:
    """A pause that is over by time alone; after the end of a flow its policy counts again."""
    if state.phase is not Phase.PAUSED or not _is_over(state.pause, now):
        return state
    awake = _rearmed(state, now).state
    if state.has_session or state.ended_at is None:
        return awake
    return replace(awake, phase=Phase.ENDED, ended_at=state.ended_at)


def _hushed(state: Handoff, now: int) -> Step:
    """What is planned, or asked for at this moment, is not said. The end of a flow stays one."""
    if state.phase not in {Phase.STARTING, Phase.SENDING}:
        return Step(state=state)
    quiet = replace(state, epoch=state.epoch + 1, left=0)
    silence = frozenset({Effect.SILENCE})
    if state.asking is None and state.next is Next.END:
        over = _gone(quiet, now)
        return replace(over, effects=over.effects | silence)
    phase = Phase.WAITING if state.has_session else Phase.IDLE
    return Step(state=replace(quiet, phase=phase), effects=silence)


def _asked(state: Handoff, signal: Asked, policy: Policy, now: int) -> Step:
    """Whoever asks while a human has the word changes nothing: no answer to it will count."""
    if state.phase is Phase.PAUSED and _holds(state.pause, policy, now):
        return Step(state=state)
    phase = Phase.STARTING if signal.starts else Phase.SENDING
    return Step(state=replace(state, phase=phase, asking=now, left=0, ended_at=None, pause=None))


def _planned(state: Handoff, signal: Planned, policy: Policy, now: int) -> Step:
    told = replace(state, asking=None)
    kept = signal.has_session and signal.next is not Next.END
    is_paused = state.phase is Phase.PAUSED and _holds(state.pause, policy, now)
    if signal.epoch != state.epoch or is_paused:
        # A human took the word while Typebot was asked: what it said is not sent. The session
        # stays for when the bot has the word again, unless it was ended meanwhile: then nobody
        # asks any more.
        if state.asking is None:
            gone = frozenset() if state.has_session else frozenset({Effect.FORGET})
            return Step(state=state, effects=gone)
        if kept and state.phase not in {Phase.IDLE, Phase.ENDED}:
            phase = Phase.WAITING if state.is_live else state.phase
            return Step(state=replace(told, phase=phase, has_session=True, next=signal.next))
        is_live = state.is_live
        quiet = replace(
            told,
            phase=Phase.IDLE if is_live else state.phase,
            has_session=False,
            next=Next.END,
        )
        return Step(state=quiet, effects=frozenset({Effect.FORGET}))
    sending = replace(
        told,
        phase=Phase.SENDING,
        has_session=kept,
        next=signal.next,
        left=signal.bubbles,
        pause=None,
        touched_at=now,
    )
    return Step(state=sending) if signal.bubbles > 0 else _gone(replace(sending, left=0), now)


def _gone(state: Handoff, now: int) -> Step:
    """Perhaps that was the last bubble: what comes next begins."""
    if state.left:
        return Step(state=state)
    match state.next:
        case Next.WAIT | Next.LISTEN:
            waiting = replace(state, phase=Phase.WAITING, touched_at=now)
            return Step(state=waiting, effects=frozenset({Effect.TURN}))
        case Next.REPLY:
            return Step(state=state, effects=frozenset({Effect.TURN}))
        case Next.END:
            over = replace(state, phase=Phase.ENDED, has_session=False, ended_at=now)
            return Step(state=over, effects=frozenset({Effect.FORGET, Effect.ENDED, Effect.TURN}))
        case _:
            assert_never(state.next)


def _over(state: Handoff, now: int, *, silence: bool = False) -> Step:
    """The session is forgotten; whoever still asks Typebot is told so when the answer comes."""
    over = replace(
        state,
        phase=Phase.ENDED,
        epoch=state.epoch + 1,
        left=0,
        pause=None,
        has_session=False,
        next=Next.END,
        asking=None,
        ended_at=now,
    )
    effects = {Effect.FORGET} | ({Effect.SILENCE} if silence else set())
    return Step(state=over, effects=frozenset(effects))


def _stopped(state: Handoff, now: int, *, delete: bool) -> Step:
    """The flow is over, and a pause with it: its restart policy says what comes next.

    That somebody of ours has spoken, or has opened the conversation, counts all the same.
    """
    step = _over(state, now, silence=True)
    if not delete:
        return step
    fresh = replace(step.state, phase=Phase.IDLE, ended_at=None, human=False)
    return replace(step, state=fresh)


def _handed_over(state: Handoff, policy: Policy, now: int) -> Step:
    """A human has the word from now on, also where there is no Chatwoot."""
    pause = Pause(reason=Reason.HANDED_OVER, since=now, until=_until(now, policy.pause_for))
    if state.phase is Phase.PAUSED and state.pause is not None and not _is_over(state.pause, now):
        pause = _both(state.pause, pause)
    over = _over(state, now, silence=True)
    return Step(
        state=replace(over.state, phase=Phase.PAUSED, pause=pause),
        effects=over.effects | {Effect.ENDED},
    )


def _failed(state: Handoff, policy: Policy, now: int) -> Step:
    """Somebody has to look: a human has the word, where there is one; else it may start anew."""
    over = replace(_over(state, now).state, ended_at=None)
    effects = frozenset({Effect.FORGET, Effect.SILENCE, Effect.FAILED})
    if not state.is_live:
        quiet = replace(state, asking=None, has_session=False, next=Next.END)
        return Step(state=quiet, effects=frozenset({Effect.FORGET}))
    if not policy.chatwoot:
        return Step(state=replace(over, phase=Phase.IDLE), effects=effects)
    pause = Pause(reason=Reason.FAILED, since=now, until=_until(now, policy.pause_for))
    return Step(state=replace(over, phase=Phase.PAUSED, pause=pause), effects=effects)


def _until(now: int, lasts: int | None) -> int | None:
    return None if lasts is None else now + lasts


def _is_over(pause: Pause | None, now: int) -> bool:
    return pause is not None and pause.until is not None and pause.until <= now


def _holds(pause: Pause | None, policy: Policy, now: int) -> bool:
    """Whether a pause is one for a bot of this policy: some go on when humans speak."""
    if pause is None or _is_over(pause, now):
        return pause is None
    if policy.hand_off or pause.reason not in _BY_HUMANS:
        return True
    return policy.stop_from_me and pause.reason in {Reason.AGENT, Reason.PHONE}
