"""How long a bot seems to write."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bridge.core.flow import TypingEmulation
from bridge.core.typebot import BotSettings
from bridge.relay.bot.typing_delay import delay, words

PLAIN = BotSettings()
TYPING = TypingEmulation(speed=60, max_delay=5)


def of(text: str, *, settings=PLAIN, typing=TYPING, follows=True, begins=False) -> int:
    return delay(text, settings=settings, typing=typing, follows=follows, begins=begins)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n", 0),
        ("oi, tudo bem?", 3),
        ("ação não é fácil", 4),
        ("acão é".replace("ã", "a\u0303"), 2),
        ("don't stop", 2),
        ("नमस्ते दुनिया", 2),
        ("你好世界", 2),
        ("مرحبا بالعالم", 2),
        ("x你好y", 3),
        ("😀😀", 1),
    ],
)
def test_words_are_counted_in_any_script(text, count) -> None:
    assert words(text) == count


def test_words_take_their_time_up_to_the_longest_that_the_flow_allows() -> None:
    assert of("um dois") == 2000
    assert of("um " * 50) == 5000
    assert of("um dois", typing=replace(TYPING, enabled=False)) == 0
    assert of("") == 0  # a file


def test_the_first_message_of_a_session_comes_at_once_unless_the_flow_says_otherwise() -> None:
    assert of("um dois", begins=True) == 0
    assert of("um dois", begins=True, typing=replace(TYPING, not_on_first=False)) == 2000


def test_the_pause_between_bubbles_is_for_those_that_follow() -> None:
    typing = replace(TYPING, delay_between=1.5)
    assert of("um", typing=typing) == 2500
    assert of("um", typing=typing, follows=False) == 1000
    assert of("", typing=typing) == 1500


def test_the_settings_count_before_the_flow() -> None:
    assert of("um dois", settings=BotSettings(delay_message=1234)) == 1234
    assert of("12345", settings=BotSettings(delay_message=1234, time_per_char=100)) == 500
    assert of("x" * 4000, settings=BotSettings(time_per_char=100)) == 20_000


@pytest.mark.parametrize(
    "typing",
    [
        TypingEmulation(speed=0),
        TypingEmulation(speed=-5, max_delay=1e12),
        TypingEmulation(speed=math.nan),
        TypingEmulation(max_delay=math.inf, delay_between=math.nan),
        TypingEmulation(speed=1e-300, max_delay=1e300, delay_between=-1),
    ],
)
def test_absurd_settings_of_a_flow_are_harmless(typing) -> None:
    assert 0 <= of("um dois", typing=typing) <= 40_000
