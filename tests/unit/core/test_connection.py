"""What a change makes of a connection, and what is told of it."""

from __future__ import annotations

import pytest

from bridge.core.connection import (
    Began,
    Closed,
    ConnectionView,
    LinkState,
    Notice,
    Opened,
    QrLimit,
    QrShown,
    advance,
    qr_told,
)

NOW = 1_795_190_000_000
BEFORE = NOW - 60_000
JID = "5511987650009@s.whatsapp.net"

OPEN, CONNECTING, CLOSED, REFUSED = (
    LinkState.OPEN,
    LinkState.CONNECTING,
    LinkState.CLOSED,
    LinkState.REFUSED,
)


def view(state: LinkState, **more) -> ConnectionView:
    return ConnectionView(state=state, changed_at=BEFORE, **more)


def step(before: ConnectionView, change) -> tuple[ConnectionView, tuple[Notice, ...]]:
    return advance(before, change, instance="loja", now=NOW)


def names(notices: tuple[Notice, ...]) -> list[str]:
    return [one.name for one in notices]


UPDATE, QR, STATUS, LOGOUT = (
    "connection.update",
    "qrcode.updated",
    "status.instance",
    "logout.instance",
)
BEGAN = Began()
SHOWN = QrShown(code="2@x", pairing_code="ABCD1234", count=3)
OPENED = Opened(jid=JID, profile_name="Loja", picture_url="https://pps.example/p.jpg")
LOST = Closed(code=408, reason="It timed out.", again=True)
ENDED = Closed(code=440, reason="Another device took over.")
LEFT = Closed(code=401, reason="Logged out.")
LIMIT = QrLimit()


@pytest.mark.parametrize(
    ("state", "change", "after", "told"),
    [
        pytest.param(CLOSED, BEGAN, CONNECTING, [UPDATE], id="close: we begin"),
        pytest.param(REFUSED, BEGAN, CONNECTING, [UPDATE], id="refused: we begin"),
        pytest.param(OPEN, BEGAN, CONNECTING, [UPDATE], id="open: we restart"),
        pytest.param(CONNECTING, BEGAN, CONNECTING, [], id="connecting: we restart"),
        pytest.param(CLOSED, SHOWN, CONNECTING, [UPDATE, QR], id="close: a code"),
        pytest.param(CONNECTING, SHOWN, CONNECTING, [QR], id="connecting: a code"),
        pytest.param(OPEN, SHOWN, CONNECTING, [UPDATE, QR], id="open: a code"),
        pytest.param(REFUSED, SHOWN, CONNECTING, [UPDATE, QR], id="refused: a code"),
        pytest.param(CONNECTING, OPENED, OPEN, [UPDATE], id="connecting: opened"),
        pytest.param(CLOSED, OPENED, OPEN, [UPDATE], id="close: opened"),
        pytest.param(REFUSED, OPENED, OPEN, [UPDATE], id="refused: opened"),
        pytest.param(OPEN, OPENED, OPEN, [], id="open: opened"),
        pytest.param(OPEN, LOST, CONNECTING, [UPDATE], id="open: lost, connects again"),
        pytest.param(CONNECTING, LOST, CONNECTING, [UPDATE], id="connecting: lost"),
        pytest.param(OPEN, ENDED, CLOSED, [STATUS, UPDATE], id="open: ended"),
        pytest.param(CONNECTING, ENDED, CLOSED, [STATUS, UPDATE], id="connecting: ended"),
        pytest.param(CLOSED, ENDED, CLOSED, [], id="close: ended"),
        pytest.param(REFUSED, ENDED, REFUSED, [], id="refused: ended"),
        pytest.param(OPEN, LEFT, CLOSED, [STATUS, UPDATE, LOGOUT], id="open: logged out"),
        pytest.param(CLOSED, LEFT, CLOSED, [], id="close: logged out"),
        pytest.param(CONNECTING, LIMIT, REFUSED, [QR, UPDATE], id="connecting: limit"),
        pytest.param(CLOSED, LIMIT, REFUSED, [QR, UPDATE], id="close: limit"),
        pytest.param(REFUSED, LIMIT, REFUSED, [], id="refused: limit"),
        pytest.param(OPEN, LIMIT, OPEN, [], id="open: limit"),
    ],
)
def test_what_a_change_makes_of_a_state(state, change, after, told):
    now, notices = step(view(state), change)

    assert (now.state, names(notices)) == (after, told)
    assert now.changed_at == (NOW if after is not state else BEFORE)


def test_opening_tells_who_is_connected_and_forgets_why_it_was_closed():
    now, (update,) = step(view(CLOSED, code=408, reason="It timed out.", closed_at=5), OPENED)

    assert now == ConnectionView(
        state=OPEN,
        owner_jid=JID,
        profile_name="Loja",
        picture_url="https://pps.example/p.jpg",
        changed_at=NOW,
        closed_at=5,
    )
    assert update.data == {
        "instance": "loja",
        "state": "open",
        "statusReason": 200,
        "wuid": JID,
        "profileName": "Loja",
        "profilePictureUrl": "https://pps.example/p.jpg",
    }


def test_another_number_on_an_open_connection_is_told():
    before = view(OPEN, owner_jid=JID)

    now, notices = step(before, Opened(jid="5511987650008@s.whatsapp.net"))

    assert now.owner_jid == "5511987650008@s.whatsapp.net"
    assert names(notices) == [UPDATE]


def test_closing_tells_why_and_when_and_remembers_who_it_was():
    now, (status, update) = step(view(OPEN, owner_jid=JID, profile_name="Loja"), ENDED)

    assert (now.code, now.reason, now.closed_at) == (440, "Another device took over.", NOW)
    assert (now.owner_jid, now.profile_name) == (JID, "Loja")
    assert status.data == {
        "instance": "loja",
        "status": "closed",
        "disconnectionAt": "2026-11-20T15:53:20.000+00:00",
        "disconnectionReasonCode": 440,
        "disconnectionObject": {"reason": "Another device took over."},
    }
    assert update.data == {"instance": "loja", "state": "close", "statusReason": 440}


def test_a_logout_is_told_with_a_body_that_is_null():
    _, notices = step(view(OPEN), LEFT)

    assert notices[-1] == Notice(name=LOGOUT, data=None)


def test_the_limit_of_codes_is_told_in_the_words_of_evolution():
    now, (limit, update) = step(view(CONNECTING), LIMIT)

    assert limit.data == {
        "message": "QR code limit reached, please login again",
        "statusCode": 500,
    }
    assert update.data == {"instance": "loja", "state": "refused", "statusReason": 428}
    assert now.reason is not None
    assert "connect" in now.reason


def test_a_code_is_told_without_the_code_unless_it_is_put_in():
    _, (shown,) = step(view(CONNECTING), SHOWN)

    assert shown.data == {"qrcode": {"instance": "loja", "count": 3}}
    live = qr_told(shown, code="2@x", pairing_code="ABCD1234", base64="data:image/png;base64,A")
    assert live.data == {
        "qrcode": {
            "instance": "loja",
            "count": 3,
            "pairingCode": "ABCD1234",
            "code": "2@x",
            "base64": "data:image/png;base64,A",
        }
    }


def test_failing_to_reconnect_again_and_again_is_told_once():
    now, first = step(view(OPEN), LOST)
    now, second = step(now, LOST)
    _, other = step(now, Closed(code=503, reason="Busy.", again=True))

    assert (names(first), names(second), names(other)) == ([UPDATE], [], [UPDATE])
    assert now.closed_at == NOW


def test_why_a_connection_ended_is_what_was_said_first():
    ended, _ = step(view(OPEN), LEFT)

    after, notices = step(ended, Closed(code=428, reason="The socket was closed."))

    assert (after, notices) == (ended, ())


def test_the_newest_wording_of_the_same_reason_is_kept():
    ended, _ = step(view(OPEN), Closed(code=403, reason="The token expired."))

    after, notices = step(ended, Closed(code=403, reason="The account is suspended."))

    assert after.reason == "The account is suspended."
    assert (after.closed_at, notices) == (NOW, ())


def test_texts_of_a_channel_are_made_fit_to_be_stored():
    now, _ = step(view(OPEN), Closed(code=500, reason="\0\ud800" + "x" * 10_000))

    assert now.reason is not None
    assert now.reason.startswith("?x")
    assert len(now.reason) < 1000


def test_codes_do_not_show_in_a_repr():
    assert "2@x" not in repr(SHOWN)
    assert "ABCD1234" not in repr(SHOWN)


def test_another_phone_does_not_inherit_the_profile_of_the_one_before():
    before = view(CLOSED, owner_jid=JID, profile_name="Loja", picture_url="https://pps.example/p")

    same, _ = step(before, Opened(jid=JID))
    other, _ = step(before, Opened(jid="5511987650010@s.whatsapp.net"))

    assert (same.profile_name, same.picture_url) == ("Loja", "https://pps.example/p")
    assert (other.profile_name, other.picture_url) == (None, None)
