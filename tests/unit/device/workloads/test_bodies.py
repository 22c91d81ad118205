"""What the engine is told of each member of a service."""

from typing import Any

import pytest

from device.workloads import bodies
from device.workloads.bodies import Restart, ServicePlace, body_of
from device.workloads.compose import NotAllowed, read_application, read_service
from tests.unit.device.workloads.factories import make_guard

PLACE = ServicePlace(
    device="edge-1", application="shop", service="web", revision="r1", folder="/f", settings={}
)
TOP = {"volumes": {"kept": None, "named": {"name": "elsewhere"}}}


def make_body(service: dict[str, Any], place: ServicePlace = PLACE, **own: Any) -> dict[str, Any]:
    application = read_application({"services": {}, **TOP})
    return body_of(
        application, read_service({"image": "busy:1", **service}), place, make_guard(**own)
    )


@pytest.mark.parametrize(
    ("service", "member", "value"),
    [
        ({}, "Image", "docker.io/library/busy:1"),
        ({"command": ["a", "b"]}, "Cmd", ["a", "b"]),
        ({"entrypoint": []}, "Entrypoint", []),
        ({"user": 1000}, "User", "1000"),
        ({"stop_grace_period": "1500ms"}, "StopTimeout", 2),
        ({}, "StopTimeout", 10),
        ({"environment": {"B": True, "A": 1, "C": None}}, "Env", ["A=1", "B=true"]),
        ({"environment": ["A=1=2", "B"]}, "Env", ["A=1=2"]),
        ({"ports": ["80"]}, "ExposedPorts", {"80/tcp": {}}),
        ({"healthcheck": {"disable": True}}, "Healthcheck", {"Test": ["NONE"]}),
        ({"healthcheck": {"retries": 3}}, "Healthcheck", {"Retries": 3}),
        ({"healthcheck": {"test": "x y"}}, "Healthcheck", {"Test": ["CMD-SHELL", "x y"]}),
        (
            {"healthcheck": {"test": ["CMD", "x"], "interval": "1s", "retries": 3}},
            "Healthcheck",
            {"Test": ["CMD", "x"], "Interval": 10**9, "Retries": 3},
        ),
    ],
)
def test_members_of_the_container(service: dict[str, Any], member: str, value: Any) -> None:
    assert make_body(service)[member] == value


@pytest.mark.parametrize(
    ("service", "member", "value"),
    [
        ({}, "RestartPolicy", {"Name": "no", "MaximumRetryCount": 0}),
        (
            {"restart": "always"},
            "RestartPolicy",
            {"Name": "unless-stopped", "MaximumRetryCount": 0},
        ),
        (
            {"restart": "on-failure:3"},
            "RestartPolicy",
            {"Name": "on-failure", "MaximumRetryCount": 3},
        ),
        ({"network_mode": "host"}, "NetworkMode", "host"),
        ({}, "NetworkMode", "shop_default"),
        (
            {"ports": ["127.0.0.1:8080:80", "80"]},
            "PortBindings",
            {
                "80/tcp": [
                    {"HostIp": "127.0.0.1", "HostPort": "8080"},
                    {"HostIp": "", "HostPort": ""},
                ]
            },
        ),
        ({"read_only": True}, "ReadonlyRootfs", True),
        ({"cap_drop": ["ALL"]}, "CapDrop", ["ALL"]),
        ({"privileged": True}, "Privileged", True),
        (
            {"devices": ["/dev/a"]},
            "Devices",
            [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"}],
        ),
        ({"extra_hosts": ["a=1.2.3.4", "b:::1"]}, "ExtraHosts", ["a:1.2.3.4", "b:::1"]),
        ({"extra_hosts": {"a": ["1", "2"], "b": "3"}}, "ExtraHosts", ["a:1", "a:2", "b:3"]),
        ({"tmpfs": "/a"}, "Tmpfs", {"/a": ""}),
        ({"tmpfs": ["/a:size=1m"]}, "Tmpfs", {"/a": "size=1m"}),
        (
            {"ulimits": {"nproc": 5, "nofile": {"soft": 1, "hard": 2}}},
            "Ulimits",
            [{"Name": "nproc", "Soft": 5, "Hard": 5}, {"Name": "nofile", "Soft": 1, "Hard": 2}],
        ),
        ({"init": False}, "Init", False),
        (
            {"logging": {"driver": "local", "options": {"max-file": 3}}},
            "LogConfig",
            {"Type": "local", "Config": {"max-file": "3"}},
        ),
        ({"mem_limit": "64m"}, "Memory", 64 * 2**20),
        ({"cpus": "0.5"}, "NanoCpus", 5 * 10**8),
        ({"pids_limit": 7}, "PidsLimit", 7),
        ({"deploy": {"resources": {"limits": {"memory": "1k"}}}}, "Memory", 1024),
        ({"deploy": {"resources": {"limits": {"cpus": 2, "pids": 9}}}}, "PidsLimit", 9),
    ],
)
def test_members_of_its_host(service: dict[str, Any], member: str, value: Any) -> None:
    assert make_body(service)["HostConfig"][member] == value


def test_mounts_are_no_longer_than_they_may_be() -> None:
    volumes = [
        "/data:/a:ro",
        "kept:/b",
        {"type": "volume", "source": "kept", "target": "/c", "volume": {"nocopy": True}},
        "/d",
        {"type": "tmpfs", "target": "/e", "tmpfs": {"size": "1k", "mode": "0700"}},
        {"type": "tmpfs", "target": "/f"},
    ]
    body = make_body({"volumes": volumes, "secrets": ["db"], "configs": ["c"]}, binds=("/data",))
    labels = {"longline.device": "edge-1", "longline.application": "shop"}
    kept = {"Type": "volume", "ReadOnly": False, "Source": "shop_kept"}
    assert body["HostConfig"]["Mounts"] == [
        {
            "Type": "bind", "Target": "/a", "ReadOnly": True, "Source": "/data",
            "BindOptions": {"Propagation": "rprivate"},
        },
        {**kept, "Target": "/b", "VolumeOptions": {"Labels": labels, "NoCopy": False}},
        {**kept, "Target": "/c", "VolumeOptions": {"Labels": labels, "NoCopy": True}},
        {
            "Type": "volume", "Target": "/d", "ReadOnly": False,
            "VolumeOptions": {"Labels": labels, "NoCopy": False},
        },
        {
            "Type": "tmpfs", "Target": "/e", "ReadOnly": False,
            "TmpfsOptions": {"SizeBytes": 1024, "Mode": 0o700},
        },
        {"Type": "tmpfs", "Target": "/f", "ReadOnly": False, "TmpfsOptions": {}},
        {"Type": "bind", "Source": "/f/secrets", "Target": "/run/secrets", "ReadOnly": True},
        {"Type": "bind", "Source": "/f/configs", "Target": "/run/configs", "ReadOnly": True},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "service",
    [
        {"volumes": ["other:/a"]},
        {"volumes": ["named:/a"]},
        {"restart": "sometimes"},
        {"restart": "no:3"},
        {"restart": "on-failure:x"},
        {"command": "a b"},
    ],
)
def test_what_an_engine_is_not_told_is_refused(service: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        make_body(service)


def test_no_engine_starts_by_itself_what_needs_files_of_the_agent() -> None:
    service = read_service({"image": "a", "restart": "always", "secrets": ["db"]})
    assert bodies.restart_of(service) == Restart("unless-stopped")
    assert bodies.engine_restart(service) == Restart("on-failure")
    once = read_service({"image": "a", "restart": "on-failure:2", "configs": ["c"]})
    assert bodies.engine_restart(once) == Restart("on-failure", 2)


def test_services_of_an_application_find_each_other_by_name() -> None:
    named = read_service({"image": "a", "networks": {"back": {"aliases": ["x"]}, "front": None}})
    assert bodies.networks_of(named, PLACE) == {"shop_back": ["web", "x"], "shop_front": ["web"]}
    listed = read_service({"image": "a", "networks": ["back"]})
    assert bodies.networks_of(listed, PLACE) == {"shop_back": ["web"]}
    body = make_body({"networks": ["back", "front"]})
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"shop_back": {"Aliases": ["web"]}}}
    assert "NetworkingConfig" not in make_body({"network_mode": "none"})


def test_variables_of_config_maps_stand_behind_the_services_own() -> None:
    place = ServicePlace(
        device="edge-1", application="shop", service="web", revision="r1", folder="/f",
        settings={"A": "map", "B": "map"},
    )  # fmt: skip
    assert make_body({"environment": {"A": "own"}}, place)["Env"] == ["A=own", "B=map"]


def test_labels_say_whose_it_is_and_the_spec_is_the_same_in_each_revision() -> None:
    body = make_body({"labels": {"mine": 1}, "depends_on": ["db", "a"]})
    labelled = bodies.labelled(body, PLACE)
    assert labelled["Labels"] == {
        "mine": "1", "longline.device": "edge-1", "longline.application": "shop",
        "longline.service": "web", "longline.needs": "a,db", "longline.revision": "r1",
        "longline.spec": bodies.spec_of(body),
    }  # fmt: skip
    assert bodies.spec_of(labelled) == bodies.spec_of(body)
    assert bodies.spec_of(make_body({})) != bodies.spec_of(body)
