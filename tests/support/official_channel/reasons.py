"""The closed list of what may be better; each is found by a rule (`verdicts`, `outputs`)."""

from __future__ import annotations

from enum import StrEnum


class Better(StrEnum):
    """The value is what the table says of it."""

    # What was written
    ANSWERED = "what was written is answered, not dropped"
    NOT_MUTE = "the chat is not mute afterwards"
    KEPT = "what was written is kept for when the flow goes on"
    UNDERSTOOD = "the answer is understood, not asked for again"
    NO_ANSWER = "what says nothing is not taken for an answer"
    ALL_READ = "the flow gets what was sent, not an empty text"
    UNPAID = "people take the payment: no text passes for one"
    SAYS_WHY = "it says what is wanted, not only that it was wrong"
    HINT = "it tells what nobody can know: how to choose several, which files, how to skip"
    HANDED_OVER = "the Chatwoot block hands the conversation to people"
    # What is shown
    ONE_MENU = "one menu for one question"
    TITLES_WHOLE = "choices can be read in full"
    NAMED = "each button says what it chooses"
    PICTURES_SHOWN = "GIF and SVG are not left out"
    PICTURES_LEAD = "where a picture leads to is told"
    EVERY_PATH = "no path of a card is lost"
    LINK_ONCE = "a link that is its own label is written once"
    LINK_OPENS = "the link of a video opens the video"
    LISTS = "list items begin with a dash, which WhatsApp draws as a list"
    HEADINGS = "headings are bold, not marked with #"
    RULES = "a dividing line is a line, not stars"
    FITS = "a long text comes in several messages"


#: After these the flow is elsewhere than in the recording, and the rest answers other questions.
TURNING = frozenset(
    {
        Better.ANSWERED,
        Better.UNDERSTOOD,
        Better.NO_ANSWER,
        Better.UNPAID,
        Better.HANDED_OVER,
    }
)
