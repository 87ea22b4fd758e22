"""Names and URLs of files, hostile ones among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chatwoot.attachments import (
    File,
    Held,
    bare_mime,
    filename,
    opened,
    rewrite,
    safe_name,
    upload_name,
)
from bridge.errors import PeerRefused

BLOB = "https://chat.example/rails/active_storage/blobs/redirect/eyJf--1f2e"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        pytest.param(f"{BLOB}/foto-do-bolo.jpg", "foto-do-bolo.jpg", id="plain"),
        pytest.param(f"{BLOB}/or%C3%A7amento%202026.pdf", "orçamento 2026.pdf", id="encoded"),
        pytest.param(f"{BLOB}/100%25%2520off.pdf", "100%%20off.pdf", id="decoded only once"),
        pytest.param(f"{BLOB}/100%.pdf", "100%.pdf", id="stray percent"),
        pytest.param(f"{BLOB}/a%C3.pdf", "a\ufffd.pdf", id="broken UTF-8"),
        pytest.param(f"{BLOB}/..%2F..%2Fetc%2Fpasswd", "passwd", id="climbing"),
        pytest.param(f"{BLOB}/..%5C..%5Cboot.ini", "boot.ini", id="climbing, Windows"),
        pytest.param(f"{BLOB}/%2E%2E", "file", id="dots only"),
        pytest.param(f"{BLOB}/.htaccess", "htaccess", id="hidden"),
        pytest.param(f"{BLOB}/", "file", id="none"),
        pytest.param("", "file", id="empty"),
        pytest.param(f"{BLOB}/a.pdf?disposition=attachment#x", "a.pdf", id="query"),
        pytest.param(f"{BLOB}/fatura%00%0A.pdf", "fatura.pdf", id="control marks"),
        pytest.param(f"{BLOB}/foto%E2%80%AEgpj.exe", "fotogpj.exe", id="direction mark"),
        pytest.param(f"{BLOB}/a%3Ab%22.pdf", "a_b_.pdf", id="reserved"),
        pytest.param("http://[broken/x.png", "x.png", id="no URL at all"),
    ],
)
def test_a_url_tells_the_name(url, name):
    assert filename(url) == name


def test_a_long_name_is_cut_and_keeps_its_suffix():
    name = safe_name("á" * 500 + ".pdf")
    assert len(name.encode()) <= 180
    assert name.endswith("á.pdf")


@given(st.text(max_size=400))
def test_a_name_is_always_one_harmless_part(raw):
    name = safe_name(raw)
    assert 0 < len(name.encode()) <= 200
    assert name.isprintable()
    assert not set(name) & set('/\\<>:"|?*')
    assert name not in {".", ".."}
    filename(raw)


@pytest.mark.parametrize(
    ("name", "mime", "expected"),
    [
        ("foto.jpg", "image/jpeg", "foto.jpg"),
        (None, "audio/ogg; codecs=opus", "file.ogg"),
        ("orçamento", "application/pdf", "orçamento.pdf"),
        ("dados", "application/x-unheard-of", "dados"),
        ("../../x.png", "image/png", "x.png"),
    ],
)
def test_an_upload_has_a_name_with_a_suffix(name, mime, expected):
    assert upload_name(name, mime) == expected


@pytest.mark.parametrize(
    ("mime", "expected"),
    [
        ("audio/ogg; codecs=opus", "audio/ogg"),
        (" Image/JPEG ", "image/jpeg"),
        ("image/jpeg\r\nX-Evil: 1", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
    ],
)
def test_a_mime_type_is_bare_or_unknown(mime, expected):
    assert bare_mime(mime) == expected


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        pytest.param(
            "http://rails:3000/rails/active_storage/blobs/redirect/x/a%20b.pdf?d=1",
            "https://chat.example",
            "https://chat.example/rails/active_storage/blobs/redirect/x/a%20b.pdf?d=1",
            id="private name",
        ),
        pytest.param(
            "http://rails:3000/rails/active_storage/x",
            "https://example.com/chat/",
            "https://example.com/chat/rails/active_storage/x",
            id="below a path",
        ),
        pytest.param(
            "http://rails:3000/chat/rails/active_storage/x",
            "https://example.com/chat",
            "https://example.com/chat/rails/active_storage/x",
            id="below the same path",
        ),
        pytest.param(
            "https://bucket.example/abc.pdf",
            "https://chat.example",
            "https://bucket.example/abc.pdf",
            id="not its storage",
        ),
        pytest.param(
            "http://rails/rails/active_storage/%2e%2e/%2e%2e/api",
            "https://chat.example",
            "http://rails/rails/active_storage/%2e%2e/%2e%2e/api",
            id="climbing out",
        ),
        pytest.param("http://[", "https://chat.example", "http://[", id="broken"),
        pytest.param(f"{BLOB}/a", "", f"{BLOB}/a", id="no base"),
    ],
)
def test_storage_urls_are_pointed_at_the_configured_chatwoot(url, base, expected):
    assert rewrite(url, base) == expected


@given(st.text(max_size=80), st.text(max_size=40))
def test_rewriting_never_crashes(url, base):
    rewrite(url, base)
    rewrite(f"http://h/rails/active_storage/{url}", base)


async def test_a_missing_file_is_refused_and_the_others_are_closed(tmp_path):
    there = tmp_path / "a"
    there.write_bytes(b"abc")
    files = [
        File(path=there, filename="a", mime="image/png"),
        File(path=tmp_path / "b", filename="b", mime="image/png"),
    ]
    with pytest.raises(PeerRefused) as raised:
        async with opened(files):
            pytest.fail("one file is missing")
    assert raised.value.cause == "chatwoot.no_file"


async def test_opened_files_tell_their_size_and_are_closed(tmp_path):
    there = tmp_path / "a"
    there.write_bytes(b"abc")
    async with opened([File(path=there, filename="a", mime="image/png")]) as parts:
        assert [(part.filename, part.size) for part in parts] == [("a.png", 3)]
    assert parts[0].stream.closed


async def test_a_file_in_memory_is_sent_like_one_on_disk():
    async with opened([Held(data=b"12345", filename="qr", mime="image/png")]) as (part,):
        assert (part.filename, part.mime, part.size) == ("qr.png", "image/png", 5)
        assert part.stream.read() == b"12345"
    assert "12345" not in repr(Held(data=b"12345", filename="qr", mime="image/png"))
