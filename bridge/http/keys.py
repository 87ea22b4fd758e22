"""The gate that knows the keys: the global one, those of instances, those of Z-API's callers."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bridge.errors import Unauthorized
from bridge.http.gate import Caller, Claim
from bridge.http.limits import Limiter
from bridge.http.routing import Access
from bridge.relay.bot.flow_keys import FlowKey, FlowKeys
from bridge.relay.directory import Directory, Entry
from bridge.store.secrets import hash_key

log = structlog.get_logger(__name__)

#: What a hash is compared with where there is none: of the same length, and of no key.
_NO_HASH = "-" * len(hash_key(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Whose key it is. Several at once only where somebody chose the same secret twice."""

    is_global: bool
    is_partner: bool
    entry: Entry | None
    #: The key of a flow, with its instance as long as that is there.
    flow: FlowKey | None = None
    flow_entry: Entry | None = None

    @property
    def is_nobody(self) -> bool:
        known = self.is_global or self.is_partner
        return not known and self.entry is None and self.flow is None


class Keys:
    """The global key opens everything but Z-API's routes; an instance's keys open that instance.

    The key of a flow opens the routes that are for flows, for its chat alone.

    A key is compared by its hash, always with all that it could be, so that the time an answer
    takes tells nothing. A right key on a route of somebody else is no guess and is not counted.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        key: str,
        limiter: Limiter,
        partner_token: str | None = None,
        client_token: str | None = None,
        flow_keys: FlowKeys | None = None,
        now: Callable[[], int] = lambda: 0,
    ) -> None:
        """Without a `partner_token` the routes of partners are closed; `now` in ms."""
        self._flow_keys = flow_keys
        self._now = now
        self._directory = directory
        self._key = hash_key(key)
        self._limiter = limiter
        self._partner_token = hash_key(partner_token) if partner_token else _NO_HASH
        self._client_token = hash_key(client_token) if client_token else None

    async def check(self, claim: Claim) -> Caller:
        if claim.key is None:
            raise Unauthorized
        shown = self._shown(claim)
        self._limiter.let_in(claim.address, shown)
        holder = self._holder(claim.key)
        if holder.is_nobody:
            self._limiter.was_wrong(claim.address, shown)
            if claim.access is Access.PARTNER and self._partner_token == _NO_HASH:
                log.warning("partners.closed", advice="Set z_api.partner_token to let partners in.")
            raise Unauthorized
        if claim.for_flows and holder.flow is not None and holder.flow.is_over:
            raise Unauthorized("The time of this flow key is over; a new session gets a new one.")
        caller = _caller(holder, claim)
        if caller is None:
            raise Unauthorized
        if claim.access is Access.PATH_TOKEN:
            self._check_client_token(claim)
        self._limiter.was_right(claim.address, shown)
        return caller

    def _holder(self, key: str) -> _Holder:
        hashed = hash_key(key)
        entry = self._directory.by_key(key)
        hashes: tuple[str | None, ...] = (None, None)
        if entry is not None and entry.instance.ready:
            hashes = (entry.instance.key_hash, entry.instance.old_key_hash)
        flow = self._flow_keys.read(key, self._now()) if self._flow_keys else None
        flow_entry = self._directory.by_id(flow.instance_id) if flow is not None else None
        fits = [hmac.compare_digest(hashed, known or _NO_HASH) for known in hashes]
        return _Holder(
            is_global=hmac.compare_digest(hashed, self._key),
            is_partner=hmac.compare_digest(hashed, self._partner_token),
            entry=entry if any(fits) else None,
            flow=flow,
            flow_entry=flow_entry,
        )

    def _check_client_token(self, claim: Claim) -> None:
        if self._client_token is None:
            return
        if claim.client_token is None:
            raise Unauthorized("This server wants its client token in the header Client-Token.")
        if not hmac.compare_digest(hash_key(claim.client_token), self._client_token):
            self._limiter.was_wrong(claim.address, self._shown(claim))
            raise Unauthorized("The header Client-Token is wrong; compare z_api.client_token.")

    def _shown(self, claim: Claim) -> str:
        """All that was shown and counts, as a hash: what the limiter remembers."""
        counts = claim.access is Access.PATH_TOKEN and self._client_token is not None
        return hash_key(f"{claim.key}\0{(claim.client_token or '') if counts else ''}")


def _caller(holder: _Holder, claim: Claim) -> Caller | None:
    """Who it is on this kind of route; None: nobody who may be here."""
    match claim.access:
        case Access.PARTNER:
            return Caller(is_partner=True) if holder.is_partner else None
        case Access.PATH_TOKEN:
            entry = holder.entry
            # Instances made on demand are known to their owners by name; it is their id there.
            if entry is None or claim.instance not in (entry.id, entry.instance.name):
                return None
            return Caller(instance=entry.instance.name)
        case Access.GLOBAL_KEY:
            return Caller() if holder.is_global else None
        case _:
            if holder.is_global:
                return Caller()
            if claim.for_flows and holder.flow is not None:
                return _of_flow(holder.flow, holder.flow_entry, claim)
            if holder.entry is None or claim.instance not in (None, holder.entry.instance.name):
                return None
            return Caller(instance=holder.entry.instance.name)


def _of_flow(flow: FlowKey, entry: Entry | None, claim: Claim) -> Caller | None:
    """A flow on a route that is for flows; its key opens no other instance's."""
    is_there = entry is not None and entry.instance.ready and not flow.is_over
    if entry is None or not is_there or claim.instance != entry.instance.name:
        return None
    return Caller(instance=entry.instance.name, chat_id=flow.chat_id)
