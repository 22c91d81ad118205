from device.workloads.reports import Reports
from protocol.workloads import ServiceState, ServiceStatus, ServiceUsage, status_hash


def make_status(state: ServiceState = "running", restarts: int = 0) -> ServiceStatus:
    return ServiceStatus(service="web", revision="r1", state=state, restarts=restarts)


SHOP = {"shop": [make_status()]}


def test_each_change_is_said_once() -> None:
    reports = Reports({})
    (frame,) = reports.due("v1", SHOP, 0.0)
    assert (frame.version, frame.application, frame.services) == ("v1", "shop", SHOP["shop"])
    assert reports.due("v1", SHOP, 10.0) == []
    assert reports.due("v1", {"shop": [make_status(restarts=7)]}, 20.0) == []


def test_at_most_once_in_two_seconds_and_then_the_newest() -> None:
    reports = Reports({})
    reports.due("v1", SHOP, 0.0)
    assert reports.next_due(0.5) == 1.5
    assert reports.due("v1", {"shop": [make_status("exited")]}, 1.0) == []
    (frame,) = reports.due("v1", {"shop": [make_status("backoff")]}, 2.0)
    assert isinstance(frame.services, list)
    assert frame.services[0].state == "backoff"
    assert reports.next_due(10.0) is None


def test_a_hub_on_a_new_line_is_told_everything() -> None:
    reports = Reports({})
    reports.due("v1", SHOP, 0.0)
    reports.begin()
    assert [each.application for each in reports.due("v1", SHOP, 0.1)] == ["shop"]
    assert reports.due("v1", SHOP, 10.0) == []


def test_of_what_is_gone_the_hub_hears_once_also_after_a_restart() -> None:
    reports = Reports({"shop": "hash"})
    (frame,) = reports.due("v2", {}, 0.0)
    assert (frame.application, frame.services) == ("shop", [])
    assert reports.told == {}
    assert reports.due("v2", {}, 10.0) == []
    again = Reports({})
    again.due("v1", SHOP, 0.0)
    assert again.due("v2", {}, 1.0) == []
    assert [each.services for each in again.due("v2", {}, 2.0)] == [[]]


def test_each_minute_the_hash_goes_up_with_what_is_used() -> None:
    reports = Reports({})
    reports.due("v1", SHOP, 0.0)
    usage = ServiceUsage(cpu_percent=1.5, memory_bytes=7)
    (frame,) = reports.minute({"shop": {"web": usage}})
    assert (frame.hash, frame.usage) == (status_hash(SHOP["shop"]), {"web": usage})
    assert reports.minute({})[0].usage == {}


def test_another_document_is_answered_also_where_nothing_changed() -> None:
    reports = Reports({})
    reports.due("v1", SHOP, 0.0)
    assert reports.due("v2", SHOP, 1.0) == []
    assert reports.minute({})[0].version == "v1"
    (frame,) = reports.due("v2", SHOP, 2.0)
    assert (frame.version, frame.services) == ("v2", SHOP["shop"])
    assert reports.minute({})[0].version == "v2"
    assert reports.due("v2", SHOP, 10.0) == []
