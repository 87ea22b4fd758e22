"""What a renderer is given beside the stored configuration, and what all of them write alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bridge.clock import utc
from bridge.core.connection import ConnectionView
from bridge.core.instance import BUSINESS, InstanceConfig, Proxy
from bridge.core.masking import masked, masked_proxy
from bridge.http.dialects.event_names import EVENTS
from bridge.http.dialects.shapes import Notes, Qrcode, State
from bridge.relay.directory import Entry
from bridge.whatsapp.qr import Qr

#: Names of v1 for what v2 does not have: accepted, and not among "all events".
_V1_ALONE = frozenset({"NEW_JWT_TOKEN", "CHAMA_AI_ACTION"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where others reach us. `verify_token` is the server's; an instance may have its own."""

    public_url: str
    verify_token: str = field(repr=False)
    #: Chatwoot's webhook of an instance, without its secret part.
    hook: Callable[[InstanceConfig], str]

    @property
    def server(self) -> str:
        return self.public_url.rstrip("/")

    def meta(self, instance: InstanceConfig) -> str | None:
        """Where Meta delivers the events of a number; None for numbers that are not Meta's."""
        return f"{self.server}/webhook/meta" if instance.integration == BUSINESS else None

    def meta_token(self, instance: InstanceConfig) -> str:
        """What Meta asks for before it delivers there."""
        if instance.integration != BUSINESS:
            return ""
        return instance.verify_token or self.verify_token


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One instance of a list. `exposed`: show Chatwoot's token and the like in clear."""

    entry: Entry
    connection: ConnectionView
    addresses: Addresses
    exposed: bool = False

    def shown(self, secret: str | None) -> str | None:
        return secret if self.exposed else masked(secret)

    @property
    def owner_jid(self) -> str | None:
        return self.connection.owner_jid or self._told("ownerJid")

    @property
    def profile_name(self) -> str | None:
        """What the phone says; before it has said anything, what the caller calls it (Z-API)."""
        return self.connection.profile_name or self._told("profileName") or self._told("name")

    @property
    def picture_url(self) -> str | None:
        return self.connection.picture_url or self._told("profilePicUrl")

    def _told(self, name: str) -> str | None:
        """What a create said of the profile; Evolution v2 takes it for imports (1.1)."""
        value = self.entry.instance.options.extra.get(name)
        return value if isinstance(value, str) else None

    def shown_proxy(self) -> Proxy | None:
        proxy = self.entry.instance.options.proxy
        return proxy if self.exposed or proxy is None else masked_proxy(proxy)


def state(instance: InstanceConfig, connection: ConnectionView) -> State:
    """The answer of connectionState, equal in all dialects; `reason` says why it is not open."""
    answer: State = {"instance": {"instanceName": instance.name, "state": connection.state}}
    if connection.reason:
        answer["instance"]["reason"] = connection.reason
    return answer


def qrcode(qr: Qr | None) -> Qrcode:
    """A code to scan; without one all keys are there, as clients expect them."""
    if qr is None:
        return {"pairingCode": None, "code": "", "base64": "", "count": 0}
    shown: Qrcode = {
        "pairingCode": qr.pairing_code,
        "code": qr.code,
        "base64": qr.base64,
        "count": qr.count,
    }
    return {**shown, "warnings": [qr.no_pairing_code]} if qr.no_pairing_code else shown


def subscribed(events: Sequence[str], *, enabled: bool) -> list[str]:
    """What an event list stands for: an empty one that is switched on means all of them (3.2)."""
    if events or not enabled:
        return list(events)
    return [name for name in EVENTS if name not in _V1_ALONE]


def tell(answer: Notes, not_active: Iterable[str], warnings: Iterable[str] = ()) -> None:
    """Say in an answer what it did not do."""
    if names := list(dict.fromkeys(not_active)):
        answer["notActive"] = names
    if sentences := list(warnings):
        answer["warnings"] = sentences


def moment(ms: int) -> str:
    """A time as Evolution writes it."""
    return utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
