from typing import Any

import pytest

from device.workloads.compose import NotAllowed, read_application, read_service

SHARED = {"propagation": "shared"}


@pytest.mark.parametrize(
    "service",
    [
        {},
        {"image": "a", "pid": "host"},
        {"image": "a", "security_opt": ["x"]},
        {"image": "a", "volumes": [{"type": "npipe", "target": "/a"}]},
        {"image": "a", "volumes": [{"type": "bind", "target": "/a", "bind": SHARED}]},
        {"image": "a", "logging": {"driver": "syslog"}},
        {"image": "a", "network_mode": "container:other"},
        {"image": "a", "deploy": {"replicas": 3}},
        "a",
    ],
)
def test_what_is_not_known_is_refused(service: Any) -> None:
    with pytest.raises(NotAllowed):
        read_service(service)


@pytest.mark.parametrize(
    "top",
    [
        {"include": ["x"]},
        {"volumes": {"a": {"driver": "local"}}},
        {"volumes": {"a": {"external": True}}},
        {"networks": {"a": {"driver": "macvlan"}}},
        {"secrets": {"a": {"file": "/etc/shadow"}}},
        {"services": {"../x": {}}},
    ],
)
def test_so_it_is_at_the_top(top: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        read_application({"services": {}, **top})


def test_sources_have_names_at_the_hub() -> None:
    found = read_application(
        {
            "services": {},
            "configs": {"a": {"external": True, "name": "main"}, "b": None},
            "secrets": {"a": {"external": True}},
        }
    )
    assert [found.config_map(each) for each in "abc"] == ["main", "b", "c"]
    assert found.secret("a") == "a"


def test_what_it_needs_is_read_in_both_forms() -> None:
    listed = read_service({"image": "a", "depends_on": ["db"]})
    long = read_service({"image": "a", "depends_on": {"db": {"condition": "service_healthy"}}})
    assert listed.needs == {"db": "service_started"}
    assert long.needs == {"db": "service_healthy"}


@pytest.mark.parametrize(
    "more",
    [
        {"ports": [{"target": 80, "name": "web"}]},
        {"volumes": [{"type": "bind", "target": "/a", "bind": {"create_host_path": True}}]},
        {"depends_on": {"db": {"required": False}}},
    ],
)
def test_what_would_be_ignored_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        read_service({"image": "a", **more})


@pytest.mark.parametrize("more", [{"internal": True}, {"labels": {"a": "b"}}])
def test_what_would_be_ignored_of_a_network_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        read_application({"services": {"web": {}}, "networks": {"front": more}})
