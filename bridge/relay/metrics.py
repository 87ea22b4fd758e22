"""What Prometheus sees. Counts of events come from the database and survive restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bridge.clock import Clock
from bridge.engine.breaker import Breaker
from bridge.engine.queue import Again, Job, Outcome, Retry, Road
from bridge.relay.bot.talks import EXPIRY
from bridge.store.engine import Store
from bridge.store.queries import jobs

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
#: Roads on which people wait for something.
_DIRECTIONS = (Road.INBOUND, Road.OUTBOUND, Road.STATUS, Road.SIGNAL, Road.INTERNAL)


class Metrics:
    def __init__(
        self, store: Store, clock: Clock, *, breakers: Callable[[], dict[str, Breaker]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._breakers = breakers
        self._registry = CollectorRegistry()
        latency = Histogram(
            "ponte_delivery_seconds",
            "From acceptance to delivery.",
            ["road"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._latency = {road: latency.labels(road.value) for road in _DIRECTIONS}

    def observe(self, job: Job, outcome: Outcome | Retry) -> None:
        """Told by the worker how each run of a job went. A timer delivers nothing."""
        if job.kind != EXPIRY and not isinstance(outcome, Again | Retry):
            seconds = max(0, self._clock.ms() - job.accepted_at) / 1000
            self._latency[job.road].observe(seconds)

    async def render(self) -> bytes:
        """The text of `/metrics`."""
        tallies, waiting, dead = await self._store.read(
            lambda db: (jobs.tallies(db), jobs.waiting(db, timer=EXPIRY), jobs.count_dead(db))
        )
        now = self._clock.ms()
        registry = CollectorRegistry()
        registry.register(
            _Snapshot(
                [
                    _events(tallies),
                    *_waiting(waiting, now),
                    GaugeMetricFamily("ponte_dead_letters", "Dead letters not dealt with.", dead),
                    _peers(self._breakers(), now),
                ]
            )
        )
        return generate_latest(registry) + generate_latest(self._registry)


class _Snapshot(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _events(rows: Iterable[jobs.Row]) -> CounterMetricFamily:
    """Accepted = delivered + ignored + dead + waiting, on each road."""
    family = CounterMetricFamily(
        "ponte_events",
        "Events by road and outcome; accepted = delivered + ignored + dead + waiting.",
        labels=["road", "outcome", "cause"],
    )
    for row in rows:
        family.add_metric([row["road"], row["outcome"], row["cause"]], row["n"])
    return family


def _waiting(rows: Iterable[jobs.Row], now: int) -> list[GaugeMetricFamily]:
    count = GaugeMetricFamily("ponte_waiting", "Jobs waiting or running.", labels=["road"])
    age = GaugeMetricFamily(
        "ponte_oldest_waiting_seconds",
        "Age of the oldest job that waits; timers of flows do not count.",
        labels=["road"],
    )
    found = {row["road"]: row for row in rows}
    for road in _DIRECTIONS:
        row = found.get(road)
        since = row["oldest"] if row else None
        count.add_metric([road], row["n"] if row else 0)
        age.add_metric([road], max(0, now - since) / 1000 if since is not None else 0)
    return [count, age]


def _peers(breakers: dict[str, Breaker], now: int) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "ponte_peer_up", "0 while calls to a server or account are paused.", labels=["peer"]
    )
    for key, breaker in sorted(breakers.items()):
        paused = breaker.is_open and breaker.ready_at(now)
        # There are as many accounts as instances: they are named while there is something to say.
        if paused or " " in key:
            family.add_metric([key], 0 if paused else 1)
    return family
