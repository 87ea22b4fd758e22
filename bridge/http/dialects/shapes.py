"""What all dialects answer alike (evolution-instance-typebot.md 1.3, 2.1)."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class Notes(TypedDict):
    """Ours, in every dialect: what is kept and does nothing yet, and what was not taken literally.

    The keys are there only when there is something to tell.
    """

    notActive: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


class Empty(TypedDict):
    """Evolution's `{}` for a section that was not configured."""


class Qrcode(TypedDict):
    """`count` is 0, and the texts empty, while there is no code to scan.

    `warnings` (ours) say why there is no pairing code although a number was given.
    """

    pairingCode: str | None
    code: str
    base64: str
    count: int
    warnings: NotRequired[list[str]]


class InstanceState(TypedDict):
    instanceName: str
    state: str
    reason: NotRequired[str]


class State(TypedDict):
    instance: InstanceState


class Named(TypedDict):
    instanceName: str


class Said(TypedDict):
    message: str


class Done(TypedDict):
    """Evolution's word for "it is done" where there is nothing to show."""

    status: str
    error: bool
    response: Said


class Enabled(TypedDict):
    enabled: bool
