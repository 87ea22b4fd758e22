"""Files that people send to a flow: in Typebot's storage, else at a signed address of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.graph import File
from bridge.sim.pictures import png
from support.flow_house import Bot, ask, flow, flow_house, text

PICTURE = png()
FLOW = flow("foto", text("Mande uma foto."), ask("file"), text("Obrigado."))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """A flow that wants a file, at a Typebot without storage."""
    async with flow_house(tmp_path, FLOW, bot={"onEnd": "keep"}) as made:
        made.typebot.uploads.s3 = False
        yield made


async def sent(bot: Bot, **more: Any) -> str:
    """Let somebody send a picture; gives the address that the flow got."""
    await bot.says("oi")
    await bot.says(None, image=PICTURE, **more)  # type: ignore[arg-type]
    return bot.asked[-1] or ""


async def sweep(bot: Bot) -> None:
    """What retention does with files that have lain in the spool for a while."""

    def work() -> None:
        for file in (bot.house.settings.storage.data_dir / "spool").iterdir():
            file.unlink()

    await asyncio.to_thread(work)


async def fetch(bot: Bot, url: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    async with bot.house.http.request(method, url, headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_a_file_goes_into_typebots_storage_where_there_is_one(bot: Bot) -> None:
    bot.typebot.uploads.s3 = True
    url = await sent(bot)
    assert url.startswith(bot.typebot.url)
    assert bot.heard == ["Mande uma foto.", "Obrigado."]
    assert [call.route for call in bot.typebot.calls if "pload" in call.route] == [
        "uploadUrl",
        "upload",
    ]


async def test_a_file_is_lent_at_an_address_that_ends_in_its_extension(bot: Bot) -> None:
    url = await sent(bot)
    assert url.startswith(f"{bot.house.url}/media/")
    assert url.endswith("/image.png")
    assert bot.heard == ["Mande uma foto.", "Obrigado."]
    status, headers, body = await fetch(bot, url)
    assert (status, body) == (200, PICTURE)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == 'inline; filename="image.png"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "private" in headers["Cache-Control"]

    status, headers, body = await fetch(bot, url, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(PICTURE)), b"")
    status, _, body = await fetch(bot, url, Range="bytes=1-3")
    assert (status, body) == (206, PICTURE[1:4])
    status, _, _ = await fetch(bot, url, Range="bytes=999999-")
    assert status == 416


async def test_it_works_after_a_restart_and_when_the_file_was_swept(bot: Bot) -> None:
    url = await sent(bot)
    async with bot.house.stopped():
        await sweep(bot)
    assert (await fetch(bot, url))[2] == PICTURE


async def test_many_who_ask_at_once_cost_one_download(bot: Bot) -> None:
    url = await sent(bot)
    await sweep(bot)
    before = bot.house.graph.requests.copy()
    answers = await asyncio.gather(*(fetch(bot, url) for _ in range(8)))
    assert {(status, body) for status, _, body in answers} == {(200, PICTURE)}
    spent = bot.house.graph.requests - before
    assert sum(spent.values()) <= 2  # the address of the file, and the file


async def test_the_name_in_an_address_is_decoration(bot: Bot) -> None:
    url = await sent(bot)
    base = url.rpartition("/")[0]
    for name in ("x.html", "..%2f..%2fsecret.key", "%2e%2e", "a%00b", "é.png"):
        status, headers, body = await fetch(bot, f"{base}/{name}")
        assert status in {200, 404}
        if status == 200:
            assert body == PICTURE
            assert headers["Content-Type"] == "image/png"
            assert headers["Content-Disposition"] == 'inline; filename="image.png"'


async def test_every_wrong_address_is_the_same_not_found(bot: Bot) -> None:
    url = await sent(bot)
    base, _, name = url.rpartition("/")
    root, _, token = base.rpartition("/")
    job, until, tag = token.split("-")
    other = ("0" if tag[0] != "0" else "1") + tag[1:]
    for wrong in (
        f"{job}-{until}-{other}",
        f"{int(job, 16) + 1:x}-{until}-{tag}",
        f"{job}-{int(until, 16) + 1:x}-{tag}",
        f"{job}-{until}",
        f"{job}-{until}-{tag}0",
        f"{'f' * 15}-{until}-{tag}",
        "x",
        "..",
        "%2e%2e%2f",
    ):
        status, _, body = await fetch(bot, f"{root}/{wrong}/{name}")
        assert status == 404, wrong
        assert b"media.unknown" in body or b"route.unknown" in body


async def test_an_address_ends(bot: Bot) -> None:
    url = await sent(bot)
    bot.house.clock.ahead_seconds += 24 * 3600 + 1
    assert (await fetch(bot, url))[0] == 404


async def test_files_of_a_deleted_instance_are_gone(bot: Bot) -> None:
    url = await sent(bot)
    assert (await fetch(bot, url))[0] == 200
    await bot.house.ok("DELETE", "/instance/delete/loja")
    assert (await fetch(bot, url))[0] == 404
    spool = bot.house.settings.storage.data_dir / "spool"
    assert await asyncio.to_thread(lambda: list(spool.iterdir())) == []


async def test_a_file_that_whatsapp_has_no_more_is_not_found(bot: Bot) -> None:
    url = await sent(bot)
    await sweep(bot)
    bot.house.graph.media.clear()
    assert (await fetch(bot, url))[0] == 404


async def test_an_address_is_not_served_without_end(bot: Bot) -> None:
    url = await sent(bot)
    served = 0
    while (answer := await fetch(bot, url, "HEAD"))[0] == 200:
        served += 1
    assert answer[0] == 429
    assert served >= 120  # and more, the slower we are


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Orçamento Final.PDF", "Orcamento-Final.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("nota.tar.gz", "nota-tar.gz"),
        ('a"; filename="x.html', "a-filename-x.html"),
    ],
)
async def test_a_document_is_saved_under_a_plain_name(bot: Bot, written: str, shown: str) -> None:
    await bot.says("oi")
    document = File(data=b"%PDF-1.4 ...", mime="application/pdf", kind="document", filename=written)
    await bot.says(None, file=document)  # type: ignore[arg-type]
    url = bot.asked[-1] or ""
    assert url.rpartition("/")[2] == shown
    status, headers, _ = await fetch(bot, url)
    assert status == 200
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == f'attachment; filename="{shown}"'


async def test_without_an_address_of_ours_the_person_is_told(tmp_path: Path) -> None:
    options = {"server": {"public_url": "http://ponte:8080"}}
    async with flow_house(tmp_path, FLOW, options=options) as bot:
        bot.typebot.uploads.s3 = False
        await bot.says("oi")
        await bot.says(None, image=PICTURE)  # type: ignore[arg-type]
        assert bot.asked == []
        assert len(bot.heard) == 2
        rows = await bot.house.rows("SELECT trace FROM job WHERE kind='bot_turn'")
        assert any("typebot.file_no_address" in row["trace"] for row in rows)


@pytest.mark.parametrize(
    ("mime", "name", "data"),
    [
        ("image/svg+xml", "x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("text/html", "x.html", b"<html><script>alert(1)</script></html>"),
        ("application/octet-stream", "x", b"<html><script>alert(1)</script></html>"),
    ],
)
async def test_what_could_run_in_a_browser_is_saved_not_shown(
    bot: Bot, mime: str, name: str, data: bytes
) -> None:
    await bot.says("oi")
    document = File(data=data, mime=mime, kind="document", filename=name)
    await bot.says(None, file=document)  # type: ignore[arg-type]
    status, headers, body = await fetch(bot, bot.asked[-1] or "")
    assert (status, body) == (200, data)
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
