"""Verdicts, tables, and the measured parts of a page."""

import re
from typing import Any

import msgspec
import pytest

from tests.bench import report, targets
from tests.bench.__main__ import NOT_QUICK
from tests.bench.figures import Measured
from tests.bench.peers.table import PEERS
from tests.bench.rounds import HUB, Found, names, plan
from tests.unit.bench.test_figures import make_measured


def found(**rows: Measured) -> Found:
    made = Found()
    made.add(HUB, {name.replace("_", "-"): measured for name, measured in rows.items()})
    return made


def costing(microseconds: float, **changes: Any) -> Measured:
    cpu = msgspec.structs.replace(make_measured().cpu, server=microseconds / 1000)
    return make_measured(cpu=cpu, **changes)


@pytest.mark.parametrize(("cost", "met"), [(24.0, True), (26.0, False)])
def test_a_target_of_capacity_is_judged_by_cpu_time(cost: float, met: bool) -> None:
    verdict = targets.at_least("ingest-sparse", 40_000)(found(ingest_sparse=costing(cost)))

    assert verdict.met is met
    assert "/s a core (500 wall)" in verdict.text


def test_a_small_fleet_meets_no_target_of_a_large_one() -> None:
    judge = targets.soon_enough("bulk", 1_000, 2.0)

    assert judge(found(bulk=make_measured(seconds=1.9))).met is True
    assert judge(found(bulk=make_measured(seconds=2.1))).met is False
    assert judge(found(bulk=make_measured(operations=900))).met is None


def test_a_peer_is_beaten_by_capacity_in_the_same_run() -> None:
    rows = found(command_100=costing(100))
    rows.add("node ws", {"command-100": costing(80)})

    assert targets.ahead_of("command-100", "node ws")(rows).met is False
    assert targets.ahead_of("command-100", "node ws", 0.75)(rows).met is True
    assert targets.ahead_of("command-100", "mosquitto")(rows).met is None


def test_idle_connections_are_compared_by_memory() -> None:
    rows = found(idle=costing(1, kib=5.0))
    rows.add("node ws", {"idle": costing(1, kib=10.0)})

    assert "| 2.00 |" in report.peers(rows)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    for target in targets.TARGETS:
        assert {verdict.met for verdict in target.judge(Found())} == {None}


def test_two_replicas_are_twice_one_when_an_operation_costs_the_same() -> None:
    one, two = costing(10), costing(11)
    rows = found(replicas_1_ingest=one, replicas_2_ingest=two)

    verdict = targets.two_replicas("ingest", 1.8)(rows)

    assert verdict.met
    assert verdict.text == "ingest: \N{MULTIPLICATION SIGN}1.82"


def test_a_fleet_that_makes_events_dearer_is_not_flat() -> None:
    rows = found(devices_100=costing(10), devices_1000=costing(11), devices_10000=costing(14))

    assert targets.flat("devices-", "event", 1.3)(rows).met is False
    assert targets.flat("devices-", "event", 1.5)(rows).met is True


def test_dashboards_may_make_a_delivery_cheaper() -> None:
    rows = found(dashboards_1=costing(25), dashboards_20=costing(2), dashboards_200=costing(1))

    assert targets.flat("dashboards-", "delivery", 1.3)(rows).met is True


def test_peers_stand_beside_ours_with_what_they_leave_out() -> None:
    made = found(command_100=costing(400, p50=10.0))
    made.add("node ws", {"command-100": costing(40)})
    made.missing["mosquitto: command-100"] = "CannotInstall: no network"

    parts = report.parts(made, 1)

    assert "| node ws | 500 (500 to 500) | 25,000 |" in parts["peers"]
    assert "| 0.10 |" in parts["peers"]
    assert "durability" in parts["peers"]
    assert "no network" in parts["missing"]
    assert msgspec.json.decode(report.as_json(made, 1))["rounds"]["rows"]["node ws"]


def test_a_generator_at_its_limit_is_marked() -> None:
    cpu = msgspec.structs.replace(make_measured().cpu, generator=1.9)

    assert report.AT_LIMIT in report.rows(found(idle=make_measured(cpu=cpu)))


def test_the_page_has_a_place_for_every_part() -> None:
    page = report.PAGE.read_text("utf-8")

    assert set(re.findall(r"<!-- measured: (\w+) -->", page)) == set(report.parts(Found(), 1))
    assert report.renewed(page, dict.fromkeys(report.parts(Found(), 1), "new")).count("new") >= 5


def test_every_scenario_says_what_it_does() -> None:
    assert all(about for about in names().values())
    assert set(names()) >= NOT_QUICK


def test_a_round_takes_ours_and_each_peer_in_turn() -> None:
    peers = {peer.name for peer in PEERS}

    steps = plan({"command-1", "bulk"}, peers)

    labels = [step.label for step in steps]
    assert labels[0] == f"{HUB}: command-1"
    assert labels[1:-1] == [f"{peer.name}: command-1" for peer in PEERS]
    assert labels[-1] == f"{HUB}: bulk"
