"""What of a story breaks a promise; judged by what the stand-ins and the wire saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bridge.sim.chatwoot import AgentBot, Message
from support.flow_orders.seen import DOUBTFUL, Call, Happening, Seen, bubbles_in
from support.flow_orders.stage import EXPIRED, GOODBYE, Stage

#: Who takes the word, by how conversations begin; and what gives it back, whoever has it.
TAKES: Final = {
    "pending": ("agent writes", "assigns", "opens", "snoozes"),
    "open": ("agent writes", "assigns"),
    "without Chatwoot": (),
}
GIVES: Final = ("pends", "resolves", "the API gives back", "the API closes", "the API deletes")
EVERYBODY: Final = ("all is over", "begins anew")
#: What a person does by which something may remain unsaid or unheard.
HUMANS: Final = (
    *("agent writes", "assigns", "opens", "snoozes", "resolves", "pends", "unassigns"),
    *("pauses all bots", "the API pauses", "the API closes", "the API deletes", "the API starts"),
    *("last word", "the API gives back"),
)
#: What must have happened before a text is for no flow by such a rule.
BECAUSE: Final = {
    "bot.agent_wrote": ("agent writes",),
    "bot.human": ("agent writes", "assigns", "opens"),
    "bot.assigned": ("assigns", "opens"),
    "bot.opened": ("opens", "snoozes"),
    "bot.api": ("the API pauses",),
    "bot.conversation_snoozed": ("snoozes",),
    "bot.paused": ("pauses all bots",),
    "bot.too_old": ("later", "much later"),
}
#: These follow from what a flow does by itself: from its end, and from its failure.
BY_ITSELF: Final = ("bot.handed_over", "bot.failed", "bot.conversation_open")
UNLIKELY: Final = ("Typebot fails", "Typebot forgets", "crash")
ANSWERED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Every method gives sentences about what is wrong."""

    stage: Stage
    seen: Seen
    #: What was wrong when all was over, before the flow began anew.
    stuck: Sequence[str] = ()

    async def judge(self) -> list[str]:
        wrong = [
            *self.speaks_while_a_human_has_the_word(),
            *self.loses_a_text(),
            *self.says_a_bubble_twice(),
            *self.leaves_a_bubble_out(),
            *self.asks_twice_at_once(),
            *self.mirrors(),
        ]
        return [*wrong, *await self.is_stuck()]

    # -- 1 ----------------------------------------------------------------------------------

    def speaks_while_a_human_has_the_word(self) -> Iterator[str]:
        takes = (*TAKES[self.stage.kind], "the API pauses", "pauses all bots")
        for one in self.seen.of(*takes):
            if one.accepted is None or one.about == DOUBTFUL:
                continue
            until = self._given_back(one)
            for send in self.seen.attempts:
                is_bots = bubbles_in(send.text) or send.text in {GOODBYE, EXPIRED}
                if is_bots and one.accepted < send.began < until:
                    yield f"{send.text} is said at {send.began} after “{one.what}” at {one.at}"

    def _given_back(self, taken: Happening) -> int:
        """The first moment at which somebody else may have the word again."""
        gives = [*GIVES, *EVERYBODY]
        if taken.what == "pauses all bots":
            gives = ["resumes all bots", "the end"]
        if taken.what in {"assigns", "opens"}:  # whoever opens a conversation gets it
            gives.append("unassigns")
        if taken.what == "snoozes":  # a customer who writes wakes the conversation
            gives.append("says")
        if taken.what == "the API pauses":
            gives.append("the API starts")
        is_ours = taken.what in {"the API pauses", "pauses all bots"}

        def is_later(one: Happening) -> bool:
            """What Chatwoot has not told yet when somebody tells us comes after that."""
            on_its_way = is_ours and (one.accepted is None or one.accepted > taken.at)
            return one.at > taken.at or on_its_way

        later = (one.at for one in self.seen.of(*gives) if is_later(one))
        return min(later, default=self.seen.now + 1)

    # -- 2 ----------------------------------------------------------------------------------

    def loses_a_text(self) -> Iterator[str]:
        for one in self.seen.of("says"):
            calls = [call for call in self.seen.calls if one.about in call.said and call.did]
            if len(calls) > 1:
                yield f"{one.about} came to Typebot {len(calls)} times"
            told = [call for call in self.seen.calls if one.about in call.told and call.did]
            if not calls and not told:
                why = self._why_unheard(one)
                if why is not None:
                    yield f"{one.about} never came to Typebot: {why}"
            if self.stage.kind != "without Chatwoot":
                shown = [
                    row
                    for row in self._messages()
                    if row.message_type == "incoming" and row.content == one.about
                ]
                if len(shown) != 1:
                    yield f"{one.about} stands in Chatwoot {len(shown)} times"

    def _why_unheard(self, text: Happening) -> str | None:
        """What is wrong with a text that no call has; None: something explains it."""
        if text.about not in self.seen.rules:
            return "it was never accepted"
        at, rule = self.seen.rules[text.about]
        if rule is None:
            # Texts come in order: one that is overtaken by a later one was lost before.
            calls = [
                call for call in self.seen.calls if call.began > at and text.about not in call.said
            ]
            later = {one.about for one in self.seen.of("says") if one.at > text.at}
            until = min(
                (call.began for call in calls if later.intersection(call.said)),
                default=self.seen.now,
            )
            overtaken = any(
                self._counts(one, text.at) and one.at < until for one in self.seen.of(*HUMANS)
            )
            late = any(
                text.at < one.at < until for one in self.seen.of("crash", "later", "much later")
            )
            failed = any(
                call.status != ANSWERED and text.at < (call.ended or 0) and call.began < until
                for call in self.seen.calls
            )
            explained = overtaken or late or failed or self._is_asked_at_last(at)
            return None if explained else "it was kept for a turn"
        reasons = BECAUSE.get(rule)
        if reasons is None:
            return None if rule in BY_ITSELF and self._is_over() else f"by {rule}"
        before = [one for one in self.seen.of(*reasons) if one.at < at]
        return None if before else f"by {rule}, for no reason"

    def _is_asked_at_last(self, at: int) -> bool:
        """Whether a text came before the question that it could have answered: somebody had the
        word when that was to be asked, so it is asked then, and again answered by nobody.
        """
        asked = {
            bubble
            for call in self.seen.calls
            if (call.ended or self.seen.now) < at
            and any(self._counts(one, call.began) for one in self.seen.of(*HUMANS) if one.at < at)
            for bubble in call.bubbles
        }
        said = (
            bubble
            for one in self.seen.attempts
            if one.began > at
            for bubble in asked
            if bubble in one.text
        )
        return any(said)

    def _is_over(self) -> bool:
        """Whether a flow has ended, or failed, or a human has been about."""
        if self.seen.of(*UNLIKELY, "opens", "snoozes", "much later", "the end"):
            return True
        return any(one.startswith("d") for call in self.seen.calls for one in call.bubbles)

    def _counts(self, one: Happening, since: int) -> bool:
        return one.at > since or one.is_found or one.accepted is None or one.accepted > since

    # -- 3 ----------------------------------------------------------------------------------

    @property
    def _sent(self) -> list[str]:
        """What came to WhatsApp, in order."""
        return [
            bubble
            for sent in self.stage.house.graph.sent
            if sent.to == self.stage.number
            for bubble in bubbles_in(sent.text or "")
        ]

    def says_a_bubble_twice(self) -> Iterator[str]:
        for bubble, count in Counter(self._sent).items():
            if count > 1:
                yield f"{bubble} was said {count} times"
        planned = [bubble for call in self.seen.calls for bubble in call.bubbles]
        places = {bubble: place for place, bubble in enumerate(planned)}
        said = [places.get(one, -1) for one in self._sent]
        if -1 in said:
            yield "something was said that no call has answered"
        if said != sorted(said):
            yield f"bubbles were said out of their order: {self._sent}"

    def leaves_a_bubble_out(self) -> Iterator[str]:
        said = set(self._sent)
        for call in self.seen.calls:
            for bubble in call.bubbles:
                if bubble not in said and not self._may_be_missing(call, bubble):
                    yield f"{bubble} was never said"

    def _may_be_missing(self, call: Call, bubble: str) -> bool:
        if any(self._counts(one, call.began) for one in self.seen.of(*HUMANS)):
            return True
        begun = [one for one in self.seen.attempts if bubble in one.text]
        if any(one.status != ANSWERED for one in begun):
            return True
        # It died with the answer in its hands: nobody knows what was answered.
        unsaid = not any(one in send.text for send in self.seen.attempts for one in call.bubbles)
        return unsaid and any(one.at > (call.ended or 0) for one in self.seen.of("crash"))

    def asks_twice_at_once(self) -> Iterator[str]:
        calls = sorted(self.seen.calls, key=lambda one: one.began)
        for before, after in pairwise(calls):
            if before.ended is None or before.ended > after.began:
                yield f"Typebot was asked at {after.began} while it was being asked"

    # -- 4 ----------------------------------------------------------------------------------

    async def is_stuck(self) -> list[str]:
        last = self.seen.of("begins anew")[-1].at
        wrong = list(self.stuck)
        if not any(call.began > last and call.bubbles for call in self.seen.calls):
            wrong.append("the flow does not begin anew for who writes at the end")
        return [*wrong, *await stuck(self.stage)]

    # -- 5 ----------------------------------------------------------------------------------

    def _messages(self) -> list[Message]:
        number = f"+{self.stage.number}"
        return [
            one
            for one in self.stage.house.chat.messages()
            if one.conversation.contact.phone_number == number
        ]

    def mirrors(self) -> Iterator[str]:
        if self.stage.kind == "without Chatwoot":
            return
        shown: Counter[str] = Counter()
        for one in self._messages():
            if one.message_type != "outgoing" or one.private:
                continue
            for bubble in bubbles_in(one.content or ""):
                shown[bubble] += 1
                if not isinstance(one.sender, AgentBot):
                    yield f"{bubble} is shown as {one.sender}'s"
        said = set(self._sent)
        for bubble in dict.fromkeys((*self._sent, *shown)):
            wanted = int(bubble in said)
            if shown[bubble] != wanted and not self._is_uncertain(bubble):
                yield f"{bubble} stands in Chatwoot {shown[bubble]} times, said {wanted}"

    def _is_uncertain(self, bubble: str) -> bool:
        """Nobody knows whether it was said: its sending broke off, and no status told."""
        begun: list[Any] = [one for one in self.seen.attempts if bubble in one.text]
        return any(one.status != ANSWERED for one in begun)


async def stuck(stage: Stage) -> list[str]:
    """What does not go on by itself, or was lost from the books."""
    house = stage.house
    talks = await house.rows(
        "SELECT phase, state FROM talk WHERE phase IN ('starting', 'sending')"
        " OR json_extract(state, '$.asking') IS NOT NULL OR json_extract(state, '$.left')<>0"
    )
    wrong = [f"a talk does not go on: {row}" for row in talks]
    waiting = await house.rows(
        "SELECT kind, cause, due_at FROM job WHERE state='waiting' AND kind<>'bot_expiry'"
    )
    wrong += [f"a job waits at the end: {row}" for row in waiting]
    kept = await house.rows("SELECT * FROM pending_turn")
    wrong += [f"a turn is kept at the end: {row}" for row in kept]
    balance = await house.balance()
    if any(balance.values()):
        wrong.append(f"it does not add up: {balance}")
    return wrong
