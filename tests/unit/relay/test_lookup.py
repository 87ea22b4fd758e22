"""Which of Chatwoot's contacts are a person's: whatsapp-channels.md F.5.7."""

from __future__ import annotations

import pytest

from bridge.chatwoot.models import Contact
from bridge.core.party import Party
from bridge.relay.lookup import own_identifiers, spellings

MARINA = Party(wa_id="551187650001", lid="103899771998284", bsuid="BR.1349ABCDEF")
#: What she had before, as her keys say.
BEFORE = (Party(wa_id="5521987650007"), Party(lid="103899771990000"))
KNOWN = spellings([MARINA, *BEFORE])


def contact(phone_number: str | None = None, identifier: str | None = None) -> Contact:
    return Contact(
        id=1,
        name=None,
        phone_number=phone_number,
        identifier=identifier,
        blocked=False,
        thumbnail=None,
        contact_inboxes=(),
        created_at=None,
        additional_attributes={},
    )


@pytest.mark.parametrize(
    "hers",
    [
        contact(identifier="103899771998284@lid", phone_number="+5521987650007"),
        contact(identifier="BR.1349ABCDEF"),
        contact(identifier="103899771990000@lid"),
        contact(phone_number="+5511987650001", identifier="crm-77"),
        contact(phone_number="+551187650001"),
        contact(phone_number="+5521987650007"),
        contact(identifier="551187650001@s.whatsapp.net"),
        contact(identifier="5511987650001"),
        contact(identifier="5521987650007@s.whatsapp.net"),
    ],
)
def test_every_spelling_of_every_id_that_is_or_was_hers_fits(hers):
    assert KNOWN.fit(hers)


@pytest.mark.parametrize(
    "stranger",
    [
        contact(),
        contact(phone_number="+5511987650002", identifier="crm-77"),
        contact(identifier="br.1349abcdef"),  # Chatwoot finds it, BSUIDs differ by case
        contact(identifier="5511987650001@g.us"),
    ],
)
def test_others_do_not_fit_at_all(stranger):
    assert not KNOWN.fit(stranger)


def test_a_landline_has_one_spelling_and_a_group_one_identifier():
    assert spellings([Party(wa_id="554733300010")]).numbers == ("+554733300010",)
    group = spellings([Party(group="120363025246125486@g.us")])
    assert group.numbers == ()
    assert group.fit(contact(identifier="120363025246125486@g.us"))


def test_what_is_written_is_the_number_then_the_lid_then_the_bsuid():
    assert own_identifiers(MARINA) == (
        "551187650001@s.whatsapp.net",
        "103899771998284@lid",
        "BR.1349ABCDEF",
    )
    assert own_identifiers(Party(lid="103899771998284")) == ("103899771998284@lid",)
