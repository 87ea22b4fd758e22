"""Measure the service between stand-ins: `python -m bench [part] [--quick]`."""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from bench.bots import bots
from bench.crowd import SIZES, crowd
from bench.house import House, house
from bench.loads import Figures, answers, inbound, outbound, warm
from bench.media import media
from bench.people import SIZES as CONTACTS
from bench.people import people

CONCURRENCIES = (1, 20, 100)
LATENCIES = (0.005, 0.030)
#: Messages of a run: one at a time is slow, and steady after few.
COUNTS = {1: 200, 20: 1000, 100: 2000}
#: The hold of Chatwoot's reordered webhooks, which every outbound latency contains.
HOLD = 0.150


def main() -> None:
    arguments = _arguments()
    runs = 1 if arguments.quick else arguments.runs
    rows = _measured(arguments, runs)
    _print(rows)
    if arguments.json:
        Path(arguments.json).write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))


def _measured(arguments: argparse.Namespace, runs: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if arguments.part in (None, "loads"):
        rows += asyncio.run(measure(quick=arguments.quick, runs=runs))
    if arguments.part in (None, "instances"):
        for run, size in product(range(runs), SIZES):
            rows += asyncio.run(crowd(run, size, quick=arguments.quick))
    if arguments.part in (None, "people"):
        for run, size in product(range(runs), CONTACTS):
            rows += asyncio.run(people(run, size, quick=arguments.quick))
    for run in range(runs):
        if arguments.part in (None, "bots"):
            rows += asyncio.run(bots(run, quick=arguments.quick))
        if arguments.part == "media":
            rows += asyncio.run(media(run, quick=arguments.quick, with_web=_has_library()))
        if arguments.part == "web":
            rows += _web(run, arguments)
    return rows


def _web(run: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from bench.web import web  # noqa: PLC0415  (needs the library and the double)

    return asyncio.run(web(run, quick=arguments.quick, count=arguments.numbers))


async def measure(*, quick: bool, runs: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for latency in LATENCIES[:1] if quick else LATENCIES:
        for run in range(runs):
            async with house(latency) as here:
                rows += await _round(here, latency, run, quick=quick)
    return rows


async def _round(here: House, latency: float, run: int, *, quick: bool) -> list[dict[str, Any]]:
    idle = here.resident_mb()
    await warm(here)
    rows = []
    for way, load in (("in", inbound), ("out", outbound)):
        for concurrency in CONCURRENCIES:
            count = COUNTS[concurrency] // (4 if quick else 1)
            figures = await load(here, count, concurrency, run=f"{way}{concurrency}")
            rows.append(_row(way, latency, concurrency, run, figures))
    flood = asyncio.ensure_future(inbound(here, COUNTS[100] // (4 if quick else 1), 100, run="f"))
    waited = await answers(here, 2 if quick else 5, 100)
    await flood
    rows.append(
        {
            "way": "webhook answer under flood",
            "latency": latency,
            "concurrency": 100,
            "run": run,
            "p50": waited[len(waited) // 2] * 1000,
            "p99": waited[int(len(waited) * 0.99)] * 1000,
        }
    )
    rows.append(
        {
            "way": "process",
            "latency": latency,
            "concurrency": 0,
            "run": run,
            "start": here.start_seconds,
            "idle MB": idle,
            "after MB": here.resident_mb(),
        }
    )
    return rows


def _row(way: str, latency: float, concurrency: int, run: int, figures: Figures) -> dict[str, Any]:
    return {
        "way": way,
        "latency": latency,
        "concurrency": concurrency,
        "run": run,
        "per second": figures.messages / figures.seconds,
        "p50": figures.percentile(0.50) * 1000,
        "p95": figures.percentile(0.95) * 1000,
        "p99": figures.percentile(0.99) * 1000,
        "calls": figures.far_calls,
        "CPU s/1000": figures.cpu,
        "after MB": figures.resident_mb,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    """One line a case: the median over the runs. Outbound latencies contain the hold."""
    cases: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        cases.setdefault((row["way"], row["latency"], row["concurrency"]), []).append(row)
    for (way, latency, concurrency), found in sorted(cases.items(), key=str):
        shown = {
            key: statistics.median(row[key] for row in found)
            for key in found[0]
            if key not in ("way", "latency", "concurrency", "run")
        }
        figures = "  ".join(f"{key} {value:.2f}" for key, value in shown.items())
        print(f"{way:>42} {latency * 1000:4.0f} ms C={concurrency:<3} {figures}")
    print("(medians; p50, p95, p99 are ms from webhook to arrival)")
    print(f"(out contains the hold of {HOLD * 1000:.0f} ms)")


def _has_library() -> bool:
    """The double of WhatsApp Web runs where the library does."""
    return find_spec("neonize") is not None and platform.machine() == "x86_64"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "part",
        nargs="?",
        choices=("loads", "instances", "people", "bots", "media", "web"),
        help="only this part",
    )
    parser.add_argument("--quick", action="store_true", help="one short run at 5 ms")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case")
    parser.add_argument("--numbers", type=int, default=20, help="numbers of the part `web`")
    parser.add_argument("--json", help="write every figure to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
