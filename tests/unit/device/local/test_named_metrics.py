"""Numbers of local programs, until they join a status."""

import pytest

from device.local.local_lines import Refused
from device.local.named_metrics import MOST, OWN, NamedMetrics
from protocol.codec import decode_device_frame, encode
from protocol.telemetry import Status


@pytest.fixture
def metrics() -> NamedMetrics:
    return NamedMetrics()


def code_of(metrics: NamedMetrics, taken: dict[str, float], now: float = 0.0) -> str | None:
    try:
        metrics.take(taken, now=now)
    except Refused as error:
        return error.answer.code
    return None


def test_a_number_joins_each_status_of_three_intervals(metrics: NamedMetrics) -> None:
    metrics.take({"temp": 41.0}, now=0.0)

    assert metrics.join(now=15.0) == {"temp": 41.0}
    assert metrics.join(now=29.9) == {"temp": 41.0}
    assert metrics.join(now=30.0) == {}


def test_a_number_joins_the_next_status_however_late_that_is(metrics: NamedMetrics) -> None:
    metrics.take({"temp": 41.0}, now=0.0)

    assert metrics.join(now=60.0) == {"temp": 41.0}
    assert metrics.join(now=60.1) == {}


def test_the_newest_number_of_a_name_counts(metrics: NamedMetrics) -> None:
    metrics.take({"temp": 41.0}, now=0.0)
    metrics.join(now=1.0)
    metrics.take({"temp": 42.0}, now=29.0)

    assert metrics.join(now=58.9) == {"temp": 42.0}
    assert metrics.present == {"temp": 42.0}


def test_too_many_names_are_refused_whole(metrics: NamedMetrics) -> None:
    metrics.take({f"n{number}": 1.0 for number in range(MOST - 1)}, now=0.0)

    assert code_of(metrics, {"a": 1.0, "b": 1.0}) == "too_many_metrics"
    assert "a" not in metrics.present
    assert code_of(metrics, {"a": 1.0}) is None
    assert code_of(metrics, {"n0": 2.0}) is None, "a name that is there already"
    assert code_of(metrics, {"b": 1.0}) == "too_many_metrics"


def test_forgotten_names_make_room(metrics: NamedMetrics) -> None:
    metrics.take({f"n{number}": 1.0 for number in range(MOST)}, now=0.0)
    metrics.join(now=1.0)

    assert code_of(metrics, {"a": 1.0}, now=30.0) is None


@pytest.mark.parametrize("name", sorted(OWN))
def test_the_agents_own_names_are_reserved(metrics: NamedMetrics, name: str) -> None:
    assert code_of(metrics, {"fine": 1.0, name: 1.0}) == "reserved_name"
    assert metrics.present == {}


def test_a_name_that_is_too_long_with_its_agents_is_invalid(metrics: NamedMetrics) -> None:
    assert code_of(metrics, {"x" * 128: 1.0}) is None
    assert code_of(metrics, {"x" * 129: 1.0}) == "invalid"


def test_a_status_has_room_for_all_of_them() -> None:
    status = Status(status="ONLINE", metrics=dict.fromkeys(OWN | {f"n{n}" for n in range(MOST)}, 1))

    assert decode_device_frame(encode(status)) == status
