"""What an application names, and what it asks for."""

from typing import Any

import pytest

from hub.workloads import contents
from hub.workloads.contents import Image, Versions, image_of
from protocol.canonical import hash_of

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def document(**services: Any) -> dict[str, Any]:
    return {"services": {name: {"image": "a", **service} for name, service in services.items()}}


IMAGES = {
    "busybox": Image("docker.io", "busybox", "latest"),
    "busybox:1": Image("docker.io", "busybox", "1"),
    "team/app:1": Image("docker.io", "team/app", "1"),
    "localhost/app": Image("localhost", "app", "latest"),
    "reg.example:5000/team/app:1": Image("reg.example:5000", "team/app", "1"),
    f"reg.example/app@{DIGEST}": Image("reg.example", "app", "latest", DIGEST),
    f"app:1@{DIGEST}": Image("docker.io", "app", "1", DIGEST),
    "app@sha256:12": None,
    "app:${TAG}": None,
    "reg.example/": None,
}


@pytest.mark.parametrize("text", IMAGES)
def test_an_image(text: str) -> None:
    assert image_of(text) == IMAGES[text]


def test_a_short_name_is_of_the_library() -> None:
    assert Image("docker.io", "busybox").repository == "library/busybox"
    assert Image("docker.io", "team/app").repository == "team/app"
    assert Image("reg.example", "app").repository == "app"


def test_tags_become_digests() -> None:
    given = document(
        web={"image": "reg.example:5000/app:1"}, db={"image": "busybox"}, x={"image": "a:${T}"}
    )
    found = contents.pinned(given, {"reg.example:5000/app:1": DIGEST, "busybox": OTHER})
    assert contents.images(found) == sorted(
        [f"reg.example:5000/app@{DIGEST}", f"busybox@{OTHER}", "a:${T}"]
    )
    assert not contents.is_pinned(given)
    assert not contents.is_pinned(found)
    assert contents.is_pinned(document(web={"image": f"app@{DIGEST}"}))
    assert contents.hosts(given) == {"reg.example:5000", "docker.io"}


def test_data_is_named_as_it_is_outside() -> None:
    given = {
        **document(
            web={
                "configs": [{"source": "conf"}],
                "secrets": [{"source": "key"}],
                "env_file": [{"config": "env"}],
            },
            db={"secrets": [{"source": "other"}]},
        ),
        "configs": {"conf": {"external": True, "name": "site"}, "env": {"external": True}},
        "secrets": {"key": {"external": True}, "other": {"external": True, "name": "db-key"}},
    }
    assert contents.data_of(given, "configs") == {"site", "env"}
    assert contents.data_of(given, "secrets") == {"key", "db-key"}
    web = [contents.services(given)["web"]]
    assert contents.data_of(given, "secrets", web) == {"key"}


ASKS: dict[str, Any] = {
    "privileged": {"privileged": True},
    "cap_add": {"cap_add": ["SYS_ADMIN"]},
    "devices": {"devices": [{"source": "/dev/a"}]},
    "bind mounts": {"volumes": [{"type": "bind", "source": "/a", "target": "/a"}]},
    "the host's network": {"network_mode": "host"},
}
ASKS_NOTHING: list[Any] = [
    {},
    {"privileged": False},
    {"cap_add": []},
    {"cap_drop": ["ALL"]},
    {"volumes": [{"type": "volume", "source": "a", "target": "/a"}]},
    {"network_mode": "none"},
]


def test_what_needs_a_right() -> None:
    for what, service in ASKS.items():
        assert contents.asks_for(document(web=service)) == [what]
    assert (
        contents.asks_for(document(**{f"s{n}": each for n, each in enumerate(ASKS_NOTHING)})) == []
    )


def test_a_revision_is_its_content_with_the_versions_of_its_data() -> None:
    versions = Versions({"conf": 1}, {"key": 2})
    found = contents.revision_of("ab", versions)
    assert found == hash_of({"sha256": "ab", "configMaps": {"conf": 1}, "secrets": {"key": 2}})
    assert found != contents.revision_of("ab", Versions({"conf": 1}, {"key": 3}))
