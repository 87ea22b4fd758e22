"""Webhooks are Meta's only when they are signed by one of our app secrets."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from bridge.whatsapp.cloud.signature import challenge, verify

BODY = '{"text":"ação \\u00e7"}'.encode()


def signed(secret: str, body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_the_published_hmac_vector_is_met() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert verify(b"what do ya want for nothing?", f"sha256={expected}", ["Jefe"])


@pytest.mark.parametrize("secrets", [["new"], ["old", "new"], ["new", "old"], ["", "new"]])
def test_any_of_several_secrets_may_have_signed(secrets: list[str]) -> None:
    assert verify(BODY, signed("new"), secrets)
    assert verify(BODY, signed("new").upper().replace("SHA256", "sha256"), secrets)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        signed("other"),
        signed("secret").removeprefix("sha256="),
        signed("secret").replace("sha256", "sha1"),
        signed("secret")[:-1],
        signed("secret") + "0",
        signed("secret", BODY + b" "),
        "sha256=ü\udcff",
    ],
)
def test_other_signatures_are_refused(header: str | None) -> None:
    assert not verify(BODY, header, ["secret"])


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_fits(secrets: list[str]) -> None:
    assert not verify(BODY, signed(""), secrets)


def asked(**changes: str) -> dict[str, str]:
    return {"hub.mode": "subscribe", "hub.verify_token": "tökèn", "hub.challenge": "1158201444"} | {
        f"hub.{name}": value for name, value in changes.items()
    }


def test_the_challenge_is_answered_with_its_own_words() -> None:
    assert challenge(asked(), "tökèn") == "1158201444"


@pytest.mark.parametrize(
    ("query", "token"),
    [
        (asked(mode="unsubscribe"), "tökèn"),
        (asked(verify_token="token"), "tökèn"),
        (asked(verify_token="\udcff"), "tökèn"),
        (asked(challenge=""), "tökèn"),
        (asked(challenge="x" * 257), "tökèn"),
        (asked(verify_token=""), ""),
        ({}, "tökèn"),
        ({}, ""),
    ],
)
def test_other_challenges_are_refused(query: dict[str, str], token: str) -> None:
    assert challenge(query, token) is None
