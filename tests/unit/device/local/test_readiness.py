"""Whether local programs are ready: by what they report, and by their silence."""

from datetime import UTC, datetime, timedelta

import pytest

from device.broker.standing import Standing
from device.local.local_lines import ReportLine
from device.local.readiness import Readiness, fitting
from device.settings import LocalAgent
from protocol.codec import encode
from protocol.telemetry import MOST_AGENTS, MOST_AGENTS_BYTES, AgentReadiness

AGENTS = (LocalAgent(name="cluster", required=True), LocalAgent(name="scanner"))
WALL = datetime(2026, 11, 29, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return WALL + timedelta(seconds=seconds)


class Programs:
    """Started at 100 s."""

    def __init__(self) -> None:
        self.readiness = Readiness(AGENTS, now=100.0)

    def report(self, second: float, name: str, status: str = "READY", **fields: str) -> None:
        line = ReportLine(name, "READY" if status == "READY" else "NOT_READY", **fields)
        self.readiness.report(line, now=100.0 + second, wall=at(second))

    def look(self, second: float) -> list[tuple[str, bool]]:
        self.readiness.look(now=100.0 + second, wall=at(second))
        said = self.readiness.said
        assert said is not None
        return [(agent.name, agent.ready) for agent in said]

    def one(self, name: str) -> AgentReadiness:
        (found,) = [agent for agent in self.readiness.said or [] if agent.name == name]
        return found


@pytest.fixture
def programs() -> Programs:
    return Programs()


def test_a_device_without_such_programs_says_nothing_of_them() -> None:
    readiness = Readiness((), now=0.0)

    assert readiness.said is None
    assert readiness.is_degraded is False


def test_after_a_start_agents_have_three_intervals(programs: Programs) -> None:
    assert programs.look(29.9) == []
    assert programs.readiness.is_degraded is False
    assert [agent.ready for agent in programs.readiness.agents] == [None, None]

    assert programs.look(30.0) == [("cluster", False), ("scanner", False)]
    assert programs.readiness.is_degraded is True
    assert programs.one("cluster").detail == "no report for 30 s"


def test_an_agent_is_what_it_reports(programs: Programs) -> None:
    programs.report(1, "cluster", detail="3 pods", version="1.2")
    assert programs.look(2) == [("cluster", True)]
    assert programs.one("cluster") == AgentReadiness(
        name="cluster", ready=True, since=at(1), detail="3 pods"
    )
    assert programs.readiness.agents[0].version == "1.2"

    programs.report(3, "cluster", "NOT_READY", detail="0 pods")
    assert programs.look(3) == [("cluster", False)]
    assert programs.readiness.is_degraded is True


def test_since_is_when_readiness_changed(programs: Programs) -> None:
    for second in (1, 11, 21):
        programs.report(second, "cluster")
    assert programs.one("cluster").since == at(1)

    programs.look(51)
    programs.look(60)
    assert programs.one("cluster").since == at(51), "silent for 30 s since 21"

    programs.report(70, "cluster")
    assert programs.one("cluster").since == at(70)


def test_a_report_ends_the_silence(programs: Programs) -> None:
    programs.look(30)
    programs.report(31, "cluster")
    assert programs.one("cluster").ready is True
    assert programs.readiness.is_degraded is False


def test_an_agent_that_is_not_required_degrades_nothing(programs: Programs) -> None:
    programs.report(1, "cluster")
    programs.report(1, "scanner", "NOT_READY")

    assert programs.look(2) == [("cluster", True), ("scanner", False)]
    assert programs.readiness.is_degraded is False


def test_a_long_detail_is_cut(programs: Programs) -> None:
    programs.report(1, "cluster", detail="x" * 30_000)

    assert programs.one("cluster").detail == "x" * 1024


@pytest.mark.parametrize("detail", ["x" * 1024, '"' * 512, "ü" * 512, "\x01" * 170])
def test_details_are_shorter_when_all_do_not_fit(detail: str) -> None:
    agents = [
        AgentReadiness(name="n" * 40, ready=True, since=WALL, detail=detail if n else None)
        for n in range(MOST_AGENTS)
    ]

    fitted = fitting(agents)

    assert len(encode(fitted)) <= MOST_AGENTS_BYTES < len(encode(agents))
    assert fitted[0].detail is None
    assert all(agent.detail for agent in fitted[1:])


def test_details_that_fit_stay() -> None:
    agents = [AgentReadiness(name="a", ready=True, since=WALL, detail="fine")]

    assert fitting(agents) == agents


JUDGED = {"cluster": False, "files": True}


def judging(**standings: Standing) -> Readiness:
    readiness = Readiness(AGENTS[1:], now=100.0, judged=JUDGED)
    readiness.judge(standings, wall=at(0))
    return readiness


def names(readiness: Readiness) -> dict[str, tuple[bool | None, str | None]]:
    return {agent.name: (agent.ready, agent.detail) for agent in readiness.agents}


def test_what_the_agent_itself_finds_is_in_the_list() -> None:
    readiness = judging(cluster=Standing(True, "life"), files=Standing(False, "answered 500"))

    assert names(readiness) == {
        "scanner": (None, None), "cluster": (True, "life"), "files": (False, "answered 500"),
    }  # fmt: skip
    assert readiness.is_degraded is True, "files is required"
    readiness.look(now=1000.0, wall=at(900))
    assert names(readiness)["cluster"] == (True, "life"), "it has never reported"


def test_of_a_client_both_count() -> None:
    readiness = judging(cluster=Standing(True, "life"))
    line = ReportLine("cluster", "READY", detail="3 pods", version="1.2")
    readiness.report(line, now=101.0, wall=at(1))
    assert names(readiness)["cluster"] == (True, "3 pods")

    readiness.judge({"cluster": Standing(False, "answered 401")}, wall=at(2))
    assert names(readiness)["cluster"] == (False, "answered 401")
    readiness.judge({"cluster": Standing(None)}, wall=at(3))
    assert names(readiness)["cluster"] == (True, "3 pods")

    readiness.look(now=131.0, wall=at(31))
    (cluster,) = [agent for agent in readiness.agents if agent.name == "cluster"]
    assert (cluster.ready, cluster.detail, cluster.version) == (False, "no report for 30 s", "1.2")


def test_what_is_not_known_yet_is_in_no_list() -> None:
    readiness = judging(cluster=Standing(None), files=Standing(None))

    assert readiness.said == []
    assert readiness.is_degraded is False
