"""Z-API's bodies and answers (evolution-instance-typebot.md 8, row 004; its pages on partners)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from bridge.core.instance import Behaviour, Dialect, InstanceConfig, InstanceOptions
from bridge.core.order import InstanceOrder
from bridge.core.trial import Trial, TrialState
from bridge.http.dialects import kinds, views
from bridge.http.dialects.coerced import IS_FLAG, Flag

#: Our name of a callback -> the attribute that carries its address.
CALLBACKS: Final[Mapping[str, str]] = {
    "delivery": "deliveryCallbackUrl",
    "received": "receivedCallbackUrl",
    "receivedAndDelivery": "receivedAndDeliveryCallbackUrl",
    "presenceChat": "presenceChatCallbackUrl",
    "disconnected": "disconnectedCallbackUrl",
    "connected": "connectedCallbackUrl",
    "messageStatus": "messageStatusCallbackUrl",
}
#: What stands in the path of `PUT update-webhook-...` -> our name of the callback.
UPDATES: Final[Mapping[str, str]] = {
    "delivery": "delivery",
    "received": "received",
    "received-delivery": "receivedAndDelivery",
    "presence-chat": "presenceChat",
    "disconnected": "disconnected",
    "connected": "connected",
    "message-status": "messageStatus",
}
LONGEST_NAME: Final = 255
LONGEST_TEXT: Final = 4096

#: Their page names no values; these are ours.
_PAYMENT: Final[Mapping[TrialState, str]] = {
    TrialState.TRIAL: "TRIAL",
    TrialState.ACTIVE: "PAID",
    TrialState.CANCELLED: "CANCELED",
    TrialState.ENDED: "ENDED",
    TrialState.DELETING: "ENDED",
}


def _label(text: str, info: ValidationInfo) -> str:
    """A name for people, on one line."""
    name = info.field_name or ""
    try:
        return kinds.word(text, name, most=LONGEST_NAME) or ""
    except kinds.Wrong as error:
        refusal = ValueError(error.sentence)
    raise refusal


def _named(name: str) -> str:
    if not name:
        raise ValueError('The "name" cannot be empty')
    return name


def _url(url: str) -> str:
    """An address that can be called; empty: none."""
    try:
        return kinds.web_url(url, "", where="") or ""
    except kinds.Wrong:
        refusal = PydanticCustomError("url_parsing", "no http or https address")
    raise refusal


Label = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_label)]
Url = Annotated[str, Field(max_length=kinds.LONGEST_URL), AfterValidator(_url)]


class OnDemand(BaseModel):
    """`POST /instances/integrator/on-demand`. What else is sent is kept."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: Annotated[Label, AfterValidator(_named)] = Field(
        description="For people; it need not be unique."
    )
    sessionName: Label | None = Field(  # noqa: N815
        default=None, description="The name on the phone's list of connected devices."
    )
    deliveryCallbackUrl: Url | None = None  # noqa: N815
    receivedCallbackUrl: Url | None = None  # noqa: N815
    receivedAndDeliveryCallbackUrl: Url | None = None  # noqa: N815
    presenceChatCallbackUrl: Url | None = None  # noqa: N815
    disconnectedCallbackUrl: Url | None = None  # noqa: N815
    connectedCallbackUrl: Url | None = None  # noqa: N815
    messageStatusCallbackUrl: Url | None = None  # noqa: N815
    callRejectAuto: Flag = None  # noqa: N815
    callRejectMessage: str | None = Field(default=None, max_length=LONGEST_TEXT)  # noqa: N815
    autoReadMessage: Flag = None  # noqa: N815
    autoReadStatus: Flag = None  # noqa: N815
    isDevice: Flag = None  # noqa: N815
    businessDevice: Flag = None  # noqa: N815
    disableEnqueueWhenDisconnected: Flag = Field(  # noqa: N815
        default=None,
        description="An agent's message fails visibly, instead of waiting, while the number is "
        "disconnected.",
    )


class Callback(BaseModel):
    """`PUT update-webhook-...`; an empty value removes the address."""

    model_config = ConfigDict(extra="ignore", strict=True)

    value: Url


class Switch(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    value: Annotated[bool, IS_FLAG]


class Words(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    value: str = Field(max_length=LONGEST_TEXT)


class Listing(BaseModel):
    """Which instances to list."""

    page: int = Field(default=1, ge=1, le=1_000_000, description="From 1.")
    pageSize: int = Field(default=15, ge=1, le=1000)  # noqa: N815
    query: str | None = Field(
        default=None, max_length=LONGEST_NAME, description="Part of a name or of an id."
    )
    middleware: Literal["web", "mobile"] | None = None


class Made(BaseModel):
    """The instance; `token` is shown this once. Further keys tell what is not active yet."""

    model_config = ConfigDict(extra="allow")

    id: str
    token: str
    due: str | int = Field(description="When the trial ends (ms); z_api.due_as says how written.")


class Value(BaseModel):
    value: bool | str


class Code(BaseModel):
    code: str = Field(description="What to type on the phone.")


class Status(BaseModel):
    connected: bool
    session: bool
    smartphoneConnected: bool  # noqa: N815
    error: str | None


class Row(TypedDict):
    """An instance, with the vendor's keys."""

    id: str
    token: str | None
    tenant: str | None
    name: str
    due: int | None
    paymentStatus: str | None
    created: str
    connected: bool
    phoneConnected: bool
    whatsappConnected: bool
    middleware: str
    deliveryCallbackUrl: str | None
    receivedCallbackUrl: str | None
    receivedAndDeliveryCallbackUrl: str | None
    presenceChatCallbackUrl: str | None
    disconnectedCallbackUrl: str | None
    connectedCallbackUrl: str | None
    messageStatusCallbackUrl: str | None
    callRejectAuto: bool
    callRejectMessage: str | None
    autoReadMessage: bool
    autoReadStatus: bool


class InstancePage(TypedDict):
    total: int
    totalPage: int
    pageSize: int
    page: int
    content: list[Row]


class Subscribed(TypedDict):
    value: bool
    state: TrialState
    due: str | int | None
    message: str


def order(body: OnDemand, *, id_: str, token: str) -> InstanceOrder:
    """A neutral order. `id_` is the name by which Evolution's routes know the instance."""
    return InstanceOrder(
        name=id_,
        dialect=Dialect.Z_API,
        key=token,
        options=InstanceOptions(
            behaviour=Behaviour(
                reject_call=bool(body.callRejectAuto),
                msg_call=body.callRejectMessage or "",
                read_messages=bool(body.autoReadMessage),
                read_status=bool(body.autoReadStatus),
            ),
            callbacks={
                name: url
                for name, attribute in CALLBACKS.items()
                if (url := getattr(body, attribute))
            },
            device_name=body.sessionName or None,
            fail_when_disconnected=bool(body.disableEnqueueWhenDisconnected),
            extra={
                **(body.model_extra or {}),
                "name": body.name,
                "isDevice": bool(body.isDevice),
                "businessDevice": bool(body.businessDevice),
            },
        ),
    )


def with_callbacks(before: Mapping[str, str], names: Collection[str], url: str) -> dict[str, str]:
    """These callbacks at this address; empty: nowhere."""
    kept = {name: value for name, value in before.items() if name not in names}
    return kept | (dict.fromkeys(names, url) if url else {})


def due_as(due: int | None, *, form: Literal["string", "number"]) -> str | int | None:
    return due if due is None or form == "number" else str(due)


def row(
    instance: InstanceConfig, trial: Trial | None, *, connected: bool, token: str | None
) -> dict[str, Any]:
    """What `me` and a list tell of an instance, with the vendor's keys.

    `token` is None where nobody has shown it: it is stored hashed.
    """
    behaviour = instance.options.behaviour
    return {
        "id": instance.name,
        "token": token,
        "tenant": None,
        "name": trial.label if trial else instance.name,
        "due": trial.due if trial else None,
        "paymentStatus": _PAYMENT[trial.state] if trial else None,
        "created": views.moment(instance.created_at),
        "connected": connected,
        "phoneConnected": connected,
        "whatsappConnected": connected,
        "middleware": "mobile" if trial and trial.mobile else "web",
        **{key: instance.options.callbacks.get(name) for name, key in CALLBACKS.items()},
        "callRejectAuto": behaviour.reject_call,
        "callRejectMessage": behaviour.msg_call,
        "autoReadMessage": behaviour.read_messages,
        "autoReadStatus": behaviour.read_status,
    }
