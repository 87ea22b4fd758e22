"""An event that trips over a bug of ours in the accept itself."""

from __future__ import annotations

import pytest

from bridge.relay import intake_whatsapp
from support.bridge_house import MARINA, House


async def test_a_single_poisonous_event_is_kept_and_can_be_replayed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_args: object, **_named: object) -> None:
        raise KeyError("a bug of ours")

    _, payload = house.graph.draft(MARINA, "oi", name="Marina")
    with monkeypatch.context() as broken:
        broken.setattr(intake_whatsapp, "place_and_link", trip)
        assert await house.graph.deliver(payload) == 200
    (letter,) = await house.ok("GET", "/dead-letters")
    assert letter["cause"] == "internal.accept"
    await house.ok("POST", f"/dead-letters/{letter['id']}/replay")
    await house.quiet()
    assert [message.content for message in house.chats()[0].messages] == ["oi"]
