"""Merging the duplicate contacts of a whole Chatwoot account, and the ledger of merges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.clock import utc
from bridge.errors import Forbidden, Invalid
from bridge.http.envelope import json_response
from bridge.http.gate import caller
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_query
from bridge.relay.directory import Directory, Entry
from bridge.relay.instances import Instances
from bridge.relay.merge_plans import MergePlans, PlanView
from bridge.store.queries.merges import Merge

TAG = "Merging"


class Pairs(BaseModel):
    """In the order in which they are merged; `after` is the last id of the page before."""

    limit: int = Field(default=100, ge=1, le=500)
    after: int = Field(default=0, ge=0, lt=2**63)


class Ledger(BaseModel):
    """Newest first; `before` is the last id of the page before."""

    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, lt=2**63)


class PlanRow(TypedDict):
    """`seen`: contacts that were looked at; `pairs`: how many merges there are to do, or were."""

    id: int
    state: str
    seen: int
    pairs: int
    planned: int
    done: int
    skipped: int
    failed: int
    reason: str | None
    created: str
    ended: str | None


class MergeRow(TypedDict):
    """`moved` holds both contacts as they were before, and what was given to the one that stays."""

    id: int
    plan: int | None
    base: int
    mergee: int
    why: str
    state: str
    reason: str | None
    created: str
    ended: str | None
    moved: dict[str, Any]


class PlanShown(PlanRow):
    merges: list[MergeRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRoutes:
    instances: Instances
    directory: Directory
    plans: MergePlans

    async def begin(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        plan_id = await self.plans.begin(entry, _actor(request))
        row = _plan_row(await self.plans.status(entry, plan_id))
        return json_response(row, status=HTTPStatus.CREATED)

    async def latest(self, request: web.Request) -> web.Response:
        return json_response(
            [_plan_row(one) for one in await self.plans.latest(self._entry(request))]
        )

    async def show(self, request: web.Request) -> web.Response:
        entry, plan_id = self._entry(request), _id(request)
        asked = parse_query(request, Pairs)
        found = await self.plans.pairs(entry, plan_id, limit=asked.limit, after=asked.after)
        row = _plan_row(await self.plans.status(entry, plan_id))
        return json_response({**row, "merges": [_merge_row(one) for one in found]})

    async def apply(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        return json_response(
            _plan_row(await self.plans.apply(entry, _id(request), _actor(request)))
        )

    async def drop(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        return json_response(_plan_row(await self.plans.drop(entry, _id(request), _actor(request))))

    async def ledger(self, request: web.Request) -> web.Response:
        asked = parse_query(request, Ledger)
        found = await self.plans.ledger(
            self._entry(request), limit=asked.limit, before=asked.before
        )
        return json_response([_merge_row(one) for one in found])

    def _entry(self, request: web.Request) -> Entry:
        """Contacts are the account's: the key of one instance shows no other instance's people."""
        entry = self.instances.entry(request.match_info[INSTANCE])
        if not caller(request).is_global and not self.directory.has_account_alone(entry):
            raise Forbidden(
                "Other instances share this Chatwoot account: that takes the global key.",
                code="merge.shared_account",
            )
        return entry

    def routes(self) -> tuple[Route, ...]:
        plan, one = "/merge/plan/{instance}", "/merge/plan/{instance}/{id}"
        bad, taken, gone = HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND
        return (
            _route(
                "POST",
                plan,
                self.begin,
                "Look for contacts of one person in the whole Chatwoot account",
                description="Nothing is merged: the plan shows what would be. Its work goes on "
                "after the answer; one plan of an account is worked on at a time.",
                responses={HTTPStatus.CREATED: PlanRow},
                audit="merge.plan",
                errors=(taken,),
            ),
            _route(
                "GET",
                plan,
                self.latest,
                "List the newest plans of the account",
                responses={HTTPStatus.OK: list[PlanRow]},
            ),
            _route(
                "GET",
                one,
                self.show,
                "Show a plan: what would be merged into what, and why",
                responses={HTTPStatus.OK: PlanShown},
                query=Pairs,
                errors=(bad, gone),
            ),
            _route(
                "DELETE",
                one,
                self.drop,
                "Stop a plan; what is merged stays merged",
                responses={HTTPStatus.OK: PlanRow},
                audit="merge.drop",
                errors=(bad, gone),
            ),
            _route(
                "POST",
                "/merge/apply/{instance}/{id}",
                self.apply,
                "Merge what a plan shows",
                description="A merge cannot be undone in Chatwoot. Each pair is looked at again "
                "before; what was changed since is left alone. The work goes on after the answer.",
                responses={HTTPStatus.OK: PlanRow},
                audit="merge.apply",
                errors=(bad, taken, gone),
            ),
            _route(
                "GET",
                "/merge/list/{instance}",
                self.ledger,
                "Tell which contacts were merged, when and why",
                description="By messages, and by plans.",
                responses={HTTPStatus.OK: list[MergeRow]},
                query=Ledger,
            ),
        )


def _route(
    method: str,
    path: str,
    handler: Any,
    summary: str,
    *,
    responses: dict[Any, Any],
    description: str = "",
    query: type[BaseModel] | None = None,
    audit: str | None = None,
    errors: tuple[HTTPStatus, ...] = (),
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        description=description,
        tag=TAG,
        access=Access.INSTANCE_KEY,
        responses=responses,
        query=query,
        audit=audit,
        errors=(HTTPStatus.FORBIDDEN, *errors),
    )


def _actor(request: web.Request) -> str:
    return caller(request).actor


def _id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004
        raise Invalid("id is not of a type(s) integer", code="request.invalid")
    return int(text)


def _plan_row(view: PlanView) -> dict[str, Any]:
    row = asdict(view)
    created, ended = row.pop("created_at"), row.pop("ended_at")
    return {**row, "created": _moment(created), "ended": _moment(ended)}


def _merge_row(merge: Merge) -> dict[str, Any]:
    return {
        "id": merge.id,
        "plan": merge.plan_id,
        "base": merge.base_id,
        "mergee": merge.mergee_id,
        "why": merge.why,
        "state": merge.state,
        "reason": merge.reason,
        "created": _moment(merge.created_at),
        "ended": _moment(merge.ended_at),
        "moved": merge.moved,
    }


def _moment(ms: int | None) -> str | None:
    return None if ms is None else utc(ms).isoformat(timespec="milliseconds")
