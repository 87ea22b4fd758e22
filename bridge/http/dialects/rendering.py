"""One renderer per dialect: what we know of an instance becomes an answer that its client knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, assert_never

from bridge.core.instance import Dialect, InboxConfig, InstanceConfig
from bridge.http.dialects.evolution_v1 import EvolutionV1, EvolutionV1Legacy
from bridge.http.dialects.evolution_v2 import EvolutionV2
from bridge.http.dialects.l2msg import L2Msg
from bridge.http.dialects.shapes_v1 import CreatedV1, L2Created, LegacyCreated, RowV1
from bridge.http.dialects.shapes_v2 import CreatedV2, RowV2
from bridge.http.dialects.views import Addresses, View
from bridge.relay.instances import Created

#: A JSON object; its keys are described in `shapes`, `shapes_v1` and `shapes_v2`.
Answer: TypeAlias = Mapping[str, Any]
#: For the OpenAPI document: what a create answers, and a list of instances.
CREATED: Final = CreatedV2 | CreatedV1 | LegacyCreated | L2Created
ROWS: Final = list[RowV2] | list[RowV1] | RowV1


class Renderer(Protocol):
    """The answers of one dialect. No answer holds a secret, but `created` the new key.

    A `..._found` is None where the dialect answers `null` while nothing is stored.
    """

    def created(self, made: Created, addresses: Addresses, *, qrcode: bool) -> Answer:
        """Answer a create. `qrcode`: a code was asked for, so its keys are there in any case."""
        ...

    def row(self, view: View) -> Answer:
        """One instance of a list."""
        ...

    def rows(self, found: Sequence[View], *, single: bool) -> Sequence[Answer] | Answer:
        """A list of instances. `single`: the global key asked for one by its name."""
        ...

    def settings_set(self, instance: InstanceConfig) -> Answer: ...
    def settings_found(self, instance: InstanceConfig) -> Answer: ...
    def proxy_set(self, instance: InstanceConfig) -> Answer: ...
    def proxy_found(self, instance: InstanceConfig) -> Answer | None: ...
    def webhook_set(self, instance: InstanceConfig) -> Answer | None: ...
    def webhook_found(self, instance: InstanceConfig) -> Answer | None: ...
    def transport_set(self, name: str, instance: InstanceConfig) -> Answer | None: ...
    def transport_found(self, name: str, instance: InstanceConfig) -> Answer | None: ...
    def chatwoot(self, inbox: InboxConfig | None, hook: str) -> Answer: ...


def renderer(dialect: Dialect) -> Renderer:
    """The renderer of a dialect. Z-API has a few bodies of its own; of the rest it gets v2's."""
    match dialect:
        case Dialect.V1_LEGACY:
            return EvolutionV1Legacy()
        case Dialect.V1:
            return EvolutionV1()
        case Dialect.L2:
            return L2Msg()
        case Dialect.V2 | Dialect.Z_API:
            return EvolutionV2()
        case _:
            assert_never(dialect)
