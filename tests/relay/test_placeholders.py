"""What agents read in the place of what Chatwoot cannot show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bridge.core.content import Unsupported
from bridge.core.message import Received
from bridge.locale import LANGUAGES, texts
from bridge.relay.content import Renderer
from bridge.whatsapp.web.parser import events

SAMPLES = Path(__file__).parents[1] / "contract" / "whatsapp" / "web"
AT = datetime(2026, 11, 21, 18, tzinfo=UTC)

PORTUGUESE = {
    "location": '[mensagem do tipo "localização", que ainda não pode ser exibida: ',
    "contact": '[mensagem do tipo "contato", que ainda não pode ser exibida: ',
    "contacts_array": '[mensagem do tipo "contatos", que ainda não pode ser exibida: ',
    "poll": '[mensagem do tipo "enquete", que ainda não pode ser exibida: ',
    "reaction": '[mensagem do tipo "reação", que ainda não pode ser exibida: ',
    "undecryptable": "[Aguardando esta mensagem, que ainda não pôde ser decifrada.",
}


def shown(name: str, language: str, folder: Path) -> str:
    sample = orjson.loads((SAMPLES / f"{name}.json").read_bytes())
    (event,) = events(sample["event"], sample["data"], number="loja", received_at=AT)
    assert isinstance(event, Received)
    assert isinstance(event.content, Unsupported)
    return Renderer(folder, limit=1, language=language)._text(event.content)


@pytest.mark.parametrize("name", PORTUGUESE)
def test_agents_read_kinds_in_their_language(name: str, tmp_path: Path) -> None:
    assert shown(name, "pt_BR", tmp_path).startswith(PORTUGUESE[name])
    for language in LANGUAGES:
        assert "Message" not in shown(name, language, tmp_path)


def test_a_kind_that_nobody_knows_keeps_its_name(tmp_path: Path) -> None:
    content = Unsupported(upstream="carrierPigeonMessage", raw={})
    text = Renderer(tmp_path, limit=1, language="pt_BR")._text(content)
    assert "carrierPigeonMessage" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_file_has_a_word(language: str) -> None:
    kinds = ("image", "video", "audio", "document", "sticker")
    assert {f"kind.{one}" for one in kinds} <= texts(language).keys()
