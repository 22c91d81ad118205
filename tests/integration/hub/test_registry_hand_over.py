"""Registries handed over to devices over a real Postgres, also when the replica dies meanwhile."""

import pytest

from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.database import Connection, Database
from hub.base.principal import Principal
from hub.base.vault import Vault
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.data import WorkloadDataService, new_registry
from hub.workloads.data_store import WorkloadDataStore
from protocol.ids import DEFAULT_ORG, DeviceId, DeviceKey, OrgId
from tests.integration.hub.hubs import add_devices
from tests.integration.hub.test_giving import D1, give, make

BY = Principal(org=DEFAULT_ORG, kind="hub", subject="", actor="u")
OLD = new_registry("https://old.example", None, None, None)
NEW = new_registry("https://new.example", None, None, None)


class Killed(Exception):
    pass


class DyingStore(AssignmentStore):
    """Of a replica that dies before it has handed over to anybody."""

    async def of_registry(
        self, connection: Connection, org: OrgId, host: str, *, behind: str | None
    ) -> list[DeviceId]:
        raise Killed


def service(
    database: Database, store: type[AssignmentStore], told: list[DeviceKey]
) -> WorkloadDataService:
    audit = AuditService(AuditStore(database))
    data = WorkloadDataStore(database, Vault())
    return WorkloadDataService(data, store(database), audit, told.append)


async def test_what_a_dead_replica_left_is_handed_over_by_another(database: Database) -> None:
    await add_devices(database, 1)
    told: list[DeviceKey] = []
    ours = service(database, AssignmentStore, told)
    dying = service(database, DyingStore, told)
    await ours.create_registry(BY, "mine", OLD)
    (row,) = await make(database, "app", "r1", hosts=["old.example"])
    await give(database, row, D1)
    for new in (OLD, NEW):
        with pytest.raises(Killed):
            await dying.replace_registry(BY, "mine", new)
        assert told == []
        await ours.hand_over()
        assert told == [(DEFAULT_ORG, D1)]
        told.clear()
    await ours.hand_over()
    assert (await ours.registry(DEFAULT_ORG, "mine")).hand_over == []


async def test_a_deleted_registry_is_first_handed_over(database: Database) -> None:
    await add_devices(database, 1)
    told: list[DeviceKey] = []
    ours = service(database, AssignmentStore, told)
    await ours.create_registry(BY, "mine", OLD)
    (row,) = await make(database, "app", "r1", hosts=["old.example"])
    await give(database, row, D1)
    with pytest.raises(Killed):
        await service(database, DyingStore, told).replace_registry(BY, "mine", NEW)
    await ours.delete_registry(BY, "mine")
    assert told == [(DEFAULT_ORG, D1)]


async def test_a_registry_that_changed_meanwhile_stays_to_be_handed_over(
    database: Database,
) -> None:
    told: list[DeviceKey] = []
    ours = service(database, AssignmentStore, told)
    before = await ours.create_registry(BY, "mine", OLD)
    with pytest.raises(Killed):
        await service(database, DyingStore, told).replace_registry(BY, "mine", NEW)
    await WorkloadDataStore(database, Vault()).handed_over(before)
    assert (await ours.registry(DEFAULT_ORG, "mine")).hand_over == ["old.example", "new.example"]
