"""What the catalogue says of one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A stable code, with what happened and what to do about it, one or two sentences each.

    `status` names the HTTP statuses with which the API answers it; it is empty for what only a
    dead letter, a message's red mark or `/why` shows.
    """

    code: str
    status: str = ""
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The codes with one word before the dot; those without a dot have none."""

    prefix: str
    title: str
    codes: tuple[Code, ...]
