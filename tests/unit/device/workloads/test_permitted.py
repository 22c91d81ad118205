"""What containers may do: by the device's own file, whatever the hub says."""

from typing import Any

import pytest

from device.workloads.compose import Mount, NotAllowed, read_service
from tests.unit.device.workloads.factories import make_guard

BINDS = ("/data", "/var", "/run", "/etc")


def check(service: dict[str, Any], links: dict[str, str | None] | None = None, **own: Any) -> None:
    make_guard(links, **own).check(read_service({"image": "busy:1", **service}))


@pytest.mark.parametrize(
    ("service", "own"),
    [
        ({"privileged": True}, {"privileged": True}),
        ({"network_mode": "host"}, {"host_network": True}),
        ({"cap_add": ["CAP_NET_ADMIN"]}, {"cap_add": ("net_admin",)}),
        ({"devices": ["/dev/ttyS0:/dev/x"]}, {"devices": ("/dev/ttyS0",)}),
        ({"image": "R.example/a:1"}, {"registries": ("https://r.example",)}),
        ({"volumes": ["/data/x:/y"]}, {"binds": ("/data",)}),
    ],
)
def test_it_is_allowed_only_where_the_file_says_so(
    service: dict[str, Any], own: dict[str, Any]
) -> None:
    check(service, **own)
    with pytest.raises(NotAllowed):
        check(service, None, registries=("docker.io",))


def test_what_needs_no_leave_is_allowed() -> None:
    check({"volumes": ["kept:/data", {"type": "tmpfs", "target": "/cache"}], "cap_drop": ["ALL"]})


@pytest.mark.parametrize(
    ("source", "links", "reason"),
    [
        ("data", {}, "not an absolute path"),
        (None, {}, "not an absolute path"),
        ("/data/../etc", {}, "not an absolute path"),
        ("/database", {}, "not among"),
        ("/data/x", {"/data/x": None}, "is not there"),
        ("/data/x", {"/data/x": "/home"}, "leads to /home"),
        ("/data/x", {"/data/x": "/var/lib/agent", "/data": "/var/lib"}, "never mounted"),
        ("/etc/x", {}, "never mounted"),
        ("/var/lib/agent/x", {}, "never mounted"),
        ("/var/lib", {}, "holds what is never mounted"),
        ("/run", {}, "holds what is never mounted"),
        ("/run/docker.sock", {}, "never mounted"),
        ("/run/x", {"/run/x": "/run", "/run": "/run"}, "holds what"),
    ],
)
def test_binds_lead_only_where_they_may(
    source: str | None, links: dict[str, str | None], reason: str
) -> None:
    guard = make_guard(links, binds=BINDS)
    with pytest.raises(NotAllowed, match=reason):
        guard.bind_source(Mount(type="bind", source=source, target="/x"))


def test_a_bind_is_where_its_path_leads() -> None:
    guard = make_guard({"/data/x": "/data/y"}, binds=BINDS)
    assert guard.bind_source(Mount(type="bind", source="/data/x", target="/x")) == "/data/y"
    moved = make_guard({"/data": "/disk", "/data/x": "/disk/x"}, binds=BINDS)
    assert moved.bind_source(Mount(type="bind", source="/data/x", target="/x")) == "/disk/x"


@pytest.mark.parametrize(
    "service",
    [
        {"volumes": ["kept:/run/secrets/mine"]},
        {"labels": {"longline.device": "edge-2"}},
        {"labels": ["longline.device=edge-2"]},
    ],
)
def test_what_is_the_agents_own_is_not_taken_from_it(service: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        check(service)
