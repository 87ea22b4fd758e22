"""What is wrong with text that should be JSON, said so that a beginner can mend it.

People paste bodies from documentation, chats and spreadsheets: with comments, curly quotes, a comma
too many. The place is told, never the text there, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

__all__ = ("what_is_wrong",)

_COMMENTS: Final = ("//", "/*", "#")
#: So many lines with further comments are named.
_MOST_LINES: Final = 30
#: What keyboards, word processors and web pages put where a straight quotation mark belongs.
_QUOTES: Final = frozenset("'`´‘’‚‛“”„‟«»‹›″＂＇")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_LITERALS: Final = frozenset({"true", "false", "null", "none", "nil", "undefined"})
_NUMBERS: Final = ("NaN", "Inf", "-NaN", "-Inf")

#: By what the decoder says of the place.
_SAID: Final = (
    ("trailing comma", "After the last entry stands no comma; remove the one at {where}."),
    (
        "control character",
        "A text holds a line break or a tab at {where}; write \\n or \\t, or close its quotes.",
    ),
    ("escape", "A backslash in a text has to be written twice (\\\\); see {where}."),
    ("leading zero", "A number begins with 0 at {where}; put it in double quotes."),
    ("after document", "Something follows the end of the JSON object; remove it from {where} on."),
    ("':'", "A colon is missing before {where}, between a name and its value."),
)


def what_is_wrong(error: orjson.JSONDecodeError, text: str) -> str:
    """Say in a sentence or two what, where, and what to do. `text` is not cut off."""
    where = f"line {error.lineno}, column {error.colno}"
    rest = text[error.pos :][:32]
    if rest.startswith(_COMMENTS):
        return _comment(text, where, error.lineno)
    if rest.startswith(_NUMBERS) or "infinity" in error.msg:
        return f"The request body holds a number that JSON does not have, at {where}."
    if rest[:1] in _QUOTES:
        return (
            f'JSON knows the straight double quote (") only; {rest[0]} at {where} is none. '
            "Replace all of its kind."
        )
    for said, sentence in _SAID:
        if said in error.msg:
            return f"The request body is not valid JSON. {sentence.format(where=where)}"
    if error.pos == 0:
        return (
            "The request body is not JSON; it must be a JSON object, such as "
            '{"instanceName": "loja"}.'
        )
    sentence = _of_place(error.msg, rest).format(where=where)
    return f"The request body is not valid JSON. {sentence}"


def _of_place(said: str, rest: str) -> str:
    word = _WORD.match(rest)
    if "string key" in said:
        return "At {where} the name of a field is wanted, in double quotes."
    if "',' or" in said:
        if rest[:1] in "]}":
            return "The bracket at {where} closes something else than was opened."
        return "A comma, or the end of the text before, is missing before {where}."
    if word is not None and word[0].lower() in _LITERALS:
        return "The words of JSON are true, false and null, in lower case; correct {where}."
    if word is not None or rest[:1] in "<{[$":
        return "A text stands in double quotes; they are missing at {where}."
    return "A value is missing or mistyped at {where}."


def _comment(text: str, where: str, line: int) -> str:
    sentence = f"JSON has no comments; remove the one at {where}"
    further = [number for number in _lines_with_comment(text) if number > line]
    if not further:
        return f"{sentence}."
    shown = _ranges(further[:_MOST_LINES])
    more = " and more" if len(further) > _MOST_LINES else ""
    return f"{sentence}, and those at the beginning of line {shown}{more}."


def _lines_with_comment(text: str) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(_COMMENTS):
            yield number


def _ranges(numbers: Sequence[int]) -> str:
    """3, 5-8: ascending numbers, for people."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
