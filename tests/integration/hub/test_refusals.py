"""What a target does not give to devices, and why, over a real Postgres."""

from typing import cast

from hub.approvals.service import ApprovalService
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Connection, Database
from hub.queries.service import QueryService
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.assignments import AssignmentService
from hub.workloads.giving import Giving
from hub.workloads.store import ApplicationStore
from hub.workloads.sweeping import TargetSweep
from hub.workloads.targets import Targets
from protocol.ids import DEFAULT_ORG, DeviceId, DeviceKey, OrgId
from tests.integration.hub.hubs import add_devices
from tests.integration.hub.test_giving import D1, give, make

LARGE = 2 * 1024 * 1024
REFUSED = "SELECT refused FROM device_workloads WHERE device_id = 'd1'"


class Named(Targets):
    """Whom the targets mean."""

    def __init__(self, store: AssignmentStore) -> None:
        super().__init__(store, cast("QueryService", None))
        self.ids = [D1]

    async def matching(self, connection: Connection, org: OrgId, target: str) -> list[DeviceId]:
        return self.ids


async def test_a_refusal_is_shown_and_tried_again_later(database: Database) -> None:
    await add_devices(database, 1)
    store, applications, told = AssignmentStore(database), ApplicationStore(database), []
    tell = cast("list[DeviceKey]", told).append
    audit, giving, targets = AuditService(AuditStore(database)), Giving(store), Named(store)
    sweep = TargetSweep(
        store, applications, giving, targets, cast("ApprovalService", None), audit, tell
    )
    shows = AssignmentService(store, applications, giving, audit, tell)
    await make(database, "big", "r1", data_bytes=LARGE)
    (small,) = await make(database, "small", "r1")
    await database.execute("UPDATE application SET target = 'x', current = 'r1' WHERE name = 'big'")

    async def refused() -> object:
        await sweep.look()
        return await database.fetchval(REFUSED)

    first = await refused()
    assert first
    (item,) = await shows.of_device(DEFAULT_ORG, D1)
    assert (item.application, item.service, item.state) == ("big", "web", "error")
    assert item.code == "too_large"
    assert await shows.of_application(DEFAULT_ORG, "big", since=None, limit=9) == [item]
    assert await refused() == first
    await database.execute("UPDATE application SET version = version + 1 WHERE name = 'big'")
    second = await refused()
    assert second != first
    await give(database, small, D1)
    assert await database.fetchval(REFUSED) == {}
    assert await refused() not in ({}, second)
    targets.ids = []
    assert await refused() == {}
    assert [each.application for each in await shows.of_device(DEFAULT_ORG, D1)] == ["small"]
