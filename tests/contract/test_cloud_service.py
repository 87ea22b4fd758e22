"""Every webhook of the Cloud API goes through the running service, over real HTTP.

For each sample this says what agents see in Chatwoot, or under which rule it is counted; and
that nothing disappears: what was accepted was delivered, ignored with a rule, or is dead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from bridge.sim.chatwoot import Message
from bridge.sim.graph import Number, StoredMedia
from bridge.sim.pictures import jpeg
from support.bridge_house import House, bridge_house

SAMPLES: Final = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "whatsapp" / "cloud").glob("*.json"))
    if not path.stem.startswith("api_")
}
#: Whom the samples are about: a message of ours, the message that is edited, and so on.
SENT: Final = "wamid.HBgNNTUxMTk4NzY1MDAwMRUCABEYEjBGNUEzQzIxQjdEOTRFOEE2NgA="
HERS: Final = "wamid.HBgNNTUxMTk4NzY1MDAwMRUCABIYFDNBQUEwMDhFMEQ0QTlBQjJEN0JDAA=="
HER_PICTURE: Final = "wamid.HBgNNTUxMTk4NzY1MDAwMRUCABIYFDNBQUEwMThFMEQ0QTlBQjJEN0JDAA=="
OURS: Final = "wamid.HBgNNTUxMTk4NzY1MDAwMRUCABEYEjNFQjAwMEFBN0YwMEQxQzJCMwA="
MARINA: Final = "5511987650001"
SHOP: Final = Number()
BRANCH: Final = Number(
    phone_number_id="412900007654321",
    waba_id="398877665544999",
    display_phone_number="+55 11 3000-9999",
)
_FILE: Final = re.compile(rb'"https://lookaside\.fbsbx\.com/[^"]*mid=(\d+)[^"]*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One message that comes to stand in Chatwoot."""

    #: All of these stand in it.
    says: tuple[str, ...]
    kind: str = "incoming"
    private: bool = False
    #: How many files hang on it.
    files: int = 0
    filename: str | None = None
    #: The WhatsApp message to which it is linked.
    answers: str | None = None
    #: What its content attributes hold, besides; of an object in them, a part.
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrives:
    """What becomes of a sample: messages, or rules under which it is counted (how often)."""

    seen: tuple[Seen, ...] = ()
    rules: Mapping[str, int] = field(default_factory=dict)
    #: What the agent's message shows afterwards.
    status: str | None = None
    #: The same conversation as Marina's, another one, or no matter.
    hers: bool | None = True


def _holds(found: object, expected: object) -> bool:
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.items() >= expected.items()
    return found == expected


def known(**values: Any) -> dict[str, Any]:
    """What machines read beside the text."""
    return {"whatsapp": values}


def first(name: str) -> dict[str, Any]:
    """The first message of a sample."""
    found: dict[str, Any] = SAMPLES[name]["entry"][0]["changes"][0]["value"]["messages"][0]
    return found


def shown(*says: str, **rest: Any) -> Arrives:
    hers = rest.pop("hers", True)
    return Arrives(seen=(Seen(says=says, **rest),), hers=hers)


def noted(*says: str) -> Arrives:
    """A private note, which no customer sees."""
    return shown(*says, kind="outgoing", private=True)


def counted(rule: str, times: int = 1) -> Arrives:
    return Arrives(rules={rule: times}, hers=None)


def state(status: str) -> Arrives:
    return Arrives(status=status, hers=None)


EXPECTED: Final[dict[str, Arrives]] = {
    "account_update_partner_removed": counted("cloud.account_update"),
    "account_update_restriction": counted("cloud.account_update"),
    "batch_two_accounts": Arrives(
        seen=(
            Seen(says=("primeira",)),
            Seen(says=("primeira, parte dois",)),
            Seen(says=("segunda",)),
        ),
        hers=None,
    ),
    "echo_edit": shown("Sai amanhã às 9h", "✏️", kind="outgoing", answers=OURS),
    "echo_image": shown("Foto do balcão", kind="outgoing", files=1),
    "echo_revoke": noted("phone"),
    "echo_text_no_phone": shown("Bom dia!", kind="outgoing", hers=False),
    "group_participants_update": counted("cloud.group_participants_update"),
    "history_chunk": counted("history"),
    "history_declined": counted("cloud.history_declined"),
    "history_media_followup": counted("history"),
    # Asked in her conversation, answered by somebody else: there is nothing to link to.
    "msg_contact_request_answer": shown("5511987650099", hers=False),
    "msg_document": shown("Comprovante", files=1, filename="comprovante-pix.pdf"),
    "msg_edit_caption": shown("Chegou quebrado", "✏️", answers=HER_PICTURE),
    "msg_edit_text": shown("Oi, o pedido 1043 já saiu?", "✏️", answers=HERS),
    "msg_group_text": shown("Pessoal, reunião 15h", "Marina Alves", hers=False),
    "msg_image": shown("Chegou assim 😕", files=1),
    "msg_interactive_address_reply": shown("Rua A, 10", "Bairro", "400063", "Asha", answers=SENT),
    "msg_interactive_button_reply": shown(
        "2ª via do boleto", answers=SENT, attributes=known(answer_id="menu:2ª-via")
    ),
    "msg_interactive_call_permission": shown(answers=SENT),
    "msg_interactive_failed_value_errors": shown("Unsupported webhook payload", answers=SENT),
    "msg_interactive_flow_reply": shown("000.000.000-00", "2026-12-01", answers=SENT),
    "msg_location": shown("MASP", "Av. Paulista, 1578", "-23.5614", "-46.6559"),
    "msg_location_bare": shown("-3.7319", "-38.5267"),
    "msg_order": shown("CAMISA-AZUL-01", "79.90", "BONE-02", "39.00", "Entregar depois das 18h"),
    # There was no reaction that agents could have seen.
    "msg_reaction_removed_missing": counted("reaction.not_shown"),
    "msg_revoke": noted("customer"),
    "msg_sticker": shown(files=1),
    "msg_system_changed_number": noted("+55 11 98765-0088"),
    "msg_system_changed_user_id": Arrives(hers=None),
    "msg_template_button": shown(
        "Confirmar", answers=SENT, attributes=known(answer_id="CONFIRMAR")
    ),
    "msg_text_ad_referral": shown(
        "Quero saber mais",
        "Semana da bike",
        attributes=known(referral=first("msg_text_ad_referral")["referral"]),
    ),
    "msg_text_ad_referral_no_clid": shown(
        "Tenho interesse",
        attributes=known(referral=first("msg_text_ad_referral_no_clid")["referral"]),
    ),
    "msg_text_ar_mobile": shown("Hola, ¿hacen factura A?", hers=False),
    "msg_text_br_twelve_digits": shown("Boa tarde, vocês entregam em Fortaleza?", hers=False),
    "msg_text_forwarded": shown("Promoção válida até sexta", attributes=known(forwarded=True)),
    "msg_text_frequently_forwarded": shown("Atenção, compartilhe!!!"),
    "msg_text_mx_with_1": shown("Buenas, ¿tienen envío a Guadalajara?", hers=False),
    "msg_text_no_profile_name": shown("?", hers=False),
    "msg_text_parent_bsuid": shown("bom dia"),
    "msg_text_product_enquiry": shown(
        "Tem no tamanho M?",
        "CAMISA-AZUL-01",
        answers=SENT,
        attributes=known(
            product={"catalog_id": "880011223344556", "product_retailer_id": "CAMISA-AZUL-01"}
        ),
    ),
    "msg_text_reply": shown("Esse mesmo", answers=SENT),
    "msg_unsupported": shown("[a message of an unknown kind, which cannot be shown here]"),
    "msg_unsupported_poll": shown('[a message of kind "poll", which cannot be shown here]'),
    "phone_number_quality_update": counted("cloud.phone_number_quality_update"),
    # The name that Marina has in Chatwoot from now on; the other entry had none before.
    "smb_app_state_sync": counted("duplicate"),
    "status_delivered": state("sent"),
    "status_delivered_no_phone": state("sent"),
    "status_failed_131047_window": state("failed"),
    "status_failed_131049_marketing_cap": state("failed"),
    "status_failed_131053_media": state("failed"),
    "status_played": state("read"),
    "status_read": state("read"),
    "status_sent": state("sent"),
    "status_sent_marketing_billed": state("sent"),
    "template_status_update": counted("cloud.message_template_status_update"),
}
#: People who move come last: afterwards the other samples would be about somebody else.
LAST: Final = ("msg_system_changed_user_id", "msg_system_changed_number")


@dataclass(slots=True, kw_only=True)
class Desk:
    """A house with Marina's conversation, in which everything stands that the samples name."""

    house: House
    conversation: int
    #: WhatsApp ids of the samples, as they are here.
    ids: dict[str, str] = field(default_factory=dict)
    #: Chatwoot's messages by the WhatsApp ids of the samples.
    stands: dict[str, Message] = field(default_factory=dict)
    #: What went wrong, for each sample.
    wrong: list[str] = field(default_factory=list)

    async def post(self, sample: Mapping[str, Any]) -> None:
        """Deliver as Meta does, signed; files lie where the stand-in for Meta has them."""
        raw = _FILE.sub(self._address, orjson.dumps(sample))
        for known, here in self.ids.items():
            raw = raw.replace(known.encode(), here.encode())
        assert await self.house.graph.deliver(orjson.loads(raw)) == 200
        await self.house.quiet()

    async def agent_writes(self, text: str) -> Message:
        """An agent answers; from now on this is the message of ours that samples name."""
        message = self.house.chat.agent_writes(self.conversation, text)
        await self.house.quiet()
        self.ids[SENT] = self.house.graph.sent[-1].wamid
        self.stands[SENT] = message
        return message

    def _address(self, found: re.Match[bytes]) -> bytes:
        media_id = found[1].decode()
        self.house.graph.media[media_id] = StoredMedia(
            id=media_id,
            mime="image/jpeg",
            data=jpeg(),
            filename=None,
            phone_number_id=SHOP.phone_number_id,
        )
        return orjson.dumps(
            (self.house.graph.base_url or "") + self.house.graph.shelf.path(media_id)
        )

    async def check(self, name: str, sample: Mapping[str, Any], expected: Arrives) -> None:
        """Post a sample and note what is not as it must be."""
        if expected.status is not None:
            await self.agent_writes(f"para {name}")
        before, rules = list(self.house.chat.messages()), await self._rules()
        await self.post(sample)
        new = [
            one
            for one in self.house.chat.messages()
            if one not in before and one.message_type != "activity"  # Chatwoot's own words
        ]
        # Conversations overtake each other; hers comes first.
        new.sort(key=lambda one: (one.conversation.id != self.conversation, one.id))
        told = await self._rules() - rules
        self._compare(name, expected, new, told)

    def _compare(
        self, name: str, expected: Arrives, new: list[Message], told: Counter[str]
    ) -> None:
        wrong = [
            f"{rule} was counted {told[rule]} times, not {times}"
            for rule, times in expected.rules.items()
            if told[rule] != times
        ]
        if len(new) != len(expected.seen):
            wrong.append(f"{len(new)} messages: {[one.content for one in new]}; counted {told}")
        for seen, message in zip(expected.seen, new, strict=False):
            wrong += self._differences(seen, message)
            if expected.hers is not None:
                hers = message.conversation.id == self.conversation
                wrong += ["in the wrong conversation"] if hers is not expected.hers else []
        status = self.stands[SENT].status
        if expected.status not in (None, status):
            wrong.append(f"the agent's message is {status}, not {expected.status}")
        self.wrong += [f"{name}: {one}" for one in wrong]

    def _differences(self, seen: Seen, message: Message) -> list[str]:
        text, attributes = message.content or "", message.content_attributes
        wrong = [f"{part!r} is not in {text!r}" for part in seen.says if part not in text]
        kind = (message.message_type, message.private)
        if kind != (seen.kind, seen.private):
            wrong.append(f"it is {kind}: {text!r}")
        if not text and not message.attachments:
            wrong.append("it is empty")
        if len(message.attachments) != seen.files:
            wrong.append(f"{len(message.attachments)} files")
        if seen.filename and seen.filename != message.attachments[0].filename:
            wrong.append(f"the file is named {message.attachments[0].filename}")
        if seen.answers and attributes.get("in_reply_to") != self.stands[seen.answers].id:
            wrong.append(f"linked to {attributes.get('in_reply_to')}")
        return wrong + [
            f"{key} is {attributes.get(key)!r}"
            for key, value in seen.attributes.items()
            if not _holds(attributes.get(key), value)
        ]

    async def settle(self) -> None:
        """All of it was as it must be, and everything that came is accounted for."""
        assert not self.wrong, "\n".join(self.wrong)
        assert not any((await self.house.balance()).values())
        assert await self.house.rows("SELECT kind, cause FROM job WHERE state='dead'") == []

    async def _rules(self) -> Counter[str]:
        return Counter(
            {
                cause: count
                for (_, outcome, cause), count in (await self.house.events()).items()
                if outcome == "ignored"
            }
        )


def message(**body: Any) -> dict[str, Any]:
    """An invented webhook: one message of Marina's."""
    sample: dict[str, Any] = orjson.loads(orjson.dumps(SAMPLES["msg_text_parent_bsuid"]))
    value = sample["entry"][0]["changes"][0]["value"]
    told = value["messages"][0]
    del told["text"]
    value["messages"] = [told | body]
    return sample


def from_her(**ids: Any) -> dict[str, Any]:
    """A text of somebody of whom the webhook tells these ids and nothing more."""
    sample = message()
    value = sample["entry"][0]["changes"][0]["value"]
    value["contacts"] = []
    value["messages"] = [{"timestamp": "1795192100", "type": "text", "text": {"body": "!"}} | ids]
    return sample


def echo(**body: Any) -> dict[str, Any]:
    sample: dict[str, Any] = orjson.loads(orjson.dumps(SAMPLES["echo_image"]))
    value = sample["entry"][0]["changes"][0]["value"]
    told = value["message_echoes"][0]
    del told["image"]
    value["message_echoes"] = [told | body]
    return sample


def of(kind: str, body: object, **more: Any) -> dict[str, Any]:
    return message(id=f"wamid.{kind}.{len(str(body))}", type=kind, **{kind: body}, **more)


def file(**more: Any) -> dict[str, Any]:
    url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1290011223340001&x=1"
    return {"id": "1290011223340001", "mime_type": "image/jpeg", "url": url, **more}


def interactive(kind: str, **body: Any) -> dict[str, Any]:
    return of("interactive", {"type": kind, kind: body})


def changed(field: str, **items: Any) -> dict[str, Any]:
    """A webhook of another field."""
    sample = message(type="text")
    change = sample["entry"][0]["changes"][0]
    change["field"] = field
    del change["value"]["messages"], change["value"]["contacts"]
    change["value"] |= items
    return sample


#: What the samples do not show; invented after the tables of whatsapp-channels.md A.5 and A.7.
INVENTED: Final[dict[str, tuple[dict[str, Any], Arrives]]] = {
    "a text with fields that nobody knows": (
        of("text", {"body": "Olá", "fancy": {"x": [1]}}, hologram={"a": 1}, context={"new": 1}),
        shown("Olá"),
    ),
    "an unknown kind": (of("hologram", {"depth": 3}), shown("hologram")),
    "an unknown answer": (interactive("hologram_reply", id="1"), shown("hologram_reply")),
    "an unknown kind of the phone": (
        echo(id="wamid.E1", type="hologram", hologram={}),
        shown("hologram", kind="outgoing"),
    ),
    "an unknown field": (changed("brand_new_field", x=1), counted("cloud.brand_new_field")),
    "a file without an id": (
        of("video", {}, errors=[{"code": 131052, "title": "Media download error"}]),
        shown("Media download error"),
    ),
    "a video": (of("video", file(caption="Veja")), shown("Veja", files=1)),
    "a voice message": (
        of("audio", file(voice=True, mime_type="audio/ogg; codecs=opus")),
        shown(files=1),
    ),
    "a moving sticker": (of("sticker", file(animated=True)), shown(files=1)),
    "a hostile name": (
        of("document", file(filename="../../etc/pass\u202egpj.exe\u0000.pdf")),
        shown(files=1),
    ),
    "contacts": (
        of(
            "contacts",
            [
                {
                    "name": {"formatted_name": "Ana Exemplo"},
                    "phones": [{"phone": "+55 11 90000-0001", "wa_id": "5511900000001"}],
                },
                {"name": {"formatted_name": "Rui Exemplo"}, "emails": [{"email": "r@x.example"}]},
            ],
        ),
        shown("Ana Exemplo", "5511900000001", "Rui Exemplo", "r@x.example"),
    ),
    "an answer from a list": (
        interactive("list_reply", id="r-1", title="Financeiro", description="Boletos"),
        shown("Financeiro"),
    ),
    "a broken form": (
        interactive("nfm_reply", name="flow", body="Sent", response_json='{"cpf": "111'),
        shown("111"),
    ),
    "a reaction": (
        of("reaction", {"message_id": SENT, "emoji": "👍"}),
        shown("👍", answers=SENT, attributes={"is_reaction": True}),
    ),
    "a reaction that is taken away": (
        of("reaction", {"message_id": SENT, "emoji": ""}),
        noted(),
    ),
    "a text of the phone": (
        echo(id="wamid.E2", type="text", text={"body": "Do celular"}),
        shown("Do celular", kind="outgoing"),
    ),
    "new keys": (
        of("system", {"type": "customer_identity_changed", "body": "x"}, identity={"hash": "1"}),
        counted("cloud.identity_notice"),
    ),
    "an unknown notice": (of("system", {"type": "hologram", "body": "Moved"}), shown("Moved")),
    "a call": (changed("calls", calls=[{"id": "1"}]), counted("cloud.calls")),
    "a message seen while another app answers": (
        changed("standby", messages=[{"type": "text"}]),
        counted("cloud.standby"),
    ),
}


async def opened(house: House) -> Desk:
    """Bring in what the samples refer to."""
    await house.create(
        instanceName="filial",
        number=BRANCH.phone_number_id,
        businessId=BRANCH.waba_id,
        chatwootNameInbox="WhatsApp Filial",
    )
    house.graph.auto_statuses = False
    chat = await house.talk(MARINA, "Oi", bsuid="BR.13491200000000000001", name="Marina Alves")
    desk = Desk(house=house, conversation=chat.id)
    await desk.agent_writes("Bom dia!")
    for id_, sample in (
        (HERS, message(id=HERS, type="text", text={"body": "Oi, o pedido 1034 já saiu?"})),
        (HER_PICTURE, message(id=HER_PICTURE, type="text", text={"body": "Chegou"})),
        (OURS, echo(id=OURS, type="text", text={"body": "Sai amanhã"})),
    ):
        await desk.post(sample)
        desk.stands[id_] = house.of(f"WAID:{id_}")
    return desk


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    async with bridge_house(tmp_path, graph={"numbers": (SHOP, BRANCH)}) as house:
        yield await opened(house)


def test_every_webhook_sample_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(SAMPLES)


async def test_every_sample_arrives_and_nothing_disappears(desk: Desk) -> None:
    house = desk.house
    for name in (*sorted(EXPECTED.keys() - set(LAST)), *LAST):
        await desk.check(name, SAMPLES[name], EXPECTED[name])

    await desk.settle()
    # Nothing that came from WhatsApp went back there.
    assert all((text or "").startswith(("Bom dia!", "para ")) for text in house.texts)

    # She writes with her new number, and is still the same person.
    await desk.post(from_her(id="wamid.MOVED", **{"from": "5511987650088"}))
    assert house.of("WAID:wamid.MOVED").conversation.id == desk.conversation

    # Meta delivers for days what was not answered in time: nothing comes to stand there twice.
    before = len(house.chat.messages())
    for name in EXPECTED:
        await desk.post(SAMPLES[name])
    assert [one.content for one in house.chat.messages()[before:]] == []
    await desk.settle()


async def test_what_the_samples_do_not_show_arrives_as_well(desk: Desk) -> None:
    for name, (sample, expected) in INVENTED.items():
        await desk.check(name, sample, expected)

    await desk.settle()

    # She has another user id, and no phone any more that we may see.
    ids = {"previous": "BR.13491200000000000001", "current": "BR.13491200000000000777"}
    await desk.post(changed("user_id_update", user_id_update=[{"user_id": ids}]))
    await desk.post(from_her(id="wamid.RENAMED", from_user_id=ids["current"]))
    assert desk.house.of("WAID:wamid.RENAMED").conversation.id == desk.conversation


async def test_what_a_gateway_tells_of_our_own_sends_is_not_shown_again(desk: Desk) -> None:
    """Some tell them as if the phone had written them (A.14), and before the send is answered."""
    house = desk.house
    house.graph.latency = 0.3
    message = house.chat.agent_writes(desk.conversation, "Já vai")
    await house.graph.wait_for(lambda: house.texts[-1:] == ["Já vai"])
    sent = house.graph.sent[-1].wamid

    await desk.post(echo(id=sent, type="text", text={"body": "Já vai"}))

    assert [one for one in house.chat.messages() if one.content == "Já vai"] == [message]
    assert not any((await house.balance()).values())
