"""Votes in polls: the worker tells what was chosen, and survives what is no vote."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest

from support.web_worker import Worker, linked
from support.whatsapp_web import WhatsAppWeb, contents, polls, required

required()

NUMBER, BOB, EVE = "5511900000001", "5511900000002", "5511900000003"


def digests(*options: str) -> list[str]:
    return [hashlib.sha256(one.encode()).hexdigest() for one in options]


async def vote(worker: Worker, message: str) -> Any:
    told = await worker.event(
        "message",
        lambda one: one["id"] == message and "pollUpdateMessage" in one["message"],
    )
    return told["vote"]


@pytest.mark.parametrize("via", ["lid", "pn"])
async def test_votes_are_told_by_the_digests_of_their_options(tmp_path, via):
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        eve = double.person(EVE, name="Eve")
        group = double.group("Família", [phone, bob, eve])
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            own = await bob.asks(companion, "Que dia?", "Sábado", "Domingo", most=2, via=via)
            told = await bob.votes(companion, own, "Sábado", "Domingo", via=via)
            assert await vote(worker, told) == digests("Sábado", "Domingo")
            told = await bob.votes(companion, own, via=via)
            assert await vote(worker, told) == []

            asked = await phone.asks_in(bob, "Entrega?", "Sim", "Não")
            told = await bob.votes(companion, asked, "Sim")
            assert await vote(worker, told) == digests("Sim")

            common = await bob.asks(companion, "Bolo?", "Sim", "Não", group=group, via=via)
            told = await eve.votes(companion, common, "Não", group=group, via=via)
            assert await vote(worker, told) == digests("Não")

            text = await bob.writes(companion, "Oi")
            told = await worker.event("message", lambda one: one["id"] == text)
            assert "vote" not in told


async def test_what_is_no_vote_ends_no_worker(tmp_path):
    """A nonce of another length is what the engine's process dies of."""
    async with WhatsAppWeb() as double:
        phone, bob = double.phone(NUMBER), double.person(BOB, name="Bob")
        async with linked(double, phone, tmp_path / "one") as (worker, companion):
            poll = await bob.asks(companion, "Que dia?", "Sábado", "Domingo")
            key = contents.key(poll, chat=phone.lid)
            wild = contents.key(poll, chat="\0@@", from_me=False, author="x" * 5000)
            bare = contents.key("", chat="")
            unknown = contents.key("3A" * 9, chat=phone.lid, from_me=False)
            locked = os.urandom(60)
            updates = [
                polls.update(named, payload=payload, nonce=nonce)
                for named in (key, wild, bare, unknown, None)
                for payload, nonce in (
                    (locked, os.urandom(12)),
                    (locked, b""),
                    (locked, os.urandom(500)),
                    (b"", os.urandom(12)),
                    (b"x" * 15, os.urandom(12)),
                )
            ]
            for update in updates:
                assert await vote(worker, await bob.writes(companion, update)) is None
            told = await bob.votes(companion, poll, "Sábado")
            assert await vote(worker, told) == digests("Sábado")
