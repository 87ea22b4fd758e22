"""What agents read in the place of what Chatwoot cannot show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bridge.core.content import Content, Unsupported
from bridge.core.message import Received
from bridge.locale import LANGUAGES, texts
from bridge.relay.wording import worded
from bridge.whatsapp.web.parser import events

SAMPLES = Path(__file__).parents[1] / "contract" / "whatsapp" / "web"
AT = datetime(2026, 11, 21, 18, tzinfo=UTC)

PORTUGUESE = {
    "eventMessage": '[mensagem do tipo "evento", que não pode ser exibida aqui]',
    "contactMessage": '[mensagem do tipo "contato", que não pode ser exibida aqui]',
    "encReactionMessage": '[mensagem do tipo "reação", que não pode ser exibida aqui]',
    "pollCreationMessageV3": '[mensagem do tipo "enquete", que não pode ser exibida aqui]',
}


def sample(name: str) -> Content:
    """What the sample of WhatsApp Web says."""
    told = orjson.loads((SAMPLES / f"{name}.json").read_bytes())
    (event,) = events(told["event"], told["data"], number="loja", received_at=AT)
    assert isinstance(event, Received)
    return event.content


@pytest.mark.parametrize(("upstream", "wanted"), PORTUGUESE.items())
def test_agents_read_kinds_in_their_language(upstream: str, wanted: str) -> None:
    content = Unsupported(upstream=upstream, raw={})
    assert worded(content, language="pt_BR").text == wanted
    for language in LANGUAGES:
        assert "Message" not in (worded(content, language=language).text or "")


def test_a_kind_that_nobody_knows_keeps_its_name() -> None:
    content = Unsupported(upstream="carrierPigeonMessage", raw={})
    assert "carrierPigeonMessage" in (worded(content, language="pt_BR").text or "")


def test_a_message_that_could_not_be_opened_is_waited_for() -> None:
    text = worded(sample("undecryptable"), language="pt_BR").text or ""
    assert text.startswith("[Aguardando esta mensagem, que ainda não pôde ser decifrada.")


@pytest.mark.parametrize("name", ["location", "contact", "contacts_array", "poll"])
def test_what_has_a_form_of_its_own_is_no_placeholder(name: str) -> None:
    content = sample(name)
    assert not isinstance(content, Unsupported)
    assert not (worded(content, language="pt_BR").text or "[").startswith("[")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_file_has_a_word(language: str) -> None:
    kinds = ("image", "video", "audio", "document", "sticker")
    assert {f"kind.{one}" for one in kinds} <= texts(language).keys()
