"""Services of applications, as they are shown."""

from datetime import UTC, datetime

from hub.workloads.records import ApplicationRefusal, RevisionRow, Versions
from hub.workloads.showing import refused_items
from protocol.ids import DeviceId, OrgId


def test_an_application_that_a_device_does_not_get_shows_why_for_each_service() -> None:
    revision = RevisionRow(
        org=OrgId("plant"),
        application="shop",
        number=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_by="ann",
        revision="r1",
        sha256="",
        pinned=True,
        compose={"services": {"db": {}, "web": {}}},
        versions=Versions({}, {}),
        data_bytes=0,
        hosts=[],
        variables=[],
        asks_for=[],
    )
    refusal = ApplicationRefusal(
        device_id=DeviceId("d1"),
        application="shop",
        revision="r1",
        code="too_many",
        message="it has 100 applications",
    )
    shown = refused_items(refusal, revision)
    assert [(each.service, each.revision, each.state, each.code) for each in shown] == [
        ("db", "r1", "error", "too_many"),
        ("web", "r1", "error", "too_many"),
    ]
    assert {each.message for each in shown} == {"it has 100 applications"}
