"""How instances come, change and go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

from bridge.assembly.ground import Ground, plain
from bridge.core.trial import Terms
from bridge.peers import check_proxy
from bridge.relay.cleanup import Cleanup
from bridge.relay.configuring import Configuring
from bridge.relay.creating import Creating
from bridge.relay.deleting import Deleting
from bridge.relay.inboxes import Inboxes
from bridge.relay.instances import Instances
from bridge.relay.probes import Probes
from bridge.relay.provisioning import Provisioning
from bridge.relay.trials import Trials
from bridge.relay.undoing import Limits, Undoing
from bridge.store.secrets import hash_key

HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    provisioning: Provisioning
    inboxes: Inboxes
    cleanup: Cleanup
    instances: Instances
    configuring: Configuring
    trials: Trials


def begin_life(ground: Ground, *, held: Callable[[str], AbstractAsyncContextManager[None]]) -> Life:
    """`held` keeps everything from running for an instance."""
    means = ground.means
    settings, store, vault, clock = means.settings, means.store, means.vault, means.clock
    queue, directory = ground.queue, ground.directory
    turns = ground.turns
    provisioning = Provisioning(
        directory,
        clock,
        public_url=settings.server.public_url,
    )
    inboxes = Inboxes(
        store=store,
        vault=vault,
        queue=queue,
        directory=directory,
        provisioning=provisioning,
        turns=turns,
        clock=clock,
    )
    ground.room.restoring(inboxes.restore)
    cleanup = Cleanup(
        store=store,
        vault=vault,
        queue=queue,
        provisioning=provisioning,
        turns=turns,
        make_chatwoot=directory.chatwoot,
        clock=clock,
    )
    probes = Probes(
        directory=directory,
        provisioning=provisioning,
        http=means.http,
        probe_proxy=partial(check_proxy, settings, means.http),
        seconds=settings.api.probe_seconds,
    )
    deleting = Deleting(
        store=store,
        queue=queue,
        directory=directory,
        provisioning=provisioning,
        connections=ground.connections,
        events=ground.events,
        turns=turns,
        held=held,
        spool=means.spool,
    )
    limits = Limits(
        probe=settings.api.probe_seconds,
        qr_wait=settings.api.qr_wait_seconds,
        proof_delay=settings.chatwoot.proof_delay_seconds,
    )
    undoing = Undoing(
        store=store,
        directory=directory,
        cleanup=cleanup,
        deleting=deleting,
        turns=turns,
        clock=clock,
        limits=limits,
    )
    reserved = (means.key, plain(settings.z_api.partner_token))
    creating = Creating(
        store=store,
        vault=vault,
        directory=directory,
        registry=ground.registry,
        provisioning=provisioning,
        inboxes=inboxes,
        cleanup=cleanup,
        probes=probes,
        connections=ground.connections,
        undoing=undoing,
        events=ground.events,
        templates=ground.templates,
        turns=turns,
        clock=clock,
        reserved_keys=frozenset(hash_key(one) for one in reserved if one),
        limits=limits,
    )
    instances = Instances(
        store=store,
        vault=vault,
        queue=queue,
        directory=directory,
        creating=creating,
        undoing=undoing,
        deleting=deleting,
        inboxes=inboxes,
        probes=probes,
        connections=ground.connections,
        templates=ground.templates,
        turns=turns,
        clock=clock,
    )
    trials = Trials(
        store=store,
        queue=queue,
        directory=directory,
        instances=instances,
        events=ground.events,
        clock=clock,
        terms=Terms(
            lasts=round(settings.z_api.trial_hours * HOUR_MS),
            warning=round(settings.z_api.warning_hours * HOUR_MS),
            deletes=settings.z_api.delete_unsubscribed,
        ),
    )
    return Life(
        provisioning=provisioning,
        inboxes=inboxes,
        cleanup=cleanup,
        instances=instances,
        configuring=Configuring(instances),
        trials=trials,
    )
