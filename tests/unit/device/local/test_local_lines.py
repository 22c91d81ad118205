"""Lines of local programs: what they mean, and who may send them."""

import pytest

from device.local.local_lines import (
    InfoLine,
    LocalLine,
    MetricsLine,
    Refused,
    ReportLine,
    Speakers,
    WatchLine,
    read_line,
)
from device.settings import LocalAgent

SPEAKERS = Speakers(
    (LocalAgent(name="cluster-agent", user="cluster"), LocalAgent(name="scanner")),
    {"cluster": 1001}.get,
)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ('{"type":"watch"}', WatchLine()),
        ('{"type":"watch","sections":["mode"]}', WatchLine(frozenset({"mode"}))),
        ('{"type":"info","later":1}', InfoLine()),
        ('{"type":"metrics","metrics":{"temp":41}}', MetricsLine({"temp": 41.0})),
        (
            '{"type":"report","agent":"a","status":"READY","detail":"d","version":"1"}',
            ReportLine("a", "READY", "d", "1"),
        ),
    ],
)
def test_a_line_is_read(raw: str, line: LocalLine) -> None:
    assert read_line(raw.encode()) == line


@pytest.mark.parametrize(
    "raw",
    [
        '{"type":"watch","sections":["weather"]}',
        '{"type":"report","agent":"a","status":"MAYBE"}',
        '{"type":"report","status":"READY"}',
        '{"type":"metrics","metrics":{"temp":"hot"}}',
        '{"type":"metrics","metrics":{"temp":true}}',
        '{"type":"metrics","metrics":{"":1}}',
        '{"type":"metrics","metrics":{"te\\u0000mp":1}}',
        '{"type":"metrics","metrics":{"temp":NaN}}',
        '{"type":"metrics"}',
        '{"type":"watch"',
    ],
)
def test_what_is_wrong_with_a_line_is_said(raw: str) -> None:
    with pytest.raises(Refused) as caught:
        read_line(raw.encode())

    assert caught.value.answer.ok is False
    assert caught.value.answer.code == "invalid"
    assert caught.value.answer.message


def refusal(name: str, uid: int) -> str | None:
    try:
        SPEAKERS.check(name, uid)
    except Refused as error:
        return error.answer.code
    return None


def test_the_user_of_an_agent_alone_speaks_for_it() -> None:
    assert refusal("cluster-agent", 1001) is None
    assert refusal("cluster-agent", 1002) == "forbidden"
    assert refusal("cluster-agent", 0) == "forbidden"


def test_without_a_user_everybody_on_the_socket_speaks_for_an_agent() -> None:
    assert refusal("scanner", 1002) is None


def test_a_user_that_is_not_there_is_nobody() -> None:
    with pytest.raises(Refused):
        Speakers((LocalAgent(name="a", user="gone"),), {"cluster": 1}.get).check("a", 0)


def test_an_agent_that_the_settings_do_not_name_is_unknown() -> None:
    assert refusal("printer", 1001) == "unknown_agent"


def test_metrics_have_their_agents_name_in_front() -> None:
    line = MetricsLine({"temp": 41.0}, agent="scanner")

    assert SPEAKERS.named(line) == {"scanner.temp": 41.0}


def test_metrics_without_an_agent_have_their_own_name() -> None:
    line = MetricsLine({"temp": 41.0, "line.speed": 2.0, "cluster-agent": 1.0})

    assert SPEAKERS.named(line) == line.metrics


def test_the_names_of_an_agent_are_not_for_others() -> None:
    with pytest.raises(Refused) as caught:
        SPEAKERS.named(MetricsLine({"cluster-agent.pods": 1.0}))

    assert caught.value.answer.code == "reserved_name"
