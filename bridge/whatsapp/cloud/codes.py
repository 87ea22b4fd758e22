"""Meta's error codes by class: the table of whatsapp-channels.md A.10, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from bridge.errors import (
    PeerBroke,
    PeerBusy,
    PeerError,
    PeerGone,
    PeerLocked,
    PeerRefused,
    Scope,
)

__all__ = ("EXPIRED_MEDIA", "Meaning", "meaning_of", "meaning_of_status")

#: Code and subcode of "this object does not exist", as an expired media id gives it.
EXPIRED_MEDIA = (100, 33)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a code means to us. `quoted`: Meta's own words may be shown to people."""

    error: type[PeerError]
    cause: str
    says: str
    advice: str | None = None
    scope: Scope | None = None
    quoted: bool = True


_TOKEN = Meaning(
    error=PeerLocked,
    cause="whatsapp.token",
    says="WhatsApp does not accept the access token.",
    advice="Create a new permanent token of a system user at Meta and enter it here.",
    # Meta quotes the token itself ("Malformed access token ...").
    quoted=False,
)
_PERMISSION = Meaning(
    error=PeerLocked,
    cause="whatsapp.permission",
    says="The access token lacks a right that WhatsApp asks for.",
    advice="Give the system user whatsapp_business_messaging and whatsapp_business_management, "
    "and access to this WhatsApp account.",
)
_RATE = Meaning(
    error=PeerBusy,
    cause="whatsapp.rate",
    says="WhatsApp asks this number to send more slowly.",
    scope=Scope.ACCOUNT,
)
_PAIR_RATE = Meaning(
    error=PeerBusy,
    cause="whatsapp.pair_rate",
    says="WhatsApp asks to send more slowly to this person.",
    scope=Scope.ONE,
)
_SERVICE = Meaning(
    error=PeerBroke,
    cause="whatsapp.service",
    says="WhatsApp failed to process the request.",
    scope=Scope.SERVER,
)
#: Meta's catch-all (131000), which also stands for one bad message.
_SOMETHING = Meaning(
    error=PeerBroke,
    cause="whatsapp.service",
    says="WhatsApp failed to process this request.",
    scope=Scope.ONE,
)
_MAINTENANCE = Meaning(
    error=PeerBroke,
    cause="whatsapp.service",
    says="WhatsApp has this account in maintenance.",
    scope=Scope.ACCOUNT,
)
_QUALITY = Meaning(
    error=PeerLocked,
    cause="whatsapp.quality",
    says="WhatsApp holds this number back because of its quality rating.",
    advice="Look at the quality rating in the WhatsApp Manager: recipients blocked or reported it.",
)
_RESTRICTED = Meaning(
    error=PeerLocked,
    cause="whatsapp.account",
    says="WhatsApp has restricted this account.",
    advice="Open the account's support page in the WhatsApp Manager and ask for a review.",
)
#: Only people of one country are out of reach; the number itself works.
_COUNTRY = Meaning(
    error=PeerLocked,
    cause="whatsapp.country",
    says="WhatsApp does not let this account write to people of this country.",
    advice="See which countries Meta opens to this kind of business.",
    scope=Scope.ONE,
)
_WINDOW = Meaning(
    error=PeerRefused,
    cause="whatsapp.window",
    says="The 24-hour window is closed: the customer last wrote more than a day ago.",
    advice="Send a template, or wait until the customer writes again.",
)
_RECIPIENT = Meaning(
    error=PeerRefused,
    cause="whatsapp.recipient",
    says="WhatsApp cannot deliver to this recipient.",
)
_OPTED_OUT = Meaning(
    error=PeerRefused,
    cause="whatsapp.opted_out",
    says="This person does not want marketing messages, WhatsApp says.",
    advice="Send no marketing template to this person.",
)
_TEST_NUMBER = Meaning(
    error=PeerRefused,
    cause="whatsapp.test_number",
    says="A test number writes only to the recipients on its list at Meta.",
    advice="Add the recipient to that list, or use a real number.",
)
_MARKETING_CAP = Meaning(
    error=PeerRefused,
    cause="whatsapp.marketing_cap",
    says="This person has already had enough marketing messages, WhatsApp says.",
    advice="Do not send it again within 24 hours.",
)
_REQUEST = Meaning(
    error=PeerRefused,
    cause="whatsapp.request",
    says="WhatsApp refuses the request as it is.",
)
_MEDIA = Meaning(
    error=PeerRefused,
    cause="whatsapp.media",
    says="WhatsApp cannot process this file.",
    advice="Check its type and size.",
)
_TEMPLATE = Meaning(
    error=PeerRefused,
    cause="whatsapp.template",
    says="WhatsApp refuses the template.",
    advice="Check its name, language, parameters and state in the WhatsApp Manager.",
)
_TEMPLATE_UNKNOWN = Meaning(
    error=PeerRefused,
    cause="whatsapp.template_unknown",
    says="WhatsApp has no such template in this language.",
    advice="Check its name and language in the WhatsApp Manager.",
)
_TEMPLATE_PARAMETERS = Meaning(
    error=PeerRefused,
    cause="whatsapp.template_parameters",
    says="The values do not fit the template.",
    advice="Compare them with the template's variables in the WhatsApp Manager.",
)
_TEMPLATE_PAUSED = Meaning(
    error=PeerRefused,
    cause="whatsapp.template_paused",
    says="WhatsApp has paused or disabled the template.",
    advice="Choose another template, and look at this one in the WhatsApp Manager.",
)
_REGISTRATION = Meaning(
    error=PeerLocked,
    cause="whatsapp.registration",
    says="The number is not registered properly with the WhatsApp Cloud API.",
    advice="Register it again, with its two-step PIN.",
)
_PAYMENT = Meaning(
    error=PeerLocked,
    cause="whatsapp.payment",
    says="WhatsApp finds no valid means of payment for this account.",
    advice="Add or renew it in the billing settings at Meta.",
)
_IDENTITY = Meaning(
    error=PeerRefused,
    cause="whatsapp.identity",
    says="The recipient's identity has changed and has to be confirmed.",
)
_HISTORY = Meaning(
    error=PeerRefused,
    cause="whatsapp.history",
    says="The phone's history is not shared.",
)
_GROUP = Meaning(
    error=PeerRefused,
    cause="whatsapp.group",
    says="WhatsApp refuses the request for this group.",
)
_UNKNOWN = Meaning(
    error=PeerRefused, cause="whatsapp.refused", says="WhatsApp refuses the message."
)
_ABSENT = Meaning(
    error=PeerGone,
    cause="whatsapp.not_found",
    says="WhatsApp does not know what the request names.",
    advice="Check the phone number id and the address of the Cloud API.",
)

_CLASSES: tuple[tuple[Meaning, tuple[int, ...]], ...] = (
    (_TOKEN, (0, 190)),
    (_PERMISSION, (3, 10, *range(200, 300), 131005)),
    (_RATE, (4, 80007, 130429)),
    (_PAIR_RATE, (131056,)),
    (_SERVICE, (1, 2, 131016, 133004)),
    (_SOMETHING, (131000,)),
    (_MAINTENANCE, (131057,)),
    (_QUALITY, (131048, 131064)),
    (_RESTRICTED, (368, 131031)),
    (_COUNTRY, (130497,)),
    (_WINDOW, (131047,)),
    (_RECIPIENT, (131026, 131062, 130403, 130472)),
    (_OPTED_OUT, (131050,)),
    (_TEST_NUMBER, (131030,)),
    (_MARKETING_CAP, (131049,)),
    (_REQUEST, (33, 100, 131008, 131009, 131021, 131051, 135000)),
    (_MEDIA, (131052, 131053)),
    (_TEMPLATE, (132008, 132068, 132069)),
    (_TEMPLATE_UNKNOWN, (132001,)),
    (_TEMPLATE_PARAMETERS, (132000, 132005, 132012, 132018)),
    (_TEMPLATE_PAUSED, (132007, 132015, 132016)),
    (
        _REGISTRATION,
        (
            *(131037, 131045, 133000, 133005, 133006, 133008, 133009, 133010),
            *(133015, 133016),
        ),
    ),
    (_PAYMENT, (131042,)),
    (_IDENTITY, (137000,)),
    (_HISTORY, (2593107, 2593108, 2593109)),
    (_GROUP, tuple(range(131200, 131300))),
)
_BY_CODE = MappingProxyType({code: meaning for meaning, codes in _CLASSES for code in codes})
_BY_STATUS = MappingProxyType(
    {
        401: _TOKEN,
        402: _PAYMENT,
        403: _PERMISSION,
        404: _ABSENT,
        408: _SERVICE,
        413: _MEDIA,
        429: _RATE,
    }
)


def meaning_of(code: int | None, *, transient: bool = False) -> Meaning | None:
    """The meaning of a code, None for one that is not in the table.

    What Meta calls transient is never final: it overrules all but the rate limits, after
    which a request may be repeated safely.
    """
    meaning = _BY_CODE.get(code) if code is not None else None
    if transient and (meaning is None or meaning.error is not PeerBusy):
        return _SERVICE
    return meaning


def meaning_of_status(status: int | None) -> Meaning:
    """What is left to say about an unknown code: what the HTTP status says."""
    if status is None:
        return _UNKNOWN
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return _REQUEST if 400 <= status < 500 else _SERVICE  # noqa: PLR2004  HTTP's own classes
