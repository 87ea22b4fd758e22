"""Which channels there are: the word of an instance's `integration`, and how it is connected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass

from bridge.core.instance import InstanceConfig
from bridge.whatsapp.absent import AbsentChannel, not_installed
from bridge.whatsapp.channel import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One kind of channel."""

    integration: str
    #: A number's channel, and the name of the server that it calls (what breakers are about); a
    #: session has one of its own, which is reset when it opens.
    make: Callable[[InstanceConfig], tuple[Channel, str]]
    #: Of what a channel is made: while this stays equal, a changed instance keeps its channel.
    identity: Callable[[InstanceConfig], Hashable]
    #: Its channels are a `Session` too: connected by QR code, and watched.
    has_session: bool = False
    #: Why nothing of this kind ever connects; None: it does.
    absent: str | None = None
    #: Takes away what deleted numbers left behind, given the ids of all instances. Never raises.
    sweep: Callable[[Collection[str]], Awaitable[None]] | None = None


def absent_kind(integration: str) -> ChannelKind:
    """An integration that may be created and is stored whole, but never connects."""

    def make(instance: InstanceConfig) -> tuple[Channel, str]:
        return AbsentChannel(instance.integration), f"whatsapp {integration}"

    return ChannelKind(
        integration=integration,
        make=make,
        identity=lambda instance: instance.id,
        absent=not_installed(integration),
    )


class Registry:
    """All kinds, by integration. Later ones replace earlier ones of the same name."""

    def __init__(self, kinds: Iterable[ChannelKind]) -> None:
        self._kinds = {kind.integration: kind for kind in kinds}

    @property
    def integrations(self) -> tuple[str, ...]:
        """What an instance may be created with."""
        return tuple(self._kinds)

    @property
    def sessions(self) -> tuple[str, ...]:
        """The integrations whose channels are connected by QR code."""
        return tuple(name for name, kind in self._kinds.items() if kind.has_session)

    def get(self, integration: str) -> ChannelKind | None:
        """The kind of this name; None: nobody may create such an instance."""
        return self._kinds.get(integration)

    def kind(self, instance: InstanceConfig) -> ChannelKind:
        """The kind of a stored instance; an integration that has gone since is absent."""
        return self._kinds.get(instance.integration) or absent_kind(instance.integration)

    def make(self, instance: InstanceConfig) -> tuple[Channel, str]:
        return self.kind(instance).make(instance)

    async def sweep(self, known: Collection[str]) -> None:
        """Have every kind take away what is there of instances that are no more."""
        for kind in self._kinds.values():
            if kind.sweep is not None:
                await kind.sweep(known)

    def identity(self, instance: InstanceConfig) -> Hashable:
        """An entry keeps its channel object while this stays equal."""
        return instance.id, instance.integration, self.kind(instance).identity(instance)
