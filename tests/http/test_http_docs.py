from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files
from urllib.parse import urljoin, urlsplit

import pytest

ASSETS = files("bridge.http.docs") / "assets"
PLAIN = {"Accept-Encoding": "identity"}


async def test_the_page_refers_to_local_files_only_and_all_are_there(client):
    async with client.get("/docs", headers=PLAIN) as answer:
        assert answer.content_type == "text/html"
        policy = answer.headers["Content-Security-Policy"]
        html = await answer.text()
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert re.search(r"script-src[^;]*unsafe", policy) is None
    linked = [link for link in re.findall(r'(?:src|href)="([^"]*)"', html) if link != "data:,"]
    assert len(linked) == 4
    assert "<script>" not in html  # the policy would stop it
    assert "<style" not in html
    for link in linked:
        assert not urlsplit(link).scheme
        assert not urlsplit(link).netloc
        assert not link.startswith("/")  # relative, for proxies with a prefix
        async with client.get(urljoin("/docs", link)) as answer:
            assert answer.status == 200, link


async def test_the_script_asks_no_other_host(client):
    async with client.get("/docs/start.js") as answer:
        script = await answer.text()
    assert "validatorUrl: null" in script
    assert 'url: "openapi.json"' in script
    assert "//" not in re.sub(r"^//.*$", "", script, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css"])
def test_a_vendored_file_is_the_one_that_its_notice_names(name):
    packed = (ASSETS / f"{name}.gz").read_bytes()
    served = gzip.decompress(packed)
    notice = (ASSETS / "NOTICE.txt").read_text("utf-8")
    section = notice.partition(f"\n{name}\n")[2].partition("\n\n")[0]
    assert f"as served     {hashlib.sha256(served).hexdigest()}" in section
    assert section.rstrip().endswith(hashlib.sha256(packed).hexdigest())
    assert packed[4:8] == b"\0\0\0\0"  # no time stamp: the same file from the same source
    assert not packed[3]  # and no name of a file
    assert b"sourceMappingURL" not in served


def test_the_style_sheet_loads_nothing():
    style = gzip.decompress((ASSETS / "swagger-ui.css.gz").read_bytes()).decode()
    assert "@import" not in style
    assert all(url.lstrip("\"'").startswith("data:") for url in re.findall(r"url\(([^)]*)", style))


@pytest.mark.parametrize("path", ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
async def test_an_asset_is_sent_as_it_is_packed_or_unpacked_on_demand(client, path):
    async with client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        packed_tag, unpacked = answer.headers["ETag"], await answer.read()
    for refused in ("identity", "gzip;q=0, br", ""):
        async with client.get(path, headers={"Accept-Encoding": refused}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["ETag"] != packed_tag
            assert await answer.read() == unpacked
    async with client.get(
        path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed_tag}
    ) as answer:
        assert answer.status == 304


async def test_only_an_address_that_names_the_content_is_kept_for_ever(client):
    async with client.get("/docs", headers=PLAIN) as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        link = re.search(r'src="(docs/swagger-ui-bundle\.js\?v=\w+)"', await answer.text())[1]
    async with client.get(f"/{link}") as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    async with client.get(f"/{link}0") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_slash_at_the_end_leads_to_the_page(client):
    async with client.get("/docs/") as answer:
        assert answer.status == 200
        assert answer.url.path == "/docs"
