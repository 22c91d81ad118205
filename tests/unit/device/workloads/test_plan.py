"""From a document to services: what is refused, what waits, and what the files hold."""

import base64
from typing import Any

import pytest
from msgspec import structs

from device.workloads.compose import Signal
from device.workloads.plan import MOST_APPLICATIONS, MOST_SERVICES, Planner, without_contents
from device.workloads.reconcile import ServiceRefusal
from protocol.signing import SignatureRefused
from protocol.workloads import (
    AssignedApplication,
    MountedData,
    RegistryAccess,
    WorkloadsDocument,
)
from tests.unit.device.workloads.factories import WEB, make_application, make_guard, planned

BUSY = {"image": "busy:1"}
DIGEST = f"r.example/a@sha256:{'a' * 64}"


def make_data(version: int = 1, **files: bytes) -> MountedData:
    encoded = {name: base64.b64encode(each).decode() for name, each in files.items()}
    return MountedData(version, encoded)


def test_a_service_is_planned_with_all_that_its_container_is() -> None:
    service = {"image": DIGEST, "restart": "always", "depends_on": ["db"]}
    found = planned(make_application({"web": service, "db": BUSY}, stopped=["web"]))
    web, db = (each.wanted for each in found)
    assert (web.key, web.name, web.revision) == (WEB, "shop-web", "r1")
    assert (web.image, web.image_key) == (DIGEST, DIGEST)
    assert (web.stopped, web.waits, web.refusal) == (True, False, None)
    assert web.needs == {"db": "service_started"}
    assert db.image_key == "r1 docker.io/library/busy:1"
    assert (found[0].body or {})["Labels"]["longline.spec"] == web.spec
    assert found[0].networks == {"shop_default": ["web"]}


def test_a_bad_service_harms_itself_only() -> None:
    services = {
        "web": BUSY, "a1": {"image": "busy:1", "privileged": True}, "a2": "x",
        "a3": {"image": "busy:1", "mem_limit": "much"},
    }  # fmt: skip
    web, *others = planned(make_application(services))
    assert web.wanted.refusal is None
    assert [each.wanted.refusal and each.wanted.refusal.code for each in others] == [
        "refused_by_device"
    ] * 3
    assert [each.wanted.image for each in others] == ["busy:1", "", "busy:1"]
    assert others[0].body is None


@pytest.mark.parametrize(
    "more",
    [
        {"cpus": "inf"},
        {"mem_limit": "9" * 400 + "g"},
        {"stop_grace_period": "9" * 400 + "s"},
        {"healthcheck": {"test": ["CMD", "true"], "interval": "9" * 400 + "s"}},
    ],
)
def test_numbers_beyond_all_bounds_are_refused(more: dict[str, Any]) -> None:
    (found,) = planned(make_application({"web": {"image": "busy:1", **more}}))
    assert found.wanted.refusal is not None
    assert found.wanted.refusal.code == "refused_by_device"


@pytest.mark.parametrize(
    ("compose", "services"),
    [
        ({"services": {"web": BUSY}, "include": []}, ["web"]),
        ({"services": ["web"]}, []),
        ({}, []),
    ],
)
def test_what_is_wrong_at_the_top_refuses_all_of_it(
    compose: dict[str, Any], services: list[str]
) -> None:
    found = planned(make_application({}, compose=compose))
    assert [each.wanted.key.service for each in found] == services
    assert all(each.wanted.refusal for each in found)


def test_what_nobody_has_signed_is_refused_before_all_else() -> None:
    def check(application: AssignedApplication) -> None:
        if application.name != "good":
            raise SignatureRefused("nobody has")

    planner = Planner(device="edge-1", guard=make_guard(), folder="/f", check=check)
    document = WorkloadsDocument(
        applications=[
            make_application({"web": BUSY}, name="good"),
            make_application({"web": BUSY}),
            make_application({"web": BUSY}, compose={"services": {"web": BUSY}, "include": []}),
        ]
    )
    found = [each.wanted.refusal for each in planner.plan(document, ())]
    assert found == [None, *[ServiceRefusal("bad_signature", "nobody has")] * 2]


def test_two_that_want_the_same_conflict() -> None:
    ports = {"image": "busy:1", "ports": ["80:80"]}
    first, second = planned(
        make_application({"web": ports}), make_application({"web": ports}, name="other")
    )
    assert first.wanted.refusal is None
    assert second.wanted.refusal == ServiceRefusal("conflict", "port 80/tcp is taken by shop/web")


def test_files_are_those_of_the_hub_under_their_folders() -> None:
    service = {
        **BUSY,
        "secrets": [
            "db",
            {"source": "db", "target": "/run/secrets/own", "uid": "7", "gid": 8, "mode": "0440"},
        ],
        "configs": [{"source": "site", "mode": 0o444, "x-onChange": {"signal": "SIGHUP"}}],
    }
    (web,) = planned(
        make_application({"web": service}),
        secrets={"db": make_data(password=b"hush")},
        config_maps={"site": make_data(title=b"\xff")},
    )
    db, own, site = web.folders
    assert (db.kind, db.name, db.files) == ("secrets", "db", {"password": b"hush"})
    assert (db.mode, db.uid, db.gid, db.on_change) == (0o400, None, None, "restart")
    assert (own.name, own.mode, own.uid, own.gid) == ("own", 0o440, 7, 8)
    assert (site.kind, site.mode, site.on_change) == ("configs", 0o444, Signal(signal="SIGHUP"))
    assert "hush" not in repr(web)
    assert "hush" not in repr(make_data(password=b"hush"))


def test_variables_of_a_config_map() -> None:
    service = {**BUSY, "env_file": [{"config": "site"}]}
    (web,) = planned(
        make_application({"web": service}), config_maps={"site": make_data(TITLE=b"Plant")}
    )
    assert (web.body or {})["Env"] == ["TITLE=Plant"]


@pytest.mark.parametrize(
    "service",
    [{"secrets": ["db"]}, {"configs": ["site"]}, {"env_file": [{"config": "site"}]}],
)
def test_what_is_not_here_is_waited_for(service: dict[str, Any]) -> None:
    (web,) = planned(make_application({"web": {**BUSY, **service}}))
    assert (web.wanted.waits, web.wanted.refusal, web.folders) == (True, None, ())


@pytest.mark.parametrize(
    ("service", "data"),
    [
        ({"secrets": [{"source": "db", "target": "../x"}]}, make_data()),
        ({"secrets": ["db"]}, MountedData(1, {"../x": ""})),
        ({"secrets": ["db"]}, MountedData(1, {"x": "no base64"})),
        ({"env_file": [{"config": "db"}]}, make_data(x=b"\xff")),
        ({"env_file": [{"config": "db"}]}, make_data(x=b"\0")),
        ({"secrets": [{"source": "db", "uid": "plant"}]}, make_data()),
    ],
)
def test_what_is_no_file_is_refused(service: dict[str, Any], data: MountedData) -> None:
    (web,) = planned(
        make_application({"web": {**BUSY, **service}}),
        secrets={"db": data}, config_maps={"db": data},
    )  # fmt: skip
    assert web.wanted.refusal is not None


def test_no_more_are_taken_than_a_device_has() -> None:
    many = [make_application({"web": BUSY}, name=f"app-{n}") for n in range(MOST_APPLICATIONS + 1)]
    assert len(planned(*many)) == MOST_APPLICATIONS
    services = {f"service-{number}": BUSY for number in range(MOST_SERVICES + 1)}
    assert len(planned(make_application(services))) == MOST_SERVICES


def test_what_is_kept_without_secrets_has_none() -> None:
    access = RegistryAccess("r.example", "me", "hush")
    document = WorkloadsDocument(
        secrets={"db": make_data(a=b"b")}, config_maps={"c": make_data()}, registries=[access]
    )
    assert without_contents(document) == structs.replace(
        document, secrets={}, registries=[RegistryAccess("r.example", "me")]
    )
    assert "hush" not in repr(document)
