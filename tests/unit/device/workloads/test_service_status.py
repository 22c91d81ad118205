"""What the hub is told of each service in each state."""

from typing import Any

import pytest

from device.workloads.reconcile import ServiceRefusal
from device.workloads.service_status import (
    MOST_BYTES,
    Known,
    ShownWorkload,
    fitting,
    shown,
    statuses,
)
from protocol.codec import encode
from protocol.workloads import ServiceStatus
from tests.unit.device.workloads.factories import DB, WEB, make_container, make_wanted

OFTEN = frozenset({make_container().id})


def status(wanted: dict[str, Any], *containers: dict[str, Any], **known: Any) -> ServiceStatus:
    found = [make_container(**each) for each in containers]
    return statuses([make_wanted(**wanted)], found, Known(**known))["shop"][0]


@pytest.mark.parametrize(
    ("wanted", "container", "known", "state"),
    [
        ({}, None, {}, "creating"),
        ({}, None, {"pulling": frozenset({"busy"})}, "pulling"),
        ({"waits": True}, None, {}, "waiting_for_hub"),
        ({}, {"state": "created"}, {}, "starting"),
        ({"waits": True}, {"state": "exited"}, {}, "waiting_for_hub"),
        ({"stopped": True, "waits": True}, {"state": "exited"}, {}, "exited"),
        ({}, {"state": "exited"}, {}, "exited"),
        ({}, {}, {}, "running"),
        ({}, {"state": "paused"}, {}, "running"),
        ({}, {"health": "starting"}, {}, "starting"),
        ({}, {"health": "healthy"}, {}, "running"),
        ({}, {"health": "unhealthy"}, {}, "unhealthy"),
        ({}, {}, {"often": OFTEN}, "backoff"),
        ({}, {"state": "restarting"}, {}, "starting"),
        ({}, {"state": "restarting"}, {"often": OFTEN}, "backoff"),
        ({}, {"state": "removing"}, {}, "removing"),
    ],
)
def test_each_state(
    wanted: dict[str, Any], container: dict[str, Any] | None, known: dict[str, Any], state: str
) -> None:
    found = [] if container is None else [container]
    assert status(wanted, *found, **known).state == state


def test_a_running_service_says_what_it_runs() -> None:
    image = f"r.example/a@sha256:{'a' * 64}"
    assert status({"image": image, "revision": "r2"}, {"restarts": 3}) == ServiceStatus(
        service="web", revision="r2", state="running", image=image,
        digest=f"sha256:{'a' * 64}", container_id="shop-web-012", restarts=3, started_at="t1",
    )  # fmt: skip
    assert status({}, {}, digests={"image-1": "sha256:b"}).digest == "sha256:b"


def test_what_is_refused_names_the_container_that_stays() -> None:
    refusal = ServiceRefusal("conflict", "no")
    found = status({"refusal": refusal, "revision": "r2"}, {"spec": "old"})
    assert (found.state, found.code, found.message) == ("error", "conflict", "no")
    assert (found.revision, found.container_id) == ("r1", "shop-web-012")
    assert status({"refusal": refusal, "image": ""}).image is None


def test_what_failed_is_said_until_it_runs() -> None:
    failures = {WEB: ServiceRefusal("disk_full", "no room")}
    ended = status({"spec": "new"}, {"spec": "old", "state": "exited"}, failures=failures)
    assert (ended.state, ended.code) == ("error", "disk_full")
    assert status({}, {}, failures=failures).state == "running"


def test_it_says_what_a_service_waits_for() -> None:
    known: dict[str, Any] = {"waits": {WEB: ["db", "mq"]}}
    assert status({}, {"state": "created"}, **known).message == "waits for db, mq"
    assert status({}, {}, **known).message is None


def test_what_is_to_be_removed_is_named_beside_the_others() -> None:
    found = statuses([make_wanted()], [make_container(DB)], Known())
    assert [(each.service, each.state) for each in found["shop"]] == [
        ("web", "creating"), ("db", "removing"),
    ]  # fmt: skip


def test_a_person_at_the_device_sees_the_states() -> None:
    found = statuses([make_wanted()], [make_container()], Known())
    assert shown(found) == [
        ShownWorkload(application="shop", service="web", state="running", message=None)
    ]


def make_many(count: int, **fields: Any) -> list[ServiceStatus]:
    made: dict[str, Any] = {
        "revision": "a" * 64, "state": "error", "code": "registry_unavailable",
        "image": "busy:1", "digest": "sha256:" + "a" * 64,
    }  # fmt: skip
    return [
        ServiceStatus(service=f"{number:03}{'x' * 60}", **made | fields) for number in range(count)
    ]


def test_a_frame_holds_all_services_with_shorter_messages() -> None:
    few = make_many(1, message="\N{SNOWMAN}" * 300)
    assert fitting(few)[0].message == "\N{SNOWMAN}" * 200
    many = fitting(make_many(70, message="\N{SNOWMAN}" * 300))
    assert {len(each.message or "") for each in many} == {60}
    images = fitting(make_many(128, message="x" * 300))
    assert {(each.message, each.image) for each in images} == {(None, "busy:1")}


def test_and_if_need_be_without_what_the_revision_says() -> None:
    without_image = fitting(make_many(100, message="x" * 300, image="x" * 300))
    assert {(each.message, each.image, each.digest is None) for each in without_image} == {
        (None, None, False)
    }
    least = fitting(make_many(128, message="x", image="x" * 300, started_at="t" * 30,
                              container_id="c" * 12))  # fmt: skip
    assert {each.digest for each in least} == {None}
    assert len(encode(least)) <= MOST_BYTES
