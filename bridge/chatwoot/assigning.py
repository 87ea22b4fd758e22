"""What becomes of a conversation over the application API: whose it is, its labels, its facts.

Every method can be called again with the same effect (chatwoot-api.md 1.3, 1.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.chatwoot.api import Api
from bridge.chatwoot.faults import unreadable
from bridge.chatwoot.fields import rows, table, text, whole, words
from bridge.chatwoot.models import Agent, Team


class Assigning:
    """A part of `client.Chatwoot`."""

    _api: Api
    _account: str
    _conversations: str

    async def agents(self) -> list[Agent]:
        """All agents of the account."""
        found = await self._api.call("GET", f"{self._account}/agents")
        if not isinstance(found, list):
            raise unreadable("agents")
        listed = (table(row) for row in rows(found))
        return [
            Agent(
                id=identity,
                name=text(row.get("name")),
                available_name=text(row.get("available_name")),
                email=text(row.get("email")),
            )
            for row in listed
            if (identity := whole(row.get("id"))) is not None
        ]

    async def teams(self) -> list[Team]:
        """All teams of the account; Chatwoot keeps their names in small letters."""
        found = await self._api.call("GET", f"{self._account}/teams")
        if not isinstance(found, list):
            raise unreadable("teams")
        listed = (table(row) for row in rows(found))
        return [
            Team(id=identity, name=text(row.get("name")))
            for row in listed
            if (identity := whole(row.get("id"))) is not None
        ]

    async def assign(self, conversation_id: int, agent_id: int) -> None:
        """Give a conversation to an agent; an unknown one would take it from everybody."""
        await self._assign(conversation_id, {"assignee_id": agent_id})

    async def assign_team(self, conversation_id: int, team_id: int) -> None:
        await self._assign(conversation_id, {"team_id": team_id})

    async def _assign(self, conversation_id: int, body: Mapping[str, int]) -> None:
        await self._api.call("POST", f"{self._conversations}/{conversation_id}/assignments", body)

    async def conversation_labels(self, conversation_id: int) -> tuple[str, ...]:
        found = await self._api.call("GET", f"{self._conversations}/{conversation_id}/labels")
        listed = table(found).get("payload")
        if not isinstance(listed, list):
            raise unreadable("labels")
        return words(listed)

    async def set_conversation_labels(self, conversation_id: int, labels: Sequence[str]) -> None:
        """Give a conversation these labels and no others."""
        url = f"{self._conversations}/{conversation_id}/labels"
        await self._api.call("POST", url, {"labels": list(labels)})

    async def set_conversation_attributes(
        self, conversation_id: int, attributes: Mapping[str, Any]
    ) -> None:
        """Replace all custom attributes of a conversation."""
        url = f"{self._conversations}/{conversation_id}/custom_attributes"
        await self._api.call("POST", url, {"custom_attributes": dict(attributes)})
