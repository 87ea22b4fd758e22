"""How long Chatwoot waits for our answer: measured from a process that does nothing else.

Reads one JSON object from standard input (`url`, `secret`, `body`, `count`, `rate`) and prints the
waits in seconds, sorted.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import time
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson


async def main() -> None:
    order = orjson.loads(sys.stdin.buffer.read())
    waits: list[float] = []
    async with aiohttp.ClientSession() as session:
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(order["count"]):
                await asyncio.sleep(max(0, begun + number / order["rate"] - time.monotonic()))
                group.create_task(_deliver(session, order, number, waits))
    sys.stdout.buffer.write(orjson.dumps(sorted(waits)))


async def _deliver(
    session: aiohttp.ClientSession, order: dict[str, Any], number: int, waits: list[float]
) -> None:
    """One webhook of an agent's message that was not seen before."""
    delivery = order["body"] | {"id": 90_000_000 + number, "content": f"answer {number}"}
    body = orjson.dumps(delivery)
    stamp = str(int(time.time()))
    digest = hmac.digest(order["secret"].encode(), stamp.encode() + b"." + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Signature": f"sha256={digest.hex()}",
    }
    begun = time.monotonic()
    async with session.post(order["url"], data=body, headers=headers) as answer:
        await answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"answered {answer.status}")
    waits.append(time.monotonic() - begun)


if __name__ == "__main__":
    asyncio.run(main())
