"""Whom a conversation shall have at the end of a flow: a team and an agent, as they are named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Agent, Team
from bridge.core.flow import Ending
from bridge.errors import PeerGone, PeerRefused

_Named = TypeVar("_Named", Agent, Team)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom the conversation shall have; `unknown`: who of them is not there."""

    team: int | None = None
    agent: int | None = None
    unknown: tuple[tuple[str, str], ...] = ()


async def wanted_of(chatwoot: Chatwoot, ending: Ending) -> Wanted:
    """Find team and agent by id, name or e-mail."""
    team = agent = None
    unknown: list[tuple[str, str]] = []
    if ending.team:
        team = await _looked_up(chatwoot.teams, ending.team, _team_names)
        unknown += [("team", ending.team)] if team is None else []
    if ending.agent:
        agent = await _looked_up(chatwoot.agents, ending.agent, _agent_names)
        unknown += [("agent", ending.agent)] if agent is None else []
    return Wanted(team=team, agent=agent, unknown=tuple(unknown))


async def _looked_up(
    listed: Callable[[], Awaitable[Sequence[_Named]]],
    wanted: str,
    names: Callable[[_Named], Iterable[str | None]],
) -> int | None:
    """The id of the one that is meant; None: there is none, or more than one of that name."""
    word = wanted.strip().casefold()
    try:
        found = await listed()
    except (PeerGone, PeerRefused):  # nothing of that kind there
        return None
    by_id = [one.id for one in found if str(one.id) == word]
    named = [
        one.id
        for one in found
        if word in {name.strip().casefold() for name in names(one) if name is not None}
    ]
    ids = by_id or list(dict.fromkeys(named))
    return ids[0] if len(ids) == 1 else None


def _team_names(team: Team) -> Iterable[str | None]:
    return (team.name,)


def _agent_names(agent: Agent) -> Iterable[str | None]:
    return (agent.email, agent.name, agent.available_name)
