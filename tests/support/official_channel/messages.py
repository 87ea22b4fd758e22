"""Messages of the Cloud API as a person sees them, whoever sent them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = Mapping[str, Any]

#: Kinds that hold a file.
FILES = frozenset({"image", "video", "audio", "document", "sticker"})
#: What Typebot's own channel writes above the second and third button message of one question.
DASH = "―"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button, or a row of a list."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message. `picture`: a menu with an image above its text."""

    kind: str
    text: str = ""
    choices: tuple[Choice, ...] = ()
    picture: bool = False

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.split("\n") if line.strip()]


def shown(body: Body) -> Shown:
    """What a body of `POST /messages` shows."""
    kind = str(body["type"])
    content = body.get(kind, {})
    if kind == "text":
        return Shown(kind="text", text=content["body"])
    if kind != "interactive":
        return Shown(kind=kind, text=content.get("caption") or "")
    return Shown(
        kind=content["type"],
        text=content["body"]["text"],
        choices=tuple(_choices(content["action"])),
        picture="image" in content.get("header", {}),
    )


def _choices(action: Body) -> Iterator[Choice]:
    for button in action.get("buttons", ()):
        yield Choice(id=button["reply"]["id"], title=button["reply"]["title"])
    for section in action.get("sections", ()):
        for row in section["rows"]:
            yield Choice(id=row["id"], title=row["title"], description=row.get("description") or "")


def words(written: Body) -> str:
    """What somebody wrote or pressed, as a text; empty for anything else."""
    if written["type"] == "text":
        return str(written["text"]["body"])
    if written["type"] == "interactive":
        (reply,) = (one for one in written["interactive"].values() if isinstance(one, dict))
        return str(reply["title"])
    return ""


def leaves(value: Any) -> Iterator[str]:
    """Every text and number inside."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    elif isinstance(value, str | int | float):
        yield str(value)
