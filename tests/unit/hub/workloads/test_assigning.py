"""Whether a device gets a revision, with what filled in, and as which document."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from hub.workloads.assigning import (
    MOST_APPLICATIONS,
    MOST_DATA,
    MOST_SERVICES,
    Assigned,
    DeviceStanding,
    NotGiven,
    assigned,
    filled_in,
    missing,
)
from hub.workloads.contents import Versions
from hub.workloads.documents import Data, RegistryLogin, Section, document, section, section_hash
from hub.workloads.records import Assignment, Report, RevisionRow
from hub.workloads.showing import WantedApplication, items
from protocol.canonical import hash_of
from protocol.ids import DeviceId, OrgId

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORG, DEVICE = OrgId("o"), DeviceId("d")


def make_revision(name: str = "r1", **services: Any) -> RevisionRow:
    compose = {
        "services": {key: {"image": "reg.example/a", **each} for key, each in services.items()},
        "configs": {"c": {"external": True, "name": "conf"}},
    }
    return RevisionRow(
        org=ORG, application="app", revision=name, number=1, sha256="s", pinned=False,
        compose=compose, versions=Versions({"conf": 3}, {"key": 2}), data_bytes=10,
        hosts=["reg.example"], variables=["SITE"], asks_for=[], created_at=NOW, created_by="u",
    )  # fmt: skip


WEB = make_revision(
    web={"command": ["${SITE}"], "configs": [{"source": "c"}]},
    proxy={"depends_on": {"web": {"condition": "service_started"}}},
    db={"secrets": [{"source": "key"}]},
)


def make_standing(**changes: Any) -> DeviceStanding:
    fields: dict[str, Any] = {
        "device_id": DEVICE, "revision": None, "wanted": None, "filled": None, "errors": None,
        "by_hand": None, "pinned": None, "orphaned": None, "applications": 0, "services": 0,
        "data_bytes": 0, "has_engine": None, "fills": {"SITE": "one"},
    }  # fmt: skip
    return DeviceStanding(**{**fields, **changes})


def give(standing: DeviceStanding, revision: RevisionRow = WEB) -> Assigned:
    found = assigned(standing, revision, by_hand=True, pinned=False)
    assert isinstance(found, Assigned)
    return found


def test_variables_are_those_of_the_moment() -> None:
    found = give(make_standing())
    assert (found.revision, found.filled, found.wanted) == ("r1", {"SITE": "one"}, None)
    assert (found.errors, found.missing) == ({}, None)
    unset = give(make_standing(fills={}), structs.replace(WEB, compose={"services": {}}))
    assert unset.filled == {"SITE": None}


def test_a_new_device_gets_what_lacks_nothing() -> None:
    found = give(make_standing(fills={}))
    assert found.wanted is None
    assert found.errors == {
        "web": {"code": "missing_variable", "message": "SITE is not set"},
        "proxy": {"code": "missing_variable", "message": "it depends on web"},
    }
    assert found.missing == "SITE is not set"


def test_one_that_has_another_revision_keeps_it() -> None:
    standing = make_standing(revision="r0", filled={"SITE": "old"}, fills={})
    found = give(standing)
    assert (found.revision, found.filled, found.wanted) == ("r0", {"SITE": "old"}, "r1")
    again = give(make_standing(revision="r1", filled={"SITE": "old"}, fills={}))
    assert (again.revision, again.filled, again.wanted) == ("r1", {"SITE": "old"}, "r1")
    cut = give(make_standing(revision="r1", filled={"SITE": None}, fills={}))
    assert (cut.revision, cut.filled, cut.wanted) == ("r1", {"SITE": None}, None)
    bare = give(make_standing(revision="r0", fills={}))
    assert bare.filled == {"SITE": None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"applications": MOST_APPLICATIONS}, "too_many"),
        ({"services": MOST_SERVICES - 2}, "too_many"),
        ({"data_bytes": MOST_DATA - 9}, "too_large"),
    ],
)
def test_bounds_of_a_device(changes: dict[str, int], code: str) -> None:
    found = assigned(make_standing(**changes), WEB, by_hand=True, pinned=False)
    assert isinstance(found, NotGiven)
    assert found.code == code
    fewer = {name: value - 1 for name, value in changes.items()}
    assert isinstance(assigned(make_standing(**fewer), WEB, by_hand=True, pinned=False), Assigned)


def test_what_is_left_out_is_not_in_the_document() -> None:
    assert missing(WEB.compose, {"SITE": "x"}) == {}
    found = filled_in(WEB.compose, {"SITE": "x", "NONE": None}, ["db"])
    assert found["services"].keys() == {"web", "proxy"}
    assert found["services"]["web"]["command"] == ["x"]


# The document


def make_assignment(**changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "org": ORG, "device_id": DEVICE, "application": "app", "revision": "r1",
        "filled": {"SITE": "x"}, "wanted": None, "errors": {}, "by_hand": True, "pinned": False,
        "orphaned": False, "assigned_at": NOW, "stopped": ("db", "other"),
    }  # fmt: skip
    return Assignment(**{**fields, **changes})


def make_section(*assignments: Assignment, gone: tuple[str, ...] = (), **more: Any) -> Section:
    revisions = {("app", "r1"): structs.replace(WEB, **more)}
    newer = structs.replace(WEB, versions=Versions({"conf": 4}, {"key": 1}))
    return section("v", assignments, {**revisions, ("more", "r1"): newer}, gone)


LOGIN = RegistryLogin(
    url="https://reg.example", host="reg.example", username="u", password="p", ca=None
)


def test_a_document_names_what_its_services_name() -> None:
    of = make_section(make_assignment(), make_assignment(application="more"))
    assert (of.config_maps, of.secrets, of.hosts) == ({"conf": 4}, {"key": 2}, ["reg.example"])
    data = Data(
        config_maps={("conf", 4): {"a": "é"}}, secrets={}, registries={"reg.example": LOGIN}
    )
    found = document(of, data)
    assert [each["name"] for each in found["applications"]] == ["app", "more"]
    assert found["applications"][0]["stopped"] == ["db"]
    assert "signature" not in found["applications"][0]
    value = base64.b64encode("é".encode()).decode()
    assert found["configMaps"] == {"conf": {"version": 4, "data": {"a": value}}}
    assert found["secrets"] == {"key": {"version": 2, "data": {}}}
    login = {"url": "https://reg.example", "username": "u", "password": "p", "ca": None}
    assert found["registries"] == [login]
    bare = {
        **found,
        "configMaps": {"conf": {"version": 4}},
        "secrets": {"key": {"version": 2}},
    }
    assert section_hash(of, data.registries) == hash_of(bare)
    for shown in (repr(data), repr(LOGIN)):
        assert "é" not in shown
        assert "'p'" not in shown


def test_signatures_volumes_and_what_is_left_out() -> None:
    of = make_section(
        make_assignment(filled={"SITE": None}), gone=("b", "a"), signature={"kind": "k"}
    )
    assert of.applications[0]["signature"] == {"kind": "k"}
    assert of.applications[0]["compose"]["services"].keys() == {"db"}
    assert (of.config_maps, of.remove_volumes) == ({}, ["a", "b"])
    empty = Data(config_maps={}, secrets={}, registries={})
    assert document(of, empty)["removeVolumes"] == ["a", "b"]
    assert document(of, empty)["registries"] == []
    still = make_section(make_assignment(filled={"SITE": None}, wanted="r2", errors={"web": {}}))
    assert still.applications[0]["compose"]["services"].keys() == {"db"}
    assert make_section(make_assignment(revision="deleted")).applications == []
    kept = make_section(make_assignment(wanted="r2", errors={"web": {}}))
    assert kept.applications[0]["compose"]["services"].keys() == {"web", "proxy", "db"}
    assert "removeVolumes" not in document(kept, empty)


# What is shown


def make_report(*services: dict[str, Any], application: str = "app") -> Report:
    return Report(
        device_id=DEVICE, application=application, version="v", services=list(services), hash="",
        usage={"web": {"cpuPercent": 2.5, "memoryBytes": 7}}, observed_at=NOW,
    )  # fmt: skip


def show(*reports: Report, has_engine: bool | None = True, **changes: Any) -> dict[str, Any]:
    wanted = WantedApplication(assignment=make_assignment(**changes), revision=WEB, wanted=None)
    said = {each.application: each for each in reports}
    found = items(DEVICE, [wanted], said, {"SITE": "x"}, has_engine=has_engine)
    return {item.service: item for item in found}


def test_before_a_report_nothing_is_known() -> None:
    found = show()
    assert [*found] == ["db", "proxy", "web"]
    assert (found["db"].desired, found["web"].desired) == ("stopped", "running")
    assert (found["web"].state, found["web"].observed_at) == (None, None)
    assert not found["web"].stale


def test_what_a_device_said_stands_beside_what_it_shall() -> None:
    said = {"service": "web", "revision": "r0", "state": "running", "containerId": "c"}
    old = {"service": "old", "revision": "r0", "state": "removing"}
    found = show(make_report(said), make_report(old, application="gone"))
    web = found["web"]
    assert (web.revision, web.observed_revision, web.state) == ("r1", "r0", "running")
    assert (web.cpu_percent, web.memory_bytes, web.container_id) == (2.5, 7, "c")
    assert (found["old"].application, found["old"].revision) == ("gone", None)
    assert (found["old"].desired, found["old"].state) == (None, "removing")


def test_errors_of_the_hub_go_before_what_the_device_says() -> None:
    said = {"service": "web", "revision": "r1", "state": "running"}
    error = {"code": "missing_variable", "message": "m"}
    web = show(make_report(said), errors={"web": error})["web"]
    assert (web.state, web.code, web.message) == ("error", "missing_variable", "m")
    assert show(has_engine=False)["db"].code == "unsupported"
    assert show(has_engine=None)["db"].code is None


def test_stale_is_what_would_be_filled_in_otherwise_now() -> None:
    found = show(filled={"SITE": "old"})
    assert (found["web"].stale, found["db"].stale) == (True, False)
    assert not show(filled={})["web"].stale
