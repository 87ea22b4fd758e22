"""How many calls there may be at the same time, by whom they go to."""

from __future__ import annotations

from bridge.peers import make_breaker
from bridge.relay.bot.pending import typebot_account, typebot_peer
from bridge.settings import Settings


def test_an_instance_has_so_many_calls_to_all_its_typebots_together():
    """Else some servers that hang, named by one instance, would take all slots of the engine."""
    settings = Settings()
    for key in (typebot_peer("https://bot.example"), typebot_account("loja")):
        assert make_breaker(settings, key).slots == settings.typebot.slots
    assert settings.typebot.slots * 4 <= settings.engine.slots
