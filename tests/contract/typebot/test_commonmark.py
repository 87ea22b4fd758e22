"""Rich texts as the real serializer wrote them in Markdown, 71 cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.sim.typebot.commonmark import Unwritable, commonmark

CASES = json.loads(
    (Path(__file__).parent / "richtext-to-whatsapp.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_rich_text_is_written_as_typebot_writes_it(case):
    if isinstance(case["commonmark"], dict):
        with pytest.raises(Unwritable):
            commonmark(case["richText"])
    else:
        assert commonmark(case["richText"]) == case["commonmark"]
