"""How requests are judged, what their answers say, and what replicas send each other."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hub.base import metrics
from hub.base.errors import TooManyRequests
from hub.base.principal import Principal
from hub.base.settings import Settings
from hub.web.limits import CHANNEL, RequestLimits, Scope, headers_of
from protocol.ids import OrgId
from tests.factories import make_principal

USER = make_principal("ADMIN")
KEY = make_principal("ADMIN", kind="api_key", key_id="k1")
RATES = (
    "request_rate", "command_rate", "org_request_rate", "org_command_rate", "address_rate",
    "enrollment_rate",
)  # fmt: skip
DEVICE = make_principal(None, kind="device")


class Bench:
    """Limits, a clock, and what they would send and call later."""

    def __init__(self, name: str = "here", **settings: Any) -> None:
        self.now = 100.0
        self.sent: list[tuple[str, bytes]] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        rates: dict[str, Any] = {"request_rate": 200, **settings}
        self.limits = RequestLimits(
            Settings(**rates),
            name,
            clock=lambda: self.now,
            publish=lambda channel, payload: self.sent.append((channel, payload)),
            later=lambda seconds, call: self.later.append((seconds, call)),
        )

    def flush(self) -> list[bytes]:
        """Send what is due, at its time."""
        while self.later:
            seconds, call = self.later.pop(0)
            self.now += seconds
            call()
        sent, self.sent = self.sent, []
        return [payload for _, payload in sent]

    def ask(self, who: Principal = USER, *, dispatches: bool = False) -> Scope:
        scope: Scope = {}
        self.limits.caller(scope, who, dispatches=dispatches)
        return scope

    def given(self, who: Principal = USER, *, dispatches: bool = False) -> int:
        return how_many(lambda: self.ask(who, dispatches=dispatches))


def how_many(ask: Callable[[], object], most: int = 20_000) -> int:
    """So often until it is refused."""
    for count in range(most):
        try:
            ask()
        except TooManyRequests:
            return count
    return most


def said(scope: Scope) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers_of(scope)}


def test_an_answer_says_how_the_limit_stands() -> None:
    assert said({}) == {}
    assert said(Bench().ask()) == {
        "ratelimit-policy": '"requests";q=200;w=1',
        "ratelimit": '"requests";r=199;t=1',
    }


def test_a_refusal_names_the_limit_and_says_when_to_come_again() -> None:
    bench = Bench(request_rate=3)
    before = refusals("requests")
    assert bench.given() == 3
    scope: Scope = {}
    with pytest.raises(TooManyRequests) as refused:
        bench.limits.caller(scope, USER, dispatches=False)
    assert refused.value.detail == 'the limit "requests" of 3 in 1 s is used up: wait 1 s'
    assert refused.value.retry_after == 1
    assert said(scope)["ratelimit"] == '"requests";r=0;t=1'
    assert refusals("requests") == before + 2


def refusals(limit: str) -> float:
    name = "longline_http_requests_limited_total"
    return metrics.REGISTRY.get_sample_value(name, {"limit": limit}) or 0.0


def test_accounts_keys_devices_and_dispatching_count_apart() -> None:
    bench = Bench()
    assert bench.given() == 200
    assert bench.given(KEY) == 200
    assert bench.given(DEVICE) == 200
    assert bench.given(dispatches=True) == 5000
    assert bench.given(make_principal("ADMIN", subject="another")) == 200
    assert said(bench_scope(bench, DEVICE, later=2)) == {
        "ratelimit-policy": '"device";q=200;w=2',
        "ratelimit": '"device";r=199;t=1',
    }


def bench_scope(bench: Bench, who: Principal, *, later: float) -> Scope:
    bench.now += later
    return bench.ask(who)


def test_an_organisation_counts_together_whoever_asks() -> None:
    bench = Bench(request_rate=60, org_request_rate=100, command_rate=9, org_command_rate=10)
    other = make_principal("VIEWER", subject="another")
    assert bench.given(USER) == 60
    assert said(bench.ask(other))["ratelimit-policy"] == '"requests";q=60;w=1'
    assert bench.given(other) == 39
    scope: Scope = {}
    with pytest.raises(TooManyRequests) as refused:
        bench.limits.caller(scope, other, dispatches=False)
    assert refused.value.detail == 'the limit "org_requests" of 100 in 1 s is used up: wait 1 s'
    assert said(scope)["ratelimit-policy"] == '"org_requests";q=100;w=1'
    assert bench.given(make_principal("VIEWER", org=OrgId("north"))) == 60
    scope = bench.ask(USER, dispatches=True)
    bench.limits.further_commands(scope, USER, 8)
    with pytest.raises(TooManyRequests, match="org_commands"):
        bench.limits.further_commands(bench.ask(other, dispatches=True), other, 2)


def test_what_one_is_refused_is_not_taken_from_the_organisation() -> None:
    bench = Bench(request_rate=60, org_request_rate=100)
    assert bench.given(USER) == 60
    assert how_many(lambda: bench.ask(USER), most=500) == 0
    assert bench.given(make_principal("VIEWER", subject="another")) == 40


def test_the_sessions_of_an_account_count_together() -> None:
    bench = Bench()
    bench.given(make_principal("ADMIN", session_id="one"))
    with pytest.raises(TooManyRequests):
        bench.ask(make_principal("ADMIN", session_id="two"))


def test_a_bulk_call_counts_its_targets() -> None:
    bench = Bench(command_rate=100)
    scope = bench.ask(dispatches=True)
    bench.limits.further_commands(scope, USER, 59)
    assert said(scope)["ratelimit"] == '"commands";r=40;t=1'
    bench.limits.further_commands(scope, USER, 0)
    assert said(scope)["ratelimit"] == '"commands";r=40;t=1'
    with pytest.raises(TooManyRequests):
        bench.limits.further_commands(bench.ask(dispatches=True), USER, 1000)


def test_a_bulk_call_over_the_limit_is_taken_once_and_owed() -> None:
    bench = Bench(command_rate=100)
    bench.limits.further_commands(bench.ask(dispatches=True), USER, 299)
    for _ in range(2):
        with pytest.raises(TooManyRequests):
            bench.ask(dispatches=True)
        bench.now += 1
    bench.now += 0.5
    assert bench.given(dispatches=True) == 25


def test_strangers_count_by_address_and_callers_do_not() -> None:
    bench = Bench()
    for address, others in (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")):
        assert how_many(lambda at=address: bench.limits.stranger({}, at)) == 800
        with pytest.raises(TooManyRequests):
            bench.limits.stranger({}, address)
        bench.limits.stranger({}, others)
    with pytest.raises(TooManyRequests):
        bench.limits.stranger({}, "2001:db8::2")
    bench.ask()
    scope: Scope = {}
    bench.limits.show_stranger(scope, "192.0.2.1")
    assert said(scope) == {
        "ratelimit-policy": '"address";q=800;w=4',
        "ratelimit": '"address";r=0;t=4',
    }


def test_who_calls_from_nowhere_counts_too() -> None:
    limits = Bench().limits
    assert how_many(lambda: limits.stranger({}, None)) == 800


def test_after_fifty_wrong_keys_none_is_looked_at() -> None:
    limits = Bench().limits
    for _ in range(50):
        limits.may_show_key({}, "192.0.2.1")
        limits.wrong_key({}, "192.0.2.1")
    scope: Scope = {}
    with pytest.raises(TooManyRequests, match='"wrong_keys" of 50 in 60 s') as refused:
        limits.may_show_key(scope, "192.0.2.1")
    assert refused.value.retry_after == 30
    assert said(scope)["ratelimit"] == '"wrong_keys";r=0;t=60'
    limits.may_show_key({}, "192.0.2.2")


def test_new_devices_count_by_address_and_key() -> None:
    limits = Bench(enrollment_rate=10).limits
    assert how_many(lambda: limits.new_device({}, "192.0.2.1", "k")) == 10
    limits.new_device({}, "192.0.2.1", "another")
    limits.new_device({}, "192.0.2.2", "k")


def test_a_rate_of_0_is_no_limit_and_says_nothing() -> None:
    bench = Bench(**dict.fromkeys(RATES, 0))
    scope: Scope = {}
    for _ in range(20_000):
        bench.limits.caller(scope, USER, dispatches=False)
        bench.limits.caller(scope, USER, dispatches=True)
        bench.limits.stranger(scope, "192.0.2.1")
        bench.limits.new_device(scope, "192.0.2.1", "k")
    bench.limits.show_stranger(scope, "192.0.2.1")
    assert said(scope) == {}
    assert bench.flush() == []


def test_replicas_hear_of_each_other_at_most_five_times_a_second() -> None:
    here, there = Bench("here"), Bench("there")
    began = here.now
    messages: list[bytes] = []
    for _ in range(100):
        here.ask()
        messages += here.flush()
    assert 1 <= len(messages) <= 5 * (here.now - began) + 1
    for message in messages:
        there.limits.told(message)
    assert there.given() == 200 - 99 + 15  # not told are at most a tenth


def test_nobody_takes_his_own_message_and_nobody_stumbles() -> None:
    here, there = Bench("here", request_rate=200), Bench("there", request_rate=0)
    for _ in range(150):
        here.ask()
    (message,) = here.flush()
    here.limits.told(message)
    assert here.given() == 50
    there.limits.told(message)
    for nonsense in (b"", b"\xff", msgspec.msgpack.encode([1, 2]), msgspec.msgpack.encode({})):
        here.limits.told(nonsense)


def test_a_message_goes_to_every_replica_and_says_who_took_what() -> None:
    bench = Bench()
    for _ in range(30):
        bench.ask()
    (seconds, call) = bench.later.pop()
    assert seconds == 0
    assert bench.later == []
    call()
    ((channel, payload),) = bench.sent
    content: Any = msgspec.msgpack.decode(payload)
    assert channel == CHANNEL
    assert content == ["here", [["requests", f"{USER.org}/{USER.subject}", 30, 0.0]]]


def test_what_does_not_fit_into_one_message_comes_with_the_next() -> None:
    bench = Bench(org_request_rate=0)
    for number in range(1001):
        for _ in range(30):
            bench.ask(make_principal("ADMIN", subject=f"u{number}"))
    assert [len(msgspec.msgpack.decode(sent)[1]) for sent in bench.flush()] == [1000, 1]
