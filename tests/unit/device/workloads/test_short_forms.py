from typing import Any

import pytest

from device.workloads.compose import DeviceMapping, Mount, NotAllowed, Service, read_service
from device.workloads.short_forms import PublishedPort, devices_of, mounts_of, ports_of


def make_service(**fields: Any) -> Service:
    return read_service({"image": "busy:1", **fields})


@pytest.mark.parametrize(
    ("port", "found"),
    [
        (80, [(80, "tcp", None, "")]),
        ("8080:80", [(80, "tcp", 8080, "")]),
        ("127.0.0.1:8080:80/udp", [(80, "udp", 8080, "127.0.0.1")]),
        ("[::1]:8080:80", [(80, "tcp", 8080, "::1")]),
        ("127.0.0.1::80", [(80, "tcp", None, "127.0.0.1")]),
        ("1000-1001:80-81", [(80, "tcp", 1000, ""), (81, "tcp", 1001, "")]),
        ({"target": 80, "published": "0"}, [(80, "tcp", None, "")]),
        ({"target": 80, "published": "1000-1009"}, [(80, "tcp", 1000, "")]),
        ({"target": 80, "published": 8080, "host_ip": "::"}, [(80, "tcp", 8080, "::")]),
    ],
)
def test_ports_are_read_in_every_form(port: Any, found: list[Any]) -> None:
    ports = ports_of(make_service(ports=[port]))
    assert ports == [PublishedPort(*each) for each in found]
    assert ports[0].key == f"{found[0][0]}/{found[0][1]}"


@pytest.mark.parametrize(
    "ports", [["http"], ["80:0"], ["1-2:3-5"], ["70000"], ["9-1:9-1"], ["1-2000:1-2000"]]
)
def test_what_is_no_port_is_refused(ports: list[Any]) -> None:
    with pytest.raises(NotAllowed):
        ports_of(make_service(ports=ports))


def test_mounts_are_read_in_both_forms() -> None:
    long = {"type": "tmpfs", "target": "/cache"}
    mounts = mounts_of(make_service(volumes=["/a:/b:ro", "kept:/c:rw", "./x:/y", "/only", long]))
    assert mounts == [
        Mount(type="bind", source="/a", target="/b", read_only=True),
        Mount(type="volume", source="kept", target="/c"),
        Mount(type="bind", source="./x", target="/y"),
        Mount(type="volume", target="/only"),
        Mount(type="tmpfs", target="/cache"),
    ]
    with pytest.raises(NotAllowed, match="only ro and rw"):
        mounts_of(make_service(volumes=["/a:/b:z"]))


def test_devices_are_read_in_both_forms() -> None:
    long = {"source": "/dev/b"}
    assert devices_of(make_service(devices=["/dev/a:/dev/x:r", "/dev/a", long])) == [
        DeviceMapping(source="/dev/a", target="/dev/x", permissions="r"),
        DeviceMapping(source="/dev/a"),
        DeviceMapping(source="/dev/b"),
    ]
