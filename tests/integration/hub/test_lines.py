"""Lines and leases over a real Postgres: newest wins, and dead replicas are buried."""

import asyncio

from hub.base.database import Database
from hub.devices.store import DeviceStore
from hub.lines.store import LineRef, LineStore, Opening
from hub.replicas.lease import LEASE_SECONDS, RENEW_SECONDS
from hub.replicas.store import HealthStore
from protocol.closing import CloseCode
from protocol.dashboard import AlertEvent, StatusEvent
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, DeviceId, Generation, ReplicaId
from tests.integration.hub.hubs import Hub, add_devices, outlive, running_hub, two_hubs, until

D1 = DeviceId("d1")


async def connected(database: Database) -> set[str]:
    """As `GET /devices/connected` tells it."""
    return {
        row.device_id
        for row in await DeviceStore(database).connected(DEFAULT_ORG, before=None, limit=500)
    }


async def test_g6_each_registration_is_a_newer_generation(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        openings = [Opening(DEFAULT_ORG, D1, f"s{number}") for number in range(20)]
        found = await asyncio.gather(
            *(hub.lines.register(opening) for hub in (one, two) for opening in openings)
        )
        assert sorted(r.generation for r in found if r is not None) == list(range(1, 41))


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
        assert [r and r.generation for r in found] == [None, None, 1, None]


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
    store = LineStore(database)
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


async def test_g6_a_line_taken_over_elsewhere_is_closed_by_a_hint_or_by_a_note(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        new = await two.line(D1)
        newer = LineRef(DEFAULT_ORG, D1, Generation(2))
        assert (one.hints.taken_from, two.hints.taken_from) == ([], [("r-1", newer)])
        await two.membership.look()
        assert (old.closed, new.closed) == ([], [])
        await one.membership.look()  # no hint came
        assert (old.closed, new.closed) == ([CloseCode.SUPERSEDED], [])
        one.lines.superseded(newer)  # a hint that comes late
        assert await database.fetchval("SELECT count(*) FROM line_takeover") == 0


async def test_g6_a_line_that_follows_a_closed_one_takes_nothing_over(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        one.lines.closed(old.session, 1000)
        await one.lines.flush()
        await two.line(D1)
        await two.line(D1)
        assert two.hints.taken_from == []
        assert await database.fetchval("SELECT count(*) FROM line_takeover") == 0


async def test_g6_of_two_first_lines_at_once_on_two_replicas_one_is_told(
    database: Database,
) -> None:
    devices = await add_devices(database, 50)
    async with running_hub(database, "r-1") as one, running_hub(database, "r-2") as two:
        await asyncio.gather(*(hub.line(device) for device in devices for hub in (one, two)))
        taken = one.hints.taken_from + two.hints.taken_from
        assert sorted(newer.device_id for _, newer in taken) == sorted(devices)


async def test_g7_a_dead_replica_is_buried_once_and_the_gap_told(database: Database) -> None:
    async with two_hubs(database) as (dead, alive):
        await dead.line(D1)
        await outlive(alive, looks=5)
        assert await connected(database) == set()
        assert [source.split(":")[0] for source in alive.told.gaps] == ["r-1"]
        (told,) = [e for e in alive.told.events if isinstance(e, StatusEvent)]
        assert (told.device_id, told.connected, told.status) == ("d1", False, "OFFLINE")


async def test_g9_a_gap_that_could_not_be_told_is_told_later_by_anybody(
    database: Database,
) -> None:
    async with two_hubs(database) as (_, finder), running_hub(database, "r-3") as other:
        finder.told.bus_is_there = other.told.bus_is_there = False
        await outlive(finder, other)
        assert finder.told.gaps == []
        other.told.bus_is_there = True
        await other.membership.look()  # the finder may have died by now
        finder.told.bus_is_there = True
        await finder.membership.look()
        assert (len(other.told.gaps), finder.told.gaps) == (1, [])


async def test_g9_each_death_of_a_replica_is_a_gap_of_its_own(database: Database) -> None:
    async with two_hubs(database) as (flapping, alive):
        for _ in range(2):
            await outlive(alive)
            flapping.seconds += 20
            await flapping.membership.look()
        assert len(set(alive.told.gaps)) == 2


async def test_g7_a_replica_that_was_declared_dead_lives_again_with_its_newest_lines(
    database: Database,
) -> None:
    await add_devices(database, 3)
    async with running_hub(database, "r-1") as stalled, running_hub(database, "r-2") as other:
        kept = await stalled.line(D1)
        lost = await stalled.line(DeviceId("d2"))
        await outlive(other)
        await other.line(DeviceId("d2"))
        assert await connected(database) == {"d2"}
        stalled.told.events.clear()
        stalled.seconds += 20
        await stalled.membership.look()
        rows = await database.fetch("SELECT replica_id FROM replica WHERE ended_at IS NULL")
        assert {row["replica_id"] for row in rows} == {"r-1", "r-2"}
        assert (kept.closed, lost.closed) == ([], [CloseCode.SUPERSEDED])
        assert await connected(database) == {"d1", "d2"}
        (told,) = [e for e in stalled.told.events if isinstance(e, StatusEvent)]
        assert (told.device_id, told.connected, told.generation) == ("d1", True, 1)


async def test_g7_after_a_stall_that_nobody_noticed_lines_stay(database: Database) -> None:
    async with two_hubs(database) as (stalled, other):
        line = await stalled.line(D1)
        stalled.seconds += 60
        await stalled.membership.look()
        assert line.closed == []
        assert other.told.gaps == []


async def test_g7_after_a_stall_of_everybody_nobody_is_declared_dead(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        await one.line(D1)
        for hub in (one, two):
            hub.seconds += 20
        assert await connected(database) == {"d1"}  # nobody has renewed yet
        await one.membership.look()  # renews, and is patient
        await outlive(one, looks=2)
        assert one.told.gaps == []
        await outlive(one, looks=1)
        assert [source.split(":")[0] for source in one.told.gaps] == ["r-2"]


async def test_a_goodbye_ends_lines_without_a_gap(database: Database) -> None:
    async with two_hubs(database) as (leaving, other):
        await leaving.line(D1)
        await leaving.membership.end_lines()
        await leaving.membership.goodbye(complete=True)
        await other.membership.look()
        assert await connected(database) == set()
        assert other.told.gaps == []


async def test_g9_a_goodbye_that_left_something_unsaid_is_a_gap(database: Database) -> None:
    async with two_hubs(database) as (leaving, other):
        await leaving.membership.goodbye(complete=False)
        await other.membership.look()
        assert len(other.told.gaps) == 1


async def test_a_goodbye_ends_the_lines_that_the_drain_could_not(database: Database) -> None:
    async with two_hubs(database) as (leaving, other):
        await leaving.line(D1)
        await leaving.membership.goodbye(complete=True)
        assert await connected(database) == set()
        await other.membership.look()
        assert len(other.told.gaps) == 1


async def test_g15_notes_for_replicas_that_are_gone_are_forgotten(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        await one.line(D1)
        await two.line(D1)
        await database.execute(
            "UPDATE replica SET ended_at = now() - interval '2 hours' WHERE replica_id = 'r-1'"
        )
        await two.membership.clean_up()
        assert await database.fetchval("SELECT count(*) FROM line_takeover") == 0


async def test_each_replica_tells_of_itself_when_it_renews_its_lease(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        await one.line(D1)
        one.seconds += RENEW_SECONDS
        await one.membership.look()
        store = HealthStore(database)
        rows = {row.replica_id: row for row in await store.replicas(LEASE_SECONDS)}
        assert rows.keys() == {"r-1", "r-2"}
        told = rows[one.replica_id].told
        assert told is not None
        assert told.figures.lines == 1
        assert rows[one.replica_id].version == "1.0"
        assert rows[one.replica_id].last_seen >= rows[one.replica_id].started_at
        counts = await store.counts(DEFAULT_ORG)
        assert (counts.devices, counts.connected, counts.unfinished) == (1, 1, 0)
        await two.membership.goodbye(complete=True)
        assert [row.replica_id for row in await store.replicas(LEASE_SECONDS)] == ["r-1"]


async def test_what_another_version_tells_is_passed_over(database: Database) -> None:
    async with running_hub(database):
        await database.execute("UPDATE replica SET figures = $1", {"all": "well"})
        (row,) = await HealthStore(database).replicas(LEASE_SECONDS)
        assert row.told is None


async def test_g18_a_lease_in_the_far_future_keeps_no_dead_replica_alive(
    database: Database,
) -> None:
    """The clock of the database was ahead when it was written, and has been set back since."""
    async with two_hubs(database) as (dead, alive):
        await dead.line(D1)
        await database.execute(
            "UPDATE replica SET lease_until = now() + interval '10 years' WHERE replica_id = 'r-1'"
        )
        await outlive(alive)
        assert await connected(database) == set()


async def test_g18_a_step_of_the_databases_clock_declares_nobody_dead(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        await one.line(D1)
        for by in ("- interval '10 years'", "+ interval '10 years'"):
            await database.execute(f"UPDATE replica SET lease_until = now() {by}")  # noqa: S608
            await outlive(one, two)
        assert await connected(database) == {"d1"}
        assert one.told.gaps + two.told.gaps == []


async def test_g18_who_starts_alone_declares_everybody_else_dead(database: Database) -> None:
    async with two_hubs(database) as (dead, alive):
        await dead.line(D1)
        await alive.line(DeviceId("d1"))
        await dead.line(D1)
        starting = Hub(database, "r-9")
        await starting.membership.start(alone=True)
        assert await connected(database) == set()
        rows = await database.fetch("SELECT replica_id FROM replica WHERE ended_at IS NULL")
        assert [row["replica_id"] for row in rows] == ["r-9"]


async def test_g6_after_a_stall_the_lines_that_were_superseded_are_closed_first(
    database: Database,
) -> None:
    """Whether or not somebody has declared the replica dead, and although the note is gone."""
    await add_devices(database, 2)
    async with running_hub(database, "r-1") as stalled, running_hub(database, "r-2") as other:
        kept, lost = await stalled.line(D1), await stalled.line(DeviceId("d2"))
        await other.line(DeviceId("d2"))
        await database.execute("DELETE FROM line_takeover")
        stalled.seconds += 20
        assert stalled.lines.stalled()
        went_on = asyncio.Event()
        stalled.lines.hold(went_on.set)
        await stalled.membership.look()
        assert (kept.closed, lost.closed) == ([], [CloseCode.SUPERSEDED])
        assert not stalled.lines.stalled()
        await asyncio.wait_for(went_on.wait(), 1)


async def test_g6_the_end_of_a_superseded_line_does_not_say_when_its_device_was_seen(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        await two.line(D1)
        await database.execute("UPDATE device_state SET last_seen = '2026-01-01 00:00+00'")
        one.lines.closed(old.session, 4409)
        await one.lines.flush()
        assert await database.fetchval("SELECT last_seen < '2026-02-01' FROM device_state")


def alerts(*hubs: Hub) -> list[str]:
    return [e.code for hub in hubs for e in hub.told.events if isinstance(e, AlertEvent)]


async def test_two_boxes_with_one_identity_raise_an_alert_at_the_third_take_over(
    database: Database,
) -> None:
    """They take turns, on one replica or on two."""
    async with two_hubs(database) as (one, two):
        for hub in (one, two, two):
            await hub.line(D1)
        assert alerts(one, two) == []
        await one.line(D1)
        assert (alerts(one), alerts(two)) == (["device_cloned"], [])
        await two.line(D1)
        assert alerts(one, two) == ["device_cloned"]


async def test_take_overs_that_are_far_apart_or_of_closed_lines_raise_nothing(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        for _ in range(5):
            await one.line(D1)
            await database.execute(
                "UPDATE device_line SET taken_over_at = taken_over_at - interval '11 minutes'"
            )
        for _ in range(5):
            line = await two.line(D1)
            two.lines.closed(line.session, 1000)
            await two.lines.flush()
        assert alerts(one, two) == []
