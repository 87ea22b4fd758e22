"""Who has the word: every signal in every phase, and all orders of signals against a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import TypeAdapter

from bridge.core.flow import Ending, Next, Status
from bridge.core.handoff import (
    Asked,
    AssigneeIs,
    BubbleGone,
    CustomerSpoke,
    Effect,
    Expired,
    Facts,
    Failed,
    Handoff,
    HandOver,
    How,
    HumanSpoke,
    Hushed,
    NotAsked,
    Pause,
    PauseAsked,
    Phase,
    Planned,
    Policy,
    Reason,
    Resumed,
    Signal,
    StatusIs,
    Step,
    Stopped,
    ended,
    hear,
    is_held,
    may_start,
    silenced_by,
    word,
)

NOW = 1_000_000
PENDING = Policy(pending=True)
OPEN = Policy()
ALONE = Policy(chatwoot=False)
S, F, T, E, X = Effect.SILENCE, Effect.FORGET, Effect.TURN, Effect.ENDED, Effect.FAILED
HANDOFF = TypeAdapter(Handoff)


def at(phase: Phase, reason: Reason = Reason.AGENT, **more: object) -> Handoff:
    """A state as the house gets into it."""
    made: dict[Phase, Handoff] = {
        Phase.IDLE: Handoff(),
        Phase.STARTING: Handoff(phase=Phase.STARTING, asking=NOW - 5),
        Phase.WAITING: Handoff(phase=Phase.WAITING, has_session=True, next=Next.WAIT),
        Phase.SENDING: Handoff(phase=Phase.SENDING, has_session=True, next=Next.WAIT, left=2),
        Phase.PAUSED: Handoff(
            phase=Phase.PAUSED,
            has_session=True,
            next=Next.WAIT,
            pause=Pause(reason=reason, since=NOW - 9),
            human=reason in {Reason.AGENT, Reason.PHONE},
        ),
        Phase.ENDED: Handoff(phase=Phase.ENDED, ended_at=NOW - 100),
    }
    return replace(made[phase], epoch=7, **more)  # type: ignore[arg-type]  # of a test


ORDER = (
    Phase.IDLE,
    Phase.STARTING,
    Phase.WAITING,
    Phase.SENDING,
    Phase.PAUSED,
    Phase.ENDED,
)
I_, ST, W, SE, P, EN = ORDER
#: What becomes of each phase (in this order), in an inbox whose conversations begin as pending.
TABLE: dict[str, tuple[Signal, tuple[Phase, ...]]] = {
    "customer": (CustomerSpoke(), (I_, ST, W, SE, P, EN)),
    "agent": (HumanSpoke(), (P, P, P, P, P, P)),
    "phone": (HumanSpoke(phone=True), (P, P, P, P, P, P)),
    "assigned": (AssigneeIs(assigned=True), (P, P, P, P, P, P)),
    "assigned by itself": (AssigneeIs(assigned=True, automatic=True), (P, P, P, P, P, P)),
    "unassigned": (AssigneeIs(assigned=False), (I_, ST, W, SE, P, EN)),
    "open": (StatusIs(status="open"), (P, P, P, P, P, P)),
    "snoozed": (StatusIs(status="snoozed"), (P, P, P, P, P, P)),
    "pending": (StatusIs(status="pending"), (I_, ST, W, SE, W, I_)),
    "resolved": (StatusIs(status="resolved"), (I_, I_, I_, I_, I_, I_)),
    "blocked": (StatusIs(status="blocked"), (I_, I_, I_, I_, I_, I_)),
    "unknown status": (StatusIs(status="?"), (I_, ST, W, SE, P, EN)),
    "pause asked": (PauseAsked(), (P, P, P, P, P, P)),
    "resumed": (Resumed(), (I_, ST, W, SE, W, I_)),
    "hushed": (Hushed(), (I_, I_, W, W, P, EN)),
    "asked for a session": (Asked(starts=True), (ST, ST, ST, ST, P, ST)),
    "asked": (Asked(starts=False), (SE, SE, SE, SE, P, SE)),
    "not asked": (NotAsked(), (I_, I_, W, SE, P, EN)),
    "answered": (Planned(epoch=7, bubbles=1, next=Next.WAIT), (SE, SE, SE, SE, P, SE)),
    "answered too late": (Planned(epoch=6, bubbles=1, next=Next.WAIT), (I_, W, W, SE, P, EN)),
    "a bubble went": (BubbleGone(epoch=7), (I_, ST, W, SE, P, EN)),
    "an old bubble went": (BubbleGone(epoch=6), (I_, ST, W, SE, P, EN)),
    "expired": (Expired(), (I_, ST, EN, SE, P, EN)),
    "stopped": (Stopped(), (EN, EN, EN, EN, EN, EN)),
    "deleted": (Stopped(delete=True), (I_, I_, I_, I_, I_, I_)),
    "handed over": (HandOver(), (P, P, P, P, P, P)),
    "failed": (Failed(), (I_, P, P, P, P, EN)),
}
ROWS = [
    pytest.param(signal, before, after, id=f"{name}: {before}")
    for name, (signal, row) in TABLE.items()
    for before, after in zip(ORDER, row, strict=True)
]


@pytest.mark.parametrize(("signal", "before", "after"), ROWS)
def test_what_each_signal_makes_of_each_phase(signal, before, after):
    state = at(before)
    step = hear(state, signal, PENDING, NOW)
    assert step.state.phase is after
    assert step.state.epoch >= state.epoch
    is_quieter = after in {P, EN, I_} and before in {ST, W, SE}
    if is_quieter and not isinstance(signal, NotAsked | Planned):
        assert step.state.epoch > state.epoch
        assert Effect.SILENCE in step.effects or isinstance(signal, Expired)
    assert step.state.left == 0 or step.state.phase is SE


@pytest.mark.parametrize(
    ("state", "signal", "effects"),
    [
        pytest.param(at(W), HumanSpoke(), {S}, id="a human silences"),
        pytest.param(at(W), StatusIs(status="resolved"), {S, F}, id="resolved forgets"),
        pytest.param(at(W), Expired(), {F}, id="so does silence"),
        pytest.param(at(SE, left=1), BubbleGone(epoch=7), {T}, id="the last bubble wakes a turn"),
        pytest.param(at(SE), BubbleGone(epoch=7), set(), id="one of two does not"),
        pytest.param(at(SE, left=1, next=Next.REPLY), BubbleGone(epoch=7), {T}, id="or an action"),
        pytest.param(
            at(SE, left=1, next=Next.END), BubbleGone(epoch=7), {F, E, T}, id="or the end"
        ),
        pytest.param(
            at(ST), Planned(epoch=7, bubbles=0, next=Next.END), {F, E, T}, id="no bubbles at all"
        ),
        pytest.param(
            at(SE, next=Next.END, has_session=False), Hushed(), {S, F, E, T}, id="the end stays one"
        ),
        pytest.param(at(W), HandOver(), {S, F, E}, id="handed over"),
        pytest.param(at(SE), Failed(), {S, F, X}, id="failed"),
        pytest.param(at(P), Failed(), {F}, id="a human had the word already"),
        pytest.param(at(W), Stopped(), {S, F}, id="stopped"),
    ],
)
def test_what_follows_from_a_signal(state, signal, effects):
    assert hear(state, signal, PENDING, NOW).effects == effects


def test_who_is_bound_to_no_flow_yet_is_left_alone_after_a_human_spoke():
    for policy in (PENDING, OPEN, ALONE):
        state = hear(Handoff(), HumanSpoke(), policy, NOW).state
        assert silenced_by(state, policy, Facts(status="pending"), NOW) == "bot.agent_wrote"


def test_an_old_bubble_counts_for_nothing():
    assert hear(at(SE, left=1), BubbleGone(epoch=6), PENDING, NOW).state.left == 1


def test_a_session_that_began_for_nobody_is_forgotten():
    state = hear(at(ST), HumanSpoke(), PENDING, NOW).state
    state = hear(state, Resumed(), PENDING, NOW).state
    step = hear(state, Planned(epoch=7, bubbles=1, next=Next.WAIT), PENDING, NOW)
    assert (step.state.phase, step.state.has_session, step.effects) == (I_, False, {F})


def test_a_pause_that_weighs_more_stays():
    state = hear(at(W), HumanSpoke(), PENDING, NOW).state
    state = hear(state, AssigneeIs(assigned=True), PENDING, NOW).state
    state = hear(state, AssigneeIs(assigned=False), PENDING, NOW).state
    assert (state.phase, state.pause.reason if state.pause else None) == (P, Reason.AGENT)


def test_an_assignment_that_is_taken_back_gives_the_word_back():
    for policy in (PENDING, OPEN):
        state = hear(at(W), AssigneeIs(assigned=True), policy, NOW).state
        state = hear(state, AssigneeIs(assigned=False), policy, NOW).state
        assert state.phase is W
        assert silenced_by(state, policy, Facts(status="pending"), NOW) is None


def test_the_api_cannot_shorten_the_pause_of_a_human():
    state = hear(at(W), HumanSpoke(), OPEN, NOW).state
    state = hear(state, PauseAsked(until=NOW + 10), OPEN, NOW).state
    assert silenced_by(state, OPEN, Facts(), NOW + 11) == "bot.agent_wrote"


def test_automatic_assignment_counts_only_where_conversations_are_pending():
    automatic = AssigneeIs(assigned=True, automatic=True)
    assert hear(at(W), automatic, OPEN, NOW).state == at(W)
    assert hear(at(W), automatic, PENDING, NOW).state.phase is P


def test_a_pause_that_is_over_wakes_with_the_next_word():
    policy = replace(OPEN, pause_for=50)
    state = hear(at(W), HumanSpoke(), policy, NOW).state
    assert silenced_by(state, policy, Facts(), NOW + 49) == "bot.agent_wrote"
    assert silenced_by(state, policy, Facts(), NOW + 50) is None  # or nobody would hear the word
    assert hear(state, CustomerSpoke(), policy, NOW + 49).state.phase is P
    awake = hear(state, CustomerSpoke(), policy, NOW + 50).state
    assert silenced_by(awake, policy, Facts(), NOW + 50) is None
    assert awake.phase is W


def test_after_a_hand_over_that_is_over_by_time_the_restart_policy_counts():
    policy = replace(OPEN, pause_for=50, restart_after=None)
    over = hear(at(SE, left=1, next=Next.END), BubbleGone(epoch=7), policy, NOW).state
    state = ended(over, Ending(status=Status.OPEN), policy, NOW)
    assert state.phase is P
    awake = hear(state, CustomerSpoke(), policy, NOW + 60).state
    assert may_start(awake, policy, NOW + 60) == "bot.ended"


@pytest.mark.parametrize(
    ("ending", "policy", "phase"),
    [
        (Ending(status=Status.OPEN), PENDING, P),
        (Ending(status=Status.KEEP, agent="Ana"), OPEN, P),
        (Ending(status=Status.KEEP), PENDING, EN),
        (Ending(status=Status.RESOLVED), PENDING, EN),
        (Ending(status=Status.OPEN), ALONE, EN),
    ],
)
def test_who_has_the_word_after_a_flow(ending, policy, phase):
    assert ended(at(EN), ending, policy, NOW).phase is phase


def test_who_wanted_a_human_gets_one_without_chatwoot_too():
    state = hear(at(W), HandOver(), ALONE, NOW).state
    state = ended(state, Ending(status=Status.OPEN), ALONE, NOW)
    assert silenced_by(state, ALONE, Facts(), NOW) == "bot.handed_over"
    over = ended(at(EN), Ending(status=Status.OPEN), ALONE, NOW, how=How.HANDED_OVER)
    assert silenced_by(over, ALONE, Facts(), NOW) == "bot.handed_over"


@pytest.mark.parametrize("taken", [HandOver(), StatusIs(status="resolved"), Stopped(delete=True)])
@pytest.mark.parametrize("then", [None, HumanSpoke(), PauseAsked()])
def test_a_session_that_was_ended_while_typebot_was_asked_does_not_come_back(taken, then):
    state = hear(at(W), Asked(starts=False), PENDING, NOW).state
    for signal in (taken, then):
        state = hear(state, signal, PENDING, NOW).state if signal is not None else state
    step = hear(state, Planned(epoch=7, bubbles=2, next=Next.WAIT), PENDING, NOW)
    assert not step.state.has_session
    assert step.effects == {F}


def test_an_answer_that_a_human_overtook_is_not_said_and_its_session_stays():
    state = hear(at(ST), HumanSpoke(), PENDING, NOW).state
    step = hear(state, Planned(epoch=7, bubbles=2, next=Next.WAIT), PENDING, NOW)
    assert (step.state.phase, step.state.left, step.state.has_session) == (P, 0, True)
    again = hear(step.state, StatusIs(status="pending"), PENDING, NOW).state
    assert (again.phase, again.has_session) == (W, True)


def test_a_flow_that_ended_unheard_leaves_no_session_behind():
    asked = hear(at(W), Asked(starts=False), PENDING, NOW).state
    back = hear(hear(asked, HumanSpoke(), PENDING, NOW).state, Resumed(), PENDING, NOW).state
    step = hear(back, Planned(epoch=7, bubbles=1, next=Next.END), PENDING, NOW)
    assert (step.state.phase, step.state.has_session) == (I_, False)


def test_a_bot_that_goes_on_beside_humans_is_not_silenced_by_them():
    goes_on = replace(OPEN, hand_off=False)
    shared = hear(Handoff(), HumanSpoke(), OPEN, NOW).state  # as its instance says
    assert silenced_by(shared, goes_on, Facts(status="open"), NOW) is None
    assert hear(shared, Asked(starts=True), goes_on, NOW).state.phase is ST
    assert hear(at(W), HumanSpoke(), goes_on, NOW).state == at(W)
    stops = replace(goes_on, stop_from_me=True)
    assert hear(at(W), HumanSpoke(), stops, NOW).state.phase is P
    assert silenced_by(shared, stops, Facts(), NOW) == "bot.agent_wrote"


@pytest.mark.parametrize("reason", [Reason.API, Reason.FAILED, Reason.HANDED_OVER])
def test_what_is_no_human_in_the_conversation_pauses_every_bot(reason):
    policy = replace(OPEN, hand_off=False)
    state = at(P, reason)
    assert silenced_by(state, policy, Facts(), NOW) == f"bot.{reason}"
    assert hear(state, StatusIs(status="pending"), policy, NOW).state.phase is W


@pytest.mark.parametrize(
    ("policy", "facts", "rule"),
    [
        (PENDING, Facts(status="pending"), None),
        (PENDING, Facts(status=None), None),
        (PENDING, Facts(status="resolved"), None),
        (PENDING, Facts(status="open"), "bot.conversation_open"),
        (PENDING, Facts(status="snoozed"), "bot.conversation_snoozed"),
        (PENDING, Facts(status="blocked"), "bot.conversation_blocked"),
        (OPEN, Facts(status="open"), None),
        (OPEN, Facts(status="blocked"), "bot.conversation_blocked"),
        (ALONE, Facts(), None),
        (ALONE, Facts(paused=True), "bot.paused"),
        (replace(PENDING, hand_off=False), Facts(status="open"), None),
    ],
)
def test_what_the_conversation_says_about_who_may_speak(policy, facts, rule):
    assert silenced_by(Handoff(), policy, facts, NOW) == rule


def test_when_another_flow_may_start():
    state = at(EN)
    assert may_start(state, OPEN, NOW) is None
    assert may_start(state, replace(OPEN, restart_after=None), NOW) == "bot.ended"
    assert may_start(state, replace(OPEN, restart_after=101), NOW) == "bot.ended_lately"
    assert may_start(state, replace(OPEN, restart_after=100), NOW) is None
    assert may_start(state, OPEN, NOW - 101) is None  # it came before the end, and was kept behind


def test_evolutions_words():
    assert [word(at(phase)) for phase in ORDER] == [
        "closed",
        "opened",
        "opened",
        "opened",
        "paused",
        "closed",
    ]


def test_who_is_held():
    assert [is_held(at(P, reason), NOW) for reason in Reason] == [
        reason not in {Reason.PHONE, Reason.OPENED} for reason in Reason
    ]
    assert not is_held(at(W), NOW)


#: What ends a session, whoever has the word then.
ENDS = (Stopped(), Stopped(delete=True), HandOver(), StatusIs(status="resolved"))
Act = Callable[["Chat"], object]
#: What may come between two steps of a flow; the first only where there is Chatwoot.
IN_CHATWOOT: dict[str, Act] = {
    "it is assigned": lambda chat: chat.somebody_is_assigned(automatic=False),
    "Chatwoot assigns it": lambda chat: chat.somebody_is_assigned(automatic=True),
    "nobody is assigned": lambda chat: chat.nobody_is_assigned(),
    "it is opened": lambda chat: chat.status_changes("open"),
    "it is snoozed": lambda chat: chat.status_changes("snoozed"),
    "it is pending": lambda chat: chat.status_changes("pending"),
    "it is resolved": lambda chat: chat.status_changes("resolved"),
}
ACTS: dict[str, Act] = {
    "an agent writes": lambda chat: chat.human_writes(phone=False),
    "the phone writes": lambda chat: chat.human_writes(phone=True),
    "the API pauses": lambda chat: chat.api_pauses(lasts=None),
    "the API pauses for a while": lambda chat: chat.api_pauses(lasts=20),
    "the API resumes": lambda chat: chat.api_resumes(),
    "it is closed": lambda chat: chat.flow_is_stopped(delete=False),
    "it is deleted": lambda chat: chat.flow_is_stopped(delete=True),
    "it is handed over": lambda chat: chat.flow_is_handed_over(),
    "all are paused": lambda chat: chat.bots_are_paused(),
    "all are resumed": lambda chat: chat.bots_are_resumed(),
    "it expires": lambda chat: chat.nobody_says_anything(),
    "a while passes": lambda chat: chat.time_passes(25),
}
SOME_ACTS = st.lists(st.sampled_from([*IN_CHATWOOT, *ACTS]), max_size=3)


@dataclass
class Call:
    epoch: int
    starts: bool
    #: Somebody took the word, or the flow was ended, before it was answered.
    is_overtaken: bool = False


@dataclass
class Bubble:
    epoch: int
    is_overtaken: bool
    #: "said" or "silenced", each once.
    ends: list[str] = field(default_factory=list)


class Chat(RuleBasedStateMachine):
    """One chat with its two lanes, an agent, a phone, Chatwoot and a Typebot that may be slow.

    Who has the word says a model that knows nothing of phases.
    """

    @initialize(
        chatwoot=st.sampled_from([True, True, False]),
        pending=st.booleans(),
        status=st.sampled_from(list(Status)),
        restart=st.sampled_from([0, 30, None]),
        lasts=st.sampled_from([None, None, 40]),
    )
    def begin(self, chatwoot, pending, status, restart, lasts):
        self.policy = Policy(
            chatwoot=chatwoot,
            pending=chatwoot and pending,
            on_end=Ending(status=status),
            restart_after=restart,
            pause_for=lasts,
        )
        self.stored = HANDOFF.dump_json(Handoff())
        self.now = NOW
        self.status = ("pending" if pending else "open") if chatwoot else None
        self.assigned = False
        self.hushed = False
        #: Until when somebody has taken the word, and whether that was by writing.
        self.written: float = 0
        self.asked_away: float = 0
        self.taken: float = 0
        #: A flow was closed over the API in a conversation in which somebody had a part.
        self.lingers = False
        self.turn = False
        self.call: Call | None = None
        self.suspect = False
        self.bubbles: list[Bubble] = []
        self.waiting: list[Bubble] = []

    @property
    def state(self) -> Handoff:
        return HANDOFF.validate_json(self.stored)

    @property
    def facts(self) -> Facts:
        return Facts(status=self.status, paused=self.hushed)

    @property
    def silenced(self) -> str | None:
        return silenced_by(self.state, self.policy, self.facts, self.now)

    def hear(self, signal: Signal) -> Step:
        """A unit: the state is stored, and what follows is done with it."""
        if self.call is not None and (not self.is_the_bots or signal in ENDS):
            self.call.is_overtaken = True
        step = hear(self.state, signal, self.policy, self.now)
        state = step.state
        if Effect.ENDED in step.effects:
            ending = self.policy.on_end
            state = ended(state, ending, self.policy, self.now)
            if self.policy.chatwoot and ending.status is Status.OPEN:
                self.asked_away = max(self.asked_away, self.until())
        self.stored = HANDOFF.dump_json(state)
        if Effect.SILENCE in step.effects:
            for bubble in self.waiting:
                bubble.ends.append("silenced")
            self.waiting = []
            self.turn = False
        if Effect.FORGET in step.effects:
            assert not state.has_session
        if Effect.TURN in step.effects and state.next is Next.REPLY:
            self.turn = True
        return step

    def until(self) -> float:
        return float("inf") if self.policy.pause_for is None else self.now + self.policy.pause_for

    def given_back(self) -> None:
        self.written = self.asked_away = self.taken = 0
        self.lingers = False

    @property
    def is_the_bots(self) -> bool:
        """By the model alone."""
        if self.hushed or max(self.written, self.asked_away, self.taken) > self.now:
            return False
        if self.policy.pending:
            return self.status not in {"open", "snoozed"}
        return not (self.policy.chatwoot and self.lingers)

    # -- people

    @rule()
    def customer_writes(self):
        state = self.state
        starts = not state.is_live and not state.has_session
        refused = may_start(state, self.policy, self.now) if starts else None
        if self.silenced is None and refused is None:
            if max(self.written, self.asked_away, self.taken):  # and is over by now
                self.given_back()
            self.hear(CustomerSpoke())
            self.turn = True

    @rule(
        count=st.integers(0, 3),
        gone=st.integers(0, 3),
        following=st.sampled_from([*Next, Next.WAIT, None]),
        by_time=st.booleans(),
        meanwhile=SOME_ACTS,
        between=SOME_ACTS,
    )
    def flow_speaks(  # noqa: PLR0917
        self, count, gone, following, by_time, meanwhile, between
    ):
        """All that has to come together before a flow speaks; left to chance it hardly does.

        `meanwhile`: while Typebot is asked; `between` two bubbles. No `following`: it does not
        answer yet.
        """
        if self.call is not None or self.suspect:
            return
        self.bots_are_resumed()
        if self.policy.pending:
            self.status_changes("pending")
        if by_time:
            self.time_passes(100)
        if not self.is_the_bots:
            self.api_resumes()
        self.customer_writes()
        if self.turn:
            self.turn_runs()
        for what in meanwhile:
            self.happens(what)
        if self.call is not None and following is not None:
            self.typebot_answers(count, following)
        self.bubbles_go(gone)
        for what in between:
            self.happens(what)
        self.bubbles_go(3)

    def happens(self, what):
        if what in ACTS:
            ACTS[what](self)
        elif self.policy.chatwoot:
            IN_CHATWOOT[what](self)
        self.who_has_the_word_is_as_the_model_says()

    @rule(phone=st.booleans())
    def human_writes(self, phone):
        self.written = max(self.written, self.until())
        self.lingers = False
        self.hear(HumanSpoke(phone=phone))
        assert self.silenced is not None
        assert not self.waiting

    @precondition(lambda self: self.policy.chatwoot)
    @rule(automatic=st.booleans())
    def somebody_is_assigned(self, automatic):
        self.assigned = True
        if not automatic or self.policy.pending:
            self.taken = max(self.taken, self.until())
            self.lingers = False
        self.hear(AssigneeIs(assigned=True, automatic=automatic))

    @precondition(lambda self: self.assigned)
    @rule()
    def nobody_is_assigned(self):
        self.assigned = False
        self.taken = 0
        self.hear(AssigneeIs(assigned=False))

    @precondition(lambda self: self.policy.chatwoot)
    @rule(status=st.sampled_from(["open", "pending", "resolved", "snoozed"]))
    def status_changes(self, status):
        if status == self.status:
            return
        self.status = status
        if status in {"pending", "resolved"}:
            self.given_back()
        self.hear(StatusIs(status=status))
        if status == "resolved":
            assert self.state.phase is Phase.IDLE
            assert not self.state.has_session
            assert not self.waiting

    @rule(lasts=st.sampled_from([None, 20]))
    def api_pauses(self, lasts):
        until = None if lasts is None else self.now + lasts
        self.asked_away = max(self.asked_away, float("inf") if until is None else until)
        self.lingers = False
        self.hear(PauseAsked(until=until))

    @rule()
    def api_resumes(self):
        self.given_back()
        self.hear(Resumed())

    @rule(delete=st.booleans())
    def flow_is_stopped(self, delete):
        lingers = self.state.human and not delete
        self.given_back()
        self.lingers = lingers
        self.hear(Stopped(delete=delete))
        assert not self.state.has_session
        assert not self.waiting

    @rule()
    def flow_is_handed_over(self):
        self.asked_away = max(self.asked_away, self.until())
        self.lingers = False
        self.hear(HandOver())
        assert self.silenced is not None

    @rule()
    def bots_are_paused(self):
        self.hushed = True
        self.hear(Hushed())
        assert all(one.epoch < self.state.epoch for one in self.waiting)

    @rule()
    def bots_are_resumed(self):
        self.hushed = False

    # -- time, and the turn

    @rule(ms=st.sampled_from([1, 25, 100]))
    def time_passes(self, ms):
        self.now += ms

    @rule()
    def nobody_says_anything(self):
        was = self.state.phase
        self.hear(Expired())
        if was is Phase.WAITING:
            assert not self.state.has_session
            assert self.state.phase is not Phase.WAITING

    @precondition(lambda self: self.turn and self.call is None and not self.suspect)
    @rule()
    def turn_runs(self):
        state = self.state
        if state.left:
            return
        self.turn = False
        starts = not state.has_session
        refused = may_start(state, self.policy, self.now) if starts else None
        if self.silenced is not None or refused is not None:
            return
        self.call = Call(epoch=state.epoch, starts=starts)
        self.hear(Asked(starts=starts))
        assert self.state.asking is not None

    @precondition(lambda self: self.call is not None)
    @rule(count=st.integers(0, 3), following=st.sampled_from(list(Next)))
    def typebot_answers(self, count, following):
        assert self.call is not None
        late = self.call.is_overtaken
        made = [Bubble(epoch=self.call.epoch, is_overtaken=late) for _ in range(count)]
        self.bubbles += made
        self.waiting += made
        signal = Planned(epoch=self.call.epoch, bubbles=count, next=following)
        self.call = None
        self.hear(signal)

    @precondition(lambda self: self.call is not None)
    @rule()
    def typebot_was_not_reached(self):
        self.call = None
        self.hear(NotAsked())
        self.turn = self.silenced is None

    @precondition(lambda self: self.call is not None or self.suspect)
    @rule()
    def nobody_knows_what_typebot_did(self):
        self.call, self.suspect = None, False
        was_live = self.state.is_live
        if was_live and self.policy.chatwoot:
            self.asked_away = max(self.asked_away, self.until())
        self.hear(Failed())
        assert self.state.asking is None

    @precondition(lambda self: self.call is not None)
    @rule()
    def process_dies_in_the_call(self):
        self.call, self.suspect = None, True

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 3))
    def bubbles_go(self, count):
        for bubble in self.waiting[:count]:
            self.waiting.remove(bubble)
            if bubble.epoch == self.state.epoch and self.silenced is None:
                bubble.ends.append("said")
                assert not bubble.is_overtaken
                self.nobody_else_has_the_word()
            else:
                bubble.ends.append("silenced")
            self.hear(BubbleGone(epoch=bubble.epoch))

    def nobody_else_has_the_word(self):
        """What the promise says, by the model alone."""
        assert not self.hushed
        assert self.written <= self.now, "a human wrote"
        assert self.asked_away <= self.now, "somebody keeps the bot silent"
        assert self.taken <= self.now, "somebody is assigned"
        if self.policy.pending:
            assert self.status not in {"open", "snoozed"}

    # -- what always holds

    @invariant()
    def who_has_the_word_is_as_the_model_says(self):
        assert (self.silenced is None) == self.is_the_bots

    @invariant()
    def nothing_is_stuck(self):
        state = self.state
        asked = self.call is not None or self.suspect
        if state.phase is Phase.STARTING:
            assert asked
        if state.phase is Phase.SENDING:
            ours = sum(one.epoch == state.epoch for one in self.waiting)
            assert state.left == ours
            assert asked or ours or self.turn
        assert state.left == 0 or state.phase is Phase.SENDING
        assert state.asking is None or asked

    @invariant()
    def sessions_are_forgotten(self):
        state = self.state
        if state.phase in {Phase.IDLE, Phase.ENDED}:
            assert not state.has_session
        if state.phase is Phase.WAITING:
            assert state.has_session

    @invariant()
    def every_bubble_ends_once(self):
        for bubble in self.bubbles:
            assert len(bubble.ends) == (0 if any(one is bubble for one in self.waiting) else 1)


Chat.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAllOrders = Chat.TestCase
