"""A secret that comes back as its mask stays, where it would go to the server it was stored for."""

from __future__ import annotations

import pytest

from bridge.core.instance import Proxy, Webhook
from bridge.core.masking import (
    MASK,
    masked_headers,
    masked_proxy,
    unmasked_proxy,
    unmasked_webhook,
)
from bridge.errors import Invalid

STORED = Webhook(url="https://hooks.example/in?key=1", headers={"Authorization": "s3cret"})
PROXY = Proxy(host="10.0.0.1", port=3128, username="ana", password="proxy-s3cret")


def test_only_the_content_type_is_shown_of_headers() -> None:
    shown = masked_headers({"jwt_key": "s3cret", "content-TYPE": "a/b", "X-Empty": ""})
    assert shown == {"jwt_key": MASK, "content-TYPE": "a/b", "X-Empty": ""}


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example/in?key=1", "https://hooks.example", "https://HOOKS.example/other#x"],
)
def test_a_header_stays_with_its_server(url: str) -> None:
    wanted = Webhook(url=url, headers={"authorization": MASK, "X-New": "new"})
    kept = unmasked_webhook(wanted, STORED)
    assert kept.headers == {"authorization": "s3cret", "X-New": "new"}


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/in",
        "https://hooks.example:8443/in",
        "https://hooks.example.evil.example/in",
        "https://hooks.example\\.evil.example/in",
        "https://evil.example/?https://hooks.example/in",
        "",
    ],
)
def test_a_header_goes_to_no_other_server(url: str) -> None:
    wanted = Webhook(url=url, headers={"Authorization": MASK})
    with pytest.raises(Invalid) as refused:
        unmasked_webhook(wanted, STORED)
    assert refused.value.cause == "secret.not_stored"
    assert "s3cret" not in str(refused.value)


def test_nothing_stored_cannot_be_kept() -> None:
    with pytest.raises(Invalid):
        unmasked_webhook(Webhook(url=STORED.url, headers={"Authorization": MASK}), None)
    with pytest.raises(Invalid):
        unmasked_webhook(Webhook(url=STORED.url, headers={"X-Other": MASK}), STORED)


def test_a_masked_proxy_comes_back_whole() -> None:
    shown = masked_proxy(PROXY)
    assert shown.password == MASK
    assert unmasked_proxy(shown, PROXY) == PROXY
    assert masked_proxy(Proxy(host="10.0.0.1", port=1)).password is None


@pytest.mark.parametrize("before", [None, Proxy(host="10.0.0.2", port=3128, password="x")])
def test_a_masked_password_of_another_proxy_is_refused(before: Proxy | None) -> None:
    with pytest.raises(Invalid, match="password is"):
        unmasked_proxy(masked_proxy(PROXY), before)
