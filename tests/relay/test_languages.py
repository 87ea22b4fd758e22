"""Each instance speaks the language that is chosen for it, else that of its Chatwoot account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.locale import say, texts
from bridge.relay.directory import Entry
from bridge.sim.chatwoot import ChatwootSim, Message
from bridge.sim.graph import Number, Route, faults
from bridge.whatsapp.channel import Channel
from support.bridge_house import MARINA, NAME, RUI, House, bridge_house
from support.instances import inbox, instance

BRANCH = Number(phone_number_id="412900007654321", display_phone_number="+55 11 3000-4321")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A number with its Chatwoot, and a customer of it."""

    house: House
    chat: ChatwootSim
    phone_number_id: str
    customer: str

    @property
    def created(self) -> str | None:
        """What the bot said first."""
        (said,) = [
            one.content
            for one in self.chat.messages()
            if (one.source_id or "").startswith("PONTE:created")
        ]
        return said

    async def quiet(self) -> None:
        await self.house.quiet()
        await self.chat.settled(30)
        await self.house.quiet()

    async def sees(self) -> Message:
        """Something that agents cannot be shown."""
        id_ = await self.house.graph.customer_writes(
            self.customer,
            message={"type": "carrierPigeon", "carrierPigeon": {}},
            phone_number_id=self.phone_number_id,
        )
        await self.quiet()
        (shown,) = [one for one in self.chat.messages() if one.source_id == f"WAID:{id_}"]
        return shown

    async def tries(self, conversation: int) -> str | None:
        """What is said behind the mark of an agent's message that WhatsApp refuses."""
        self.house.graph.faults.next(Route.MESSAGES, faults.error(131026))
        message = self.chat.agent_writes(conversation, "resposta")
        await self.quiet()
        return message.external_error

    async def takes_back(self, conversation: int) -> list[str | None]:
        """The notes about an answer that cannot be deleted on WhatsApp."""
        message = self.chat.agent_writes(conversation, "resposta")
        await self.quiet()
        self.chat.agent_deletes(message.id)
        await self.quiet()
        return [one.content for one in self.chat.messages(conversation) if one.private]


async def test_two_instances_of_one_service_speak_two_languages(tmp_path: Path) -> None:
    """And of an account whose language we do not speak, and as somebody chooses, at any time."""
    branch_chat = ChatwootSim(account_locale="es", webhook_timeout=5)
    english = {"account_locale": "en_GB"}
    settings = {"relay": {"language": "pt_BR"}}
    async with (
        bridge_house(tmp_path, chatwoot=english, options=settings) as house,
        branch_chat.serving() as url,
    ):
        house.graph.numbers[BRANCH.phone_number_id] = BRANCH
        await house.ok(
            "POST",
            "/instance/create",
            json=house.order(
                instanceName="filial",
                number=BRANCH.phone_number_id,
                chatwootUrl=url,
                chatwootToken=branch_chat.admin_token,
            ),
        )
        shop = Place(
            house=house,
            chat=house.chat,
            phone_number_id=next(iter(house.graph.numbers)),
            customer=MARINA,
        )
        branch = Place(
            house=house,
            chat=branch_chat,
            phone_number_id=BRANCH.phone_number_id,
            customer=RUI,
        )
        for row in branch_chat.inboxes.values():
            row.members.setdefault(branch_chat.agent.id, branch_chat.agent)

        for place, name, language in ((shop, NAME, "en"), (branch, "filial", "es")):
            known = texts(language)
            assert place.created == say(language, "bot.created", name=name)
            shown = await place.sees()
            assert shown.content == pigeon(language)
            where = shown.conversation.id
            assert await place.tries(where) == known["failure.whatsapp.recipient"]
            assert await place.takes_back(where) == [known["note.revoke.impossible"]]

        for chosen, kept, language in (("PT-br", "pt_BR", "pt_BR"), (None, None, "es")):
            told = await house.ok("POST", "/chatwoot/set/filial", json={"language": chosen})
            found = await house.ok("GET", "/chatwoot/find/filial")
            assert (told["language"], found["language"]) == (kept, kept)
            assert (await branch.sees()).content == pigeon(language)

        status, answer = await house.call(
            "POST", "/chatwoot/set/filial", json={"chatwootLanguage": "fr"}
        )
        assert status == 400
        assert answer["response"]["message"] == ["chatwootLanguage must be one of pt_BR, en, es"]
        assert (await house.ok("GET", "/chatwoot/find/filial"))["language"] is None


def pigeon(language: str) -> str:
    what = say(language, "placeholder.of_kind", kind="carrierPigeon")
    return say(language, "placeholder.unsupported", what=what)


async def test_whoever_does_not_tell_its_language_is_set_up_all_the_same(tmp_path: Path) -> None:
    """In the language of the settings; the account's follows with the next look at it."""
    settings = {"relay": {"language": "es"}}
    async with bridge_house(tmp_path, options=settings, provisioned=False) as house:
        house.chat.account_locale = "pt"
        house.chat.faults.fail(403, route="GET account", times=1)
        await house.create(chatwootLanguage="")
        place = Place(house=house, chat=house.chat, phone_number_id="", customer=MARINA)
        assert place.created == say("es", "bot.created", name=NAME)
        await house.ok("POST", f"/chatwoot/set/{NAME}", json={})
        shown = await house.graph.customer_writes(
            MARINA, message={"type": "carrierPigeon", "carrierPigeon": {}}
        )
        await house.quiet()
        assert house.of(f"WAID:{shown}").content == pigeon("pt_BR")


@pytest.mark.parametrize(
    ("option", "locale", "language"),
    [
        (None, None, "en"),
        (None, "pt_PT", "pt_BR"),
        (None, "es-MX", "es"),
        (None, "de", "en"),
        (None, 7, "en"),
        ("es", "pt_BR", "es"),
        ("", "pt_BR", "pt_BR"),
    ],
)
def test_the_choice_counts_then_the_account_then_the_settings(
    option: str | None, locale: Any, language: str
) -> None:
    entry = Entry(
        instance=instance(NAME),
        inbox=inbox(NAME, options={"language": option}, told={"locale": locale}),
        channel=cast("Channel", None),
        chatwoot=None,
        channel_peer="WhatsApp",
        fallback_language="en",
    )
    assert entry.language == language
