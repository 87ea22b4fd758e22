"""What a flow may be made of: the names of its blocks, events, settings and comparisons."""

from __future__ import annotations

INPUTS = frozenset(
    f"{kind} input"
    for kind in (
        *("text", "number", "email", "url", "phone number", "date", "time", "rating", "file"),
        *("payment", "choice", "picture choice"),
    )
) | {"cards"}
#: Inputs that show items.
CHOICES = frozenset({"choice input", "picture choice input", "cards"})
#: Inputs whose answer may come with the call that starts the flow (typebot-api.md 1.2).
PLAIN_INPUTS = INPUTS - CHOICES - {"payment input"}
BUBBLES = frozenset({"text", "image", "video", "audio", "embed", "custom-embed"})
LOGIC = frozenset(
    {
        *("set variable", "condition", "redirect", "wait", "jump", "typebot link", "script"),
        *("http request", "webhook", "return", "chatwoot", "pixel", "google analytics"),
    }
)
EVENTS = frozenset({"start", "command", "reply", "invalid reply"})
#: What a `set variable` block may set.
VALUES = frozenset(
    {
        *("Custom", "Append value(s)", "Empty", "Environment name", "User ID", "Result ID"),
        *("Random ID", "Now", "Today", "Tomorrow", "Yesterday", "Phone number", "Contact name"),
        *("Moment of the day", "Device type"),
    }
)
OPERATORS = frozenset(
    {
        *("Equal to", "Not equal", "Contains", "Does not contain", "Starts with", "Ends with"),
        *("Greater than", "Less than", "Greater or equal to", "Less or equal to"),
        *("Is set", "Is empty", "Matches regex", "Does not match regex"),
    }
)
