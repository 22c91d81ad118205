"""The session, frame by frame: no loop, no socket."""

from typing import Any

import msgspec
import pytest

from dashboard_ws.core.filters import Predicate
from dashboard_ws.core.session import (
    AUTH_SECONDS,
    INVALID_FRAMES,
    MAX_MESSAGE,
    MAX_MESSAGE_UNPROVEN,
    WAITING,
    Apply,
    Check,
    Close,
    Effect,
    Narrow,
    Pong,
    Send,
    Session,
)
from protocol.closing import CloseCode
from protocol.dashboard import Position

NOW = 100.0
OK = b'{"type":"auth_ok"}'
SINCE = {"epoch": "e", "offset": 4}


def open_session(*, expires: float = 1000.0) -> Session:
    return Session(NOW, expires=expires)


def text(session: Session, *, now: float = NOW, **fields: Any) -> list[Effect]:
    return session.text(msgspec.json.encode(fields), now)


def subscribe(session: Session, id_: str = "s1", **fields: Any) -> list[Effect]:
    return text(session, type="subscribe", id=id_, **fields)


def error(effects: list[Effect]) -> tuple[str, str | None]:
    """Code and id of the one error."""
    (effect,) = effects
    assert isinstance(effect, Send)
    message = msgspec.json.decode(effect.text)
    assert message["type"] == "error"
    return message["code"], message.get("id")


def test_the_first_frame_proves_who_it_is() -> None:
    session = Session(NOW, expires=None)
    assert session.max_message == MAX_MESSAGE_UNPROVEN
    assert text(session, type="auth", token="t") == [Check("t")]
    assert text(session, type="ping") == []
    assert session.checked(1000.0, OK) == [Send(OK), Pong()]
    assert session.max_message == MAX_MESSAGE


@pytest.mark.parametrize(
    "message", [b'{"type":"ping"}', b'{"type":"subscribe","id":"s"}', b"rubbish", b"{}"]
)
def test_any_other_first_frame_closes(message: bytes) -> None:
    session = Session(NOW, expires=None)
    assert session.text(message, NOW) == [Close(CloseCode.NOT_AUTHENTICATED)]
    assert session.text(message, NOW) == []
    assert session.invalid("binary", NOW) == []
    assert session.checked(1000.0, OK) == []


def test_a_bad_token_closes_first_or_later() -> None:
    first = Session(NOW, expires=None)
    text(first, type="auth", token="t")
    assert first.checked(None, b"") == [Close(CloseCode.NOT_AUTHENTICATED)]
    later = open_session()
    text(later, type="auth", token="t")
    assert later.checked(None, b"") == [Close(CloseCode.NOT_AUTHENTICATED)]


def test_nobody_may_wait_for_ever_to_prove_himself() -> None:
    session = Session(NOW, expires=None)
    assert session.look(NOW + AUTH_SECONDS - 0.1) == []
    assert session.look(NOW + AUTH_SECONDS) == [Close(CloseCode.NO_PROGRESS)]
    assert session.look(NOW + AUTH_SECONDS) == []


def test_an_authorisation_ends_and_can_be_renewed() -> None:
    session = open_session(expires=200.0)
    text(session, type="auth", token="newer")
    session.checked(300.0, OK)
    assert session.look(299.0) == []
    assert session.look(300.0) == [Close(CloseCode.NOT_AUTHENTICATED)]


def test_a_subscription_is_applied_and_replaced_by_its_id() -> None:
    session = open_session()
    (effect,) = subscribe(session, types=["scan"])
    scan = Predicate(types=frozenset({"scan"}))
    assert effect == Apply(["s1"], frozenset({scan}), None)
    assert session.done() == []
    subscribe(session, types=["print"])
    assert session.selection == {Predicate(types=frozenset({"print"}))}


def test_unsubscribing_narrows_and_answers() -> None:
    session = open_session()
    subscribe(session)
    session.done()
    effects = text(session, type="unsubscribe", id="s1")
    assert effects == [Narrow(), Send(b'{"type":"unsubscribed","id":"s1"}')]
    assert session.selection == frozenset()


def test_several_are_recovered_together() -> None:
    session = open_session()
    filters = [{"id": "a", "types": ["scan"]}, {"id": "b"}]
    (effect,) = text(session, type="subscribe", subscriptions=filters, since=SINCE)
    assert isinstance(effect, Apply)
    assert effect.ids == ["a", "b"]
    assert effect.since == Position(epoch="e", offset=4)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "s", "subscriptions": [{"id": "a"}]},
        {"deviceIds": [], "subscriptions": [{"id": "a"}]},
        {"subscriptions": [{"id": "a"}, {"id": "a"}]},
    ],
)
def test_a_subscribe_is_one_or_several(fields: dict[str, Any]) -> None:
    session = open_session()
    assert error(text(session, type="subscribe", **fields))[0] == "invalid_frame"
    assert session.selection == frozenset()


def test_since_is_too_late_after_the_first_event() -> None:
    session = open_session()
    session.received = True
    assert error(subscribe(session, since=SINCE)) == ("since_too_late", "s1")
    assert session.selection == frozenset()


def test_the_65th_subscription_is_refused_but_a_replacement_is_not() -> None:
    session = open_session()
    for number in range(64):
        subscribe(session, f"s{number}")
        session.done()
    assert error(subscribe(session, "more")) == ("too_many_subscriptions", "more")
    assert isinstance(subscribe(session, "s5")[0], Apply)


def test_while_it_is_busy_frames_wait_in_order_but_pings() -> None:
    session = open_session()
    subscribe(session, "a")
    assert subscribe(session, "b") == []
    assert text(session, type="unsubscribe", id="a") == []
    assert text(session, type="ping") == [Pong()]
    (second,) = session.done()
    assert isinstance(second, Apply)
    assert second.ids == ["b"]
    assert len(session.done()) == 2


def test_only_so_many_frames_wait() -> None:
    session = open_session()
    subscribe(session)
    for _ in range(WAITING):
        assert text(session, type="unsubscribe", id="s1") == []
    assert error(text(session, type="unsubscribe", id="s1")) == ("too_fast", "s1")


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"subscribe","id":"s9","types":["unknown"]}',
        b'{"type":"subscribe","id":"s9","more":1}',
        b'{"type":"elsewhere","id":"s9"}',
    ],
)
def test_an_invalid_frame_is_answered_with_its_id(message: bytes) -> None:
    assert error(open_session().text(message, NOW)) == ("invalid_frame", "s9")


def test_the_twentieth_invalid_frame_in_a_minute_closes() -> None:
    session = open_session()
    for number in range(INVALID_FRAMES - 1):
        assert error(session.invalid("a binary frame", NOW + number)) == ("invalid_frame", None)
    assert session.invalid("a binary frame", NOW + 30) == [Close(CloseCode.BAD_FRAMES)]


def test_spread_over_more_than_a_minute_they_do_not() -> None:
    session = open_session()
    for number in range(100):
        assert len(session.invalid("a binary frame", NOW + 4 * number)) == 1
