"""Lines and leases over a real Postgres: newest wins, and dead replicas are buried."""

import asyncio

from hub.base.database import Database
from hub.lines.store import LineRef, LineStore, Opening
from protocol.closing import CloseCode
from protocol.dashboard import StatusEvent
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, DeviceId, Generation, ReplicaId
from tests.integration.hub.hubs import Hub, add_devices, running_hub, two_hubs, until

D1 = DeviceId("d1")


async def connected(database: Database) -> set[str]:
    rows = await database.fetch("SELECT device_id FROM device_line WHERE closed_at IS NULL")
    return {row["device_id"] for row in rows}


async def test_g6_each_registration_is_a_newer_generation(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        openings = [Opening(DEFAULT_ORG, D1, f"s{number}") for number in range(20)]
        found = await asyncio.gather(
            *(hub.lines.register(opening) for hub in (one, two) for opening in openings)
        )
        assert sorted(g for g in found if g is not None) == list(range(1, 41))


async def test_a_device_that_is_unknown_disabled_or_deleted_gets_no_line(
    database: Database,
) -> None:
    await add_devices(database, 3)
    await database.execute("UPDATE device SET disabled = true WHERE device_id = 'd1'")
    await database.execute("UPDATE device SET deleted_at = now() WHERE device_id = 'd2'")
    async with running_hub(database) as hub:
        found = await asyncio.gather(
            *(hub.lines.register(Opening(DEFAULT_ORG, DeviceId(name), "s"))
              for name in ("d1", "d2", "d3", "nobody"))
        )  # fmt: skip
        assert found == [None, None, 1, None]


async def test_the_end_of_an_older_line_does_not_end_the_newer(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        new = await two.line(D1)
        one.lines.closed(old.session, 1006)
        await one.lines.flush()
        assert await connected(database) == {"d1"}
        two.lines.closed(new.session, 1000)
        await two.lines.flush()
        assert await connected(database) == set()
        told = [e for e in two.told.events if isinstance(e, StatusEvent)]
        assert [(event.connected, event.generation) for event in told] == [(True, 2), (False, 2)]
        assert not [e for e in one.told.events if getattr(e, "connected", None) is False]


async def test_what_hello_says_is_noted_for_the_newest_line_only(database: Database) -> None:
    await add_devices(database, 2)
    store = LineStore(database, database)
    for device_id in (D1, DeviceId("d2")):
        await store.register(ReplicaId("r"), [Opening(DEFAULT_ORG, device_id, "s")])
    current = Generation(1)
    await store.hello([
        (LineRef(DEFAULT_ORG, D1, current),
         Hello(boot_id="b", journal_id="j", commands=["a", "b"], agent_version="7")),
        (LineRef(DEFAULT_ORG, DeviceId("d2"), current), Hello(boot_id="b")),
        (LineRef(DEFAULT_ORG, D1, Generation(9)), Hello(boot_id="b", commands=["c"])),
    ])  # fmt: skip
    rows = await database.fetch(
        "SELECT journal_id, commands, version FROM device_line JOIN device USING "
        "(org_id, device_id) ORDER BY device_id"
    )
    assert [tuple(row) for row in rows] == [("j", ["a", "b"], "7"), (None, None, None)]


async def test_lines_that_open_say_hello_and_close_in_a_crowd_leave_the_truth(
    database: Database,
) -> None:
    """Three kinds of statements over the same rows, by two replicas."""
    devices = await add_devices(database, 60)
    async with running_hub(database, "r-1") as one, running_hub(database, "r-2") as two:

        async def come_and_go(hub: Hub, device_id: DeviceId) -> None:
            for _ in range(5):
                line = await hub.line(device_id)
                hub.lines.said_hello(line.session, Hello(boot_id="b", commands=["force_sync"]))
                hub.lines.closed(line.session, 1000)
                hub.commands.closed(line.session)

        await asyncio.gather(
            *(come_and_go(hub, device_id)
              for hub, order in ((one, devices), (two, devices[::-1])) for device_id in order)
        )  # fmt: skip
        for hub in (one, two):
            await hub.lines.flush()

        async def all_gone() -> bool:
            return await connected(database) == set()

        await until(all_gone)
        lowest = await database.fetchval("SELECT min(generation) FROM device_line")
        assert lowest == 10


async def lease_over(database: Database, hub: Hub) -> None:
    await database.execute(
        "UPDATE replica SET lease_until = now() - interval '1 s' WHERE replica_id = $1",
        hub.replica_id,
    )


async def test_g7_a_dead_replica_is_buried_once_and_the_gap_told(database: Database) -> None:
    async with two_hubs(database) as (dead, alive):
        await dead.line(D1)
        await lease_over(database, dead)
        await alive.look()
        await alive.look()
        assert await connected(database) == set()
        assert alive.told.holes == ["r-1"]
        (told,) = [e for e in alive.told.events if isinstance(e, StatusEvent)]
        assert (told.device_id, told.connected, told.status) == ("d1", False, "OFFLINE")


async def test_g7_a_replica_that_was_declared_dead_lives_again_and_sends_its_lines_away(
    database: Database,
) -> None:
    async with two_hubs(database) as (stalled, other):
        line = await stalled.line(D1)
        await lease_over(database, stalled)
        await other.look()
        stalled.seconds += 20
        await stalled.look()
        rows = await database.fetch(
            "SELECT replica_id FROM replica WHERE ended_at IS NULL AND lease_until > now()"
        )
        assert {row["replica_id"] for row in rows} == {"r-1", "r-2"}
        assert line.closed == [CloseCode.TRY_LATER]


async def test_g7_after_a_stall_of_everybody_nobody_is_declared_dead(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        for hub in (one, two):
            await lease_over(database, hub)
            hub.seconds += 20
        await one.look()  # renews, and is patient
        one.seconds += 1
        await one.look()
        assert one.told.holes == []
        for _ in range(3):
            one.seconds += 3
            await one.look()
        assert one.told.holes == []
        one.seconds += 1
        await one.look()
        assert one.told.holes == ["r-2"]


async def test_a_goodbye_ends_lines_without_a_gap(database: Database) -> None:
    async with two_hubs(database) as (leaving, other):
        await leaving.line(D1)
        await leaving.lines.goodbye()
        await other.look()
        assert await connected(database) == set()
        assert other.told.holes == []
