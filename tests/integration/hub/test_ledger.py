"""Acceptance, sending, replies and the sweep over a real Postgres, also by two replicas at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

import sql
from hub.base.database import DEADLINE, Connection, Database
from hub.base.errors import Conflict, Forbidden, HubError, TooManyCommands, Unavailable
from hub.commands.decisions import Claim, CommandTarget
from hub.commands.records import CommandRow, RepliedCommand
from hub.commands.service import CommandRequest
from hub.commands.store import Unsent as UnsentCommand
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, CommandId, CommandKey, DeviceId, DeviceKey
from protocol.lifecycle import State
from protocol.replies import Ack, Progress, Reply, Result
from tests.factories import make_principal
from tests.integration.hub.hubs import (
    ADMIN,
    Hub,
    Line,
    add_devices,
    add_member,
    as_command_id,
    make_request,
    running_hub,
    two_hubs,
    until,
)

D1 = DeviceId("d1")
Unsent = tuple[dict[DeviceKey, int], dict[DeviceKey, list[UnsentCommand]]]


async def statuses(database: Database) -> dict[str, str]:
    rows = await database.fetch("SELECT command_id, status::text FROM command")
    return {row["command_id"]: row["status"] for row in rows}


async def until_status(
    hub: Hub, command_id: str, status: State, device_id: DeviceId = D1
) -> CommandRow:
    async def reached() -> bool:
        found = await hub.commands.get(DEFAULT_ORG, device_id, as_command_id(command_id))
        return found.status is status

    await until(reached)
    return await hub.commands.get(DEFAULT_ORG, device_id, as_command_id(command_id))


def result(command_id: str, **fields: object) -> Result:
    return Result(command_id=CommandId(command_id), **{"success": True, **fields})  # pyright: ignore[reportArgumentType]


def progress(command_id: str, percent: int) -> Progress:
    return Progress(command_id=CommandId(command_id), percent=percent)


class LosesAnswers(Database):
    """When `losing`, commits new commands, and then does not hear of it."""

    losing = False

    @asynccontextmanager
    async def connection(
        self, *, deadline: float = DEADLINE, query: str = ""
    ) -> AsyncGenerator[Connection]:
        async with super().connection(deadline=deadline, query=query) as connection:
            before = await connection.fetchval("SELECT count(*) FROM command")
            yield connection
            after = await connection.fetchval("SELECT count(*) FROM command")
        if self.losing and after > before:
            raise Unavailable("the answer was lost")


class HoldsJournals(Database):
    """Notes the journals of lines only when it is let."""

    let: asyncio.Event

    async def execute(self, query: str, *values: object) -> None:
        if query == sql.queries("commands")["note_journal"]:
            await self.let.wait()
        await super().execute(query, *values)


class HearsMeanwhile(Database):
    """Calls `hears` once, when the first command is sent and nobody has been told of it."""

    hears: Callable[[], None] | None = None

    @asynccontextmanager
    async def connection(
        self, *, deadline: float = DEADLINE, query: str = ""
    ) -> AsyncGenerator[Connection]:
        async with super().connection(deadline=deadline, query=query) as connection:
            yield connection
            sent = await connection.fetchval(
                "SELECT count(*) FROM command WHERE sent_at IS NOT NULL"
            )
        hears, self.hears = (self.hears, None) if sent else (None, self.hears)
        if hears is not None:
            hears()


def say_hello(hub: Hub, line: Line, journal_id: str) -> None:
    line.session.journal_id = journal_id
    hub.commands.said_hello(line.session, Hello(boot_id="b", journal_id=journal_id))
    hub.commands.settled(line.session)


async def reply(hub: Hub, line: Line, *replies: Reply) -> None:
    """Hand replies in, and wait until they are committed."""
    for each in replies:
        hub.commands.replied(line.session, each)
    await hub.commands.flush()


# Acceptance


async def test_g2_two_replicas_that_take_the_same_id_at_once_make_one_command(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        for number in range(20):
            request = make_request(params={"id": f"c{number}"}, delivery="queue")
            found = await asyncio.gather(
                *(hub.commands.dispatch(ADMIN, D1, request) for hub in (one, two) for _ in range(3))
            )
            assert {command.seq for command in found} == {number + 1}
        assert len(await statuses(database)) == 20


async def test_g2_two_replicas_that_take_the_same_key_at_once_make_one_command(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        for number in range(20):
            request = make_request(delivery="queue", key=f"k{number}", path="/p")
            other = make_request("enable_device", delivery="queue", key=f"k{number}", path="/p")
            found = await asyncio.gather(
                one.commands.dispatch(ADMIN, D1, request),
                two.commands.dispatch(ADMIN, D1, request),
                two.commands.dispatch(ADMIN, D1, other),
                return_exceptions=True,
            )
            assert {type(outcome) for outcome in found} <= {CommandRow, Conflict}
            made = {o.command_id for o in found if isinstance(o, CommandRow)}
            assert len(made) == 1
        rows = await database.fetch("SELECT seq FROM command ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, 21))


async def test_g18_a_key_is_known_until_the_clean_up_forgets_it(
    database: Database, owner: Database
) -> None:
    """Not by the clock when it is read: that may be a day ahead."""
    await add_devices(database)
    async with running_hub(database) as hub:
        first = await hub.accept(D1, delivery="queue", key="k", path="/p")
        await owner.execute("UPDATE idempotency_key SET created_at = now() - interval '25 h'")
        await hub.commands.forget(1)
        assert await hub.accept(D1, delivery="queue", key="k", path="/p") == first
        with pytest.raises(Conflict):
            await hub.accept(D1, "enable_device", delivery="queue", key="k", path="/p")

        await hub.accept(D1, "clear_queue", delivery="queue", key="newer", path="/p")
        await hub.commands.forget(1)
        assert await hub.accept(D1, "enable_device", delivery="queue", key="k", path="/p") != first


async def test_the_fifty_are_kept_by_two_replicas_at_once(database: Database) -> None:
    async with two_hubs(database) as (one, two):
        outcomes = await asyncio.gather(
            *(
                hub.accept(D1, "clear_queue", delivery="queue")
                for hub in (one, two)
                for _ in range(60)
            ),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(refused) == 70
        assert {type(outcome) for outcome in refused} == {TooManyCommands}
        rows = await database.fetch("SELECT seq FROM command ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, 51))


async def test_g16_a_command_has_its_audit_row_and_a_refused_one_has_none(
    database: Database,
) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        command_id = await hub.accept(D1, delivery="queue")
        with pytest.raises(Conflict):
            await hub.accept(D1, "enable_device", params={"id": command_id}, delivery="queue")
        rows = await database.fetch("SELECT action, target, detail FROM audit_log")
        assert [tuple(row) for row in rows] == [
            ("command.force_sync", "d1", {"commandId": command_id})
        ]


@pytest.mark.parametrize("table", ["audit_log", "device_config_history"])
async def test_g16_without_its_audit_row_nothing_is_accepted(
    database: Database, owner: Database, table: str
) -> None:
    """Whatever fails in the transaction takes all of it back."""
    await add_devices(database)
    await owner.execute(f"ALTER TABLE {table} ADD CHECK (actor <> 'alice')")
    async with running_hub(database) as hub:
        with pytest.raises(Exception, match="violates check"):
            await hub.accept(D1, "push_config", params={"patch": {}}, delivery="queue")
        assert await statuses(database) == {}
        assert (await hub.config.get(DEFAULT_ORG, D1)).desired_version == 0
        found = await database.fetchval("SELECT command_seq FROM device WHERE device_id = 'd1'")
        assert found == 0


async def test_a_bulk_call_over_a_thousand_devices(database: Database) -> None:
    devices = await add_devices(database, 1000)
    async with running_hub(database) as hub:
        outcome = await hub.commands.bulk(ADMIN, devices, make_request(delivery="queue"))
        assert {entry.status for entry in outcome.results.values()} == {"PENDING"}
        assert len(outcome.results) == 1000
        rows = await database.fetch("SELECT target, detail FROM audit_log")
        assert {row["target"] for row in rows} == set(devices)
        assert {row["detail"]["batchId"] for row in rows} == {outcome.batch_id}


async def test_a_refused_bulk_call_has_a_row_for_each_target_and_no_second_one(
    database: Database,
) -> None:
    devices = [f"d{number}" for number in range(2000)]
    operator = make_principal("OPERATOR")
    async with running_hub(database) as hub:
        for _ in range(2):
            with pytest.raises(Forbidden):
                await hub.commands.bulk(operator, devices, make_request("reboot_os"))
        rows = await database.fetch("SELECT action, outcome, target, detail FROM audit_log")
        assert sorted(row["target"] for row in rows) == sorted(devices)
        assert {(row["action"], row["outcome"]) for row in rows} == {
            ("command.reboot_os", "refused")
        }  # fmt: skip


# Sending


async def test_g5_one_line_gets_everything_in_order_whoever_accepts(database: Database) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        await asyncio.gather(*(hub.accept(D1) for hub in (owner, other) for _ in range(20)))
        assert {replica for replica, _ in other.hints.sends} == {"r-1"}
        for _, place in other.hints.sends:
            owner.commands.look(place)
        written = [str(frame["id"]) for frame in await line.until(40)]
        rows = await database.fetch("SELECT command_id FROM command ORDER BY seq")
        assert written == [row["command_id"] for row in rows]


async def test_g3_two_lines_of_a_device_in_one_claim_are_written_a_command_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a freeze: the older line still wants to claim when the newer begins."""
    other = (await add_devices(database, 2))[1]
    async with running_hub(database) as hub:
        queued = await hub.accept(D1, delivery="queue")
        read, reads, goes_on = hub.store.unsent, asyncio.Event(), asyncio.Event()

        async def slowly(connection: Connection, claims: Sequence[Claim]) -> Unsent:
            found = await read(connection, claims)
            reads.set()
            await goes_on.wait()
            return found

        monkeypatch.setattr(hub.store, "unsent", slowly)  # the batch of this claim takes a while
        await hub.line(other)
        await reads.wait()
        old, new = await hub.line(D1), await hub.line(D1)
        goes_on.set()
        await new.until(1)
        later = await hub.accept(D1)
        assert [frame["id"] for frame in await new.until(2)] == [queued, later]
        assert old.of("force_sync") == []


async def test_g3_what_changes_between_reading_and_claiming_is_looked_at_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_hubs(database) as (hub, _):
        first, second, third = [
            await hub.accept(D1, delivery="queue", timeout_ms=20_000 + n) for n in range(3)
        ]
        read = hub.store.unsent

        async def slowly(connection: Connection, claims: Sequence[Claim]) -> Unsent:
            found = await read(connection, claims)
            await database.execute(
                "UPDATE command SET status = 'EXPIRED', finished_at = now() "
                "WHERE command_id = $1 AND finished_at IS NULL",
                second,
            )
            return found

        monkeypatch.setattr(hub.store, "unsent", slowly)
        line = await hub.line(D1)
        assert [frame["id"] for frame in await line.until(2)] == [first, third]
        assert (await statuses(database))[second] == "EXPIRED"
        fourth = await hub.accept(D1)
        assert [frame["id"] for frame in await line.until(3)] == [first, third, fourth]


async def test_g8_a_lost_hint_is_made_good_by_the_sweep(database: Database) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        command_id = await other.accept(D1)
        async with asyncio.timeout(2.5):
            (frame,) = await line.until(1)
        assert frame["id"] == command_id


async def test_g6_a_line_that_looks_between_reading_and_writing_gets_the_command(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        first = await one.accept(D1)
        await old.until(1)
        newer: list[Line] = []
        read = one.store.targets

        async def slowly(
            connection: Connection, places: Sequence[DeviceKey]
        ) -> dict[DeviceKey, CommandTarget]:
            found = await read(connection, places)
            if not newer:
                newer.append(await two.line(D1))
                await newer[0].until(1)  # the first, again
            return found

        monkeypatch.setattr(one.store, "targets", slowly)
        second = await one.accept(D1)
        assert one.hints.sends == [("r-2", (DEFAULT_ORG, D1))]
        assert [frame["id"] for frame in await newer[0].until(2)] == [first, second]
        assert [frame["id"] for frame in old.of("force_sync")] == [first]


async def test_g6_what_was_sent_on_an_older_line_after_the_newer_looked_is_found_by_the_sweep(
    database: Database,
) -> None:
    async with two_hubs(database) as (hub, _):
        line = await hub.line(D1)
        command_id = await hub.accept(D1)
        await line.until(1)
        await database.execute("UPDATE command SET sent_generation = 0")
        assert [frame["id"] for frame in await line.until(2)] == [command_id, command_id]


async def test_what_is_queued_for_a_device_without_a_line_is_hinted_to_nobody(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, _):
        await one.accept(D1, delivery="queue")
        assert one.hints.sends == []


async def test_g3_a_line_claims_when_the_journal_of_the_one_before_is_noted(
    database: Database,
) -> None:
    await add_devices(database)
    slow = HoldsJournals(database._pool)  # pyright: ignore[reportPrivateUsage]
    slow.let = asyncio.Event()
    async with running_hub(slow) as hub:
        command_id = await hub.accept(D1, "restart_service", delivery="queue")
        first = await hub.line(D1)
        await first.until(1, "restart_service")
        say_hello(hub, first, "j")
        second = await hub.line(D1)
        say_hello(hub, second, "j")
        asyncio.get_running_loop().call_later(0.3, slow.let.set)  # the fault: a slow database
        (again,) = await second.until(1, "restart_service")
        assert again["id"] == command_id


async def test_g3_the_journal_of_a_hello_while_the_claim_is_written_counts(
    database: Database,
) -> None:
    await add_devices(database)
    hearing = HearsMeanwhile(database._pool)  # pyright: ignore[reportPrivateUsage]
    async with running_hub(hearing) as hub:
        command_id = await hub.accept(D1, "restart_service", delivery="queue")
        first = await hub.line(D1)
        hearing.hears = lambda: say_hello(hub, first, "j")
        await first.until(1, "restart_service")
        second = await hub.line(D1)
        say_hello(hub, second, "j")
        (again,) = await second.until(1, "restart_service")
        assert again["id"] == command_id


async def test_a_command_that_may_be_committed_though_it_was_refused_is_sent(
    database: Database,
) -> None:
    await add_devices(database)
    forgetful = LosesAnswers(database._pool)  # pyright: ignore[reportPrivateUsage]
    async with running_hub(forgetful) as hub:
        line = await hub.line(D1)
        await hub.accept(D1)
        await line.until(1)
        forgetful.losing = True
        with pytest.raises(Unavailable):
            await hub.accept(D1)
        written = [frame["id"] for frame in await line.until(2)]
        assert set(written) == set(await statuses(database))


async def test_a_lease_that_ran_out_while_the_database_stood_still_fails_no_command(
    database: Database,
) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        await database.execute("UPDATE replica SET lease_until = now() - interval '60 s'")
        here, there = await owner.accept(D1), await other.accept(D1)
        written = [frame["id"] for frame in await line.until(2)]
        assert written == [here, there]


async def test_whoever_ends_a_command_hints_at_its_acceptor(database: Database) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        mine, foreign = await owner.accept(D1), await other.accept(D1)
        await line.until(2)
        await reply(owner, line, result(mine), result(foreign))
        assert owner.hints.ends == [("r-2", (DEFAULT_ORG, foreign))]


async def test_a_waiting_call_is_answered_when_its_command_ended_elsewhere(
    database: Database,
) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        request = make_request(wait=True)
        call = asyncio.create_task(other.commands.dispatch(ADMIN, D1, request))
        (frame,) = await line.until(1)
        command_id = as_command_id(str(frame["id"]))
        await reply(owner, line, result(command_id, output="done"))
        await other.commands.ended_elsewhere([(DEFAULT_ORG, command_id)])
        async with asyncio.timeout(1):
            assert (await call).output == "done"


# Cancelling


async def test_a_cancel_reaches_the_line_on_another_replica_by_hint_or_by_sweep(
    database: Database,
) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        hinted, lost = await owner.accept(D1), await owner.accept(D1)
        await line.until(2)
        for command_id in (hinted, lost):
            await other.commands.cancel(ADMIN, D1, as_command_id(command_id))
        names = [(DEFAULT_ORG, hinted), (DEFAULT_ORG, lost)]
        assert other.hints.cancels == [("r-1", name) for name in names]
        named = [as_command_id("forgotten"), as_command_id(hinted)]
        await owner.commands.cancel_here([(DEFAULT_ORG, command_id) for command_id in named])
        assert [f["commandId"] for f in await line.until(1, "cancel")] == [hinted]
        async with asyncio.timeout(2.5):
            cancels = await line.until(2, "cancel")
        assert [frame["commandId"] for frame in cancels] == [hinted, lost]


async def test_g6_a_superseded_line_is_sent_nothing_and_changes_nothing(
    database: Database,
) -> None:
    async with two_hubs(database) as (one, two):
        old = await one.line(D1)
        command_id = await one.accept(D1)
        await old.until(1)
        new = await two.line(D1)
        assert new.session.generation == 2
        await new.until(1)
        await reply(one, old, Ack(command_id=as_command_id(command_id)), result(command_id))
        assert old.of("result_ack") == []
        assert (await statuses(database))[command_id] == "SENT"
        later = await one.accept(D1)
        assert one.hints.sends == [("r-2", (DEFAULT_ORG, D1))]
        one.commands.look((DEFAULT_ORG, D1))
        two.commands.look((DEFAULT_ORG, D1))
        assert [frame["id"] for frame in await new.until(2)] == [command_id, later]
        assert [frame["id"] for frame in old.of("force_sync")] == [command_id]
        await reply(two, new, result(command_id))
        assert (await statuses(database))[command_id] == "SUCCESS"


# Replies


async def test_g4_a_result_is_committed_before_it_is_acknowledged(database: Database) -> None:
    await add_devices(database, 2)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        mine = await hub.accept(D1)
        foreign = await hub.accept(DeviceId("d2"), delivery="queue")
        await line.until(1)
        replies = [result(mine, output="o"), result(mine, output="again"), result("stranger"),
                   result(foreign)]  # fmt: skip
        await reply(hub, line, *replies)
        acknowledged = [frame["commandId"] for frame in line.of("result_ack")]
        assert acknowledged == [mine, mine, "stranger", foreign]
        errors = [(frame["code"], frame["commandId"]) for frame in line.of("error")]
        assert errors == [("unknown_command", "stranger"), ("unknown_command", foreign)]
        found = await hub.commands.get(DEFAULT_ORG, D1, as_command_id(mine))
        assert (found.status, found.output, found.late_result) == (State.SUCCESS, "o", None)
        assert (await statuses(database))[foreign] == "PENDING"


async def test_g1_a_command_that_ends_between_reading_and_writing_has_one_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_hubs(database) as (hub, _):
        line = await hub.line(D1)
        command_id = await hub.accept(D1)
        await line.until(1)
        read = hub.store.replied

        async def slowly(
            connection: Connection, names: Sequence[CommandKey]
        ) -> dict[CommandKey, RepliedCommand]:
            found = await read(connection, names)
            await database.execute(
                "UPDATE command SET status = 'TIMEOUT', finished_at = now() "
                "WHERE finished_at IS NULL"
            )
            return found

        monkeypatch.setattr(hub.store, "replied", slowly)
        await reply(hub, line, result(command_id, output="too late"))
        ended = await hub.commands.get(DEFAULT_ORG, D1, as_command_id(command_id))
        assert (ended.status, ended.output) == (State.TIMEOUT, None)
        assert ended.late_result is not None
        assert ended.late_result["output"] == "too late"
        assert len(line.of("result_ack")) == 1


async def test_replies_and_resends_of_the_same_commands_do_not_stop_each_other(
    database: Database,
) -> None:
    """Devices come back in a crowd, and answer at once what they are being sent again.

    The ids sort the other way round than the numbers, so that whoever locks by id meets whoever
    locks by number.
    """
    devices = await add_devices(database, 20)
    async with running_hub(database) as hub:
        lines = [await hub.line(device_id) for device_id in devices]
        made: dict[DeviceId, list[str]] = {}
        for device_id in devices:
            ids = [f"{device_id}-{number:03}" for number in range(40, 0, -1)]
            for command_id in ids:
                await hub.accept(device_id, params={"id": command_id})
            made[device_id] = ids
        for line in lines:
            await line.until(40)
        for percent in range(6):
            lines = await asyncio.gather(*map(hub.line, devices))
            for line in lines:
                for command_id in made[line.session.device_id]:
                    hub.commands.replied(line.session, progress(command_id, percent))
            await hub.commands.flush()
            for line in lines:
                assert len(await line.until(40, "force_sync")) == 40
            found = await database.fetch("SELECT DISTINCT progress FROM command")
            assert [row["progress"]["percent"] for row in found] == [percent]
        for line in lines:
            for command_id in made[line.session.device_id]:
                hub.commands.replied(line.session, result(command_id))
        await hub.commands.flush()
        assert set((await statuses(database)).values()) == {"SUCCESS"}


# The clock


async def test_g1_what_the_clock_ends(database: Database) -> None:
    await add_devices(database, 3)
    d2, d3 = DeviceId("d2"), DeviceId("d3")
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        late = await hub.accept(D1, timeout_ms=1000)  # time enough to be sent on a busy machine
        await line.until(1)
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        expiring = await hub.accept(d2, delivery="queue", expires_at=soon)
        await database.execute(  # a line of a replica that died after acceptance began
            "INSERT INTO replica VALUES ('dead', 'x', now(), now() + interval '1 h')"
        )
        await database.execute(
            "INSERT INTO device_line (org_id, device_id, replica_id, session_id) "
            "VALUES ('default', 'd3', 'dead', 's')"
        )
        undelivered = await hub.accept(d3, timeout_ms=100)
        found = await until_status(hub, late, State.TIMEOUT)
        assert (found.error or {})["code"] == "timeout"
        await line.until(1, "cancel")
        found = await until_status(hub, undelivered, State.TIMEOUT, d3)
        assert (found.error or {})["code"] == "not_delivered"
        assert found.sent_at is None
        found = await until_status(hub, expiring, State.EXPIRED, d2)
        assert (found.error or {})["code"] == "expired"


async def test_g1_results_and_deadlines_that_meet_end_each_command_once(
    database: Database,
) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        ids = [await hub.accept(D1, timeout_ms=1000 + 5 * number) for number in range(40)]
        await line.until(40)
        for command_id in ids:
            hub.commands.replied(line.session, result(command_id))
            await asyncio.sleep(0.005)
        await hub.commands.flush()

        async def all_ended() -> bool:
            return set((await statuses(database)).values()) <= {"SUCCESS", "TIMEOUT"}

        await until(all_ended)
        ended = [e for e in hub.told.events if e.__struct_config__.tag == "command_result"]
        assert len(ended) == 40
        rows = await database.fetch("SELECT status::text, late_result IS NULL FROM command")
        assert {tuple(row) for row in rows} <= {("SUCCESS", True), ("TIMEOUT", False)}


async def test_a_waiting_call_hears_of_an_end_that_another_replica_committed(
    database: Database,
) -> None:
    async with two_hubs(database) as (owner, other):
        line = await owner.line(D1)
        request: CommandRequest = make_request(wait=True, params={"id": "c1"})
        call = asyncio.create_task(other.commands.dispatch(ADMIN, D1, request))
        await line.until(1)
        await reply(owner, line, result("c1", output="o"))
        found = await asyncio.wait_for(call, 5)
        assert (found.status, found.output) == (State.SUCCESS, "o")


async def test_g15_old_commands_are_forgotten_and_unfinished_ones_kept(
    database: Database,
) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        await hub.accept(D1)
        await hub.accept(D1, delivery="queue")
        await database.execute("UPDATE command SET created_at = now() - interval '91 days'")
        await database.execute(
            "UPDATE command SET finished_at = now() - interval '91 days' "
            "WHERE finished_at IS NOT NULL"
        )
        assert await hub.commands.forget(90) == 0  # counted from the newest: nothing ended since
        newest = await hub.accept(D1)
        assert await hub.commands.forget(90) == 1
        assert set((await statuses(database)).values()) == {"PENDING", "FAILED"}
        assert newest in await statuses(database)


async def test_a_cancel_races_a_result(database: Database) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        for number in range(10):
            command_id = await hub.accept(D1)
            await line.until(number + 1, "force_sync")
            hub.commands.replied(line.session, result(command_id))
            outcome = await asyncio.gather(
                hub.commands.cancel(ADMIN, D1, as_command_id(command_id)), return_exceptions=True
            )
            assert isinstance(outcome[0], (CommandRow, HubError))
            await hub.commands.flush()
        assert set((await statuses(database)).values()) == {"SUCCESS"}


@pytest.mark.parametrize("end", ["disabled", "demoted", "deleted", "key gone", "key expired"])
async def test_g23_what_waits_is_not_sent_when_its_owner_lost_the_right(
    database: Database, owner: Database, end: str
) -> None:
    await add_devices(database)
    await add_member(database)
    await database.execute(
        "INSERT INTO api_key (org_id, key_id, user_id, name, role, key_hash, expires_at)"
        " VALUES ('default', 'k1', 'u1', 'k', 'ADMIN', 'h', now() + interval '1 hour')"
    )
    of_key = end.startswith("key")
    asker = make_principal(
        "ADMIN", kind="api_key" if of_key else "user", subject="u1", key_id="k1" if of_key else None
    )
    async with running_hub(database) as hub:
        queued = await hub.commands.dispatch(
            asker, D1, make_request("clear_queue", delivery="queue")
        )
        before = await hub.commands.dispatch(
            ADMIN, D1, make_request("clear_queue", delivery="queue", timeout_ms=20_000)
        )
        await owner.execute(
            {
                "disabled": "UPDATE member SET disabled = true",
                "demoted": "UPDATE role_binding SET role = 'VIEWER'",
                "deleted": "DELETE FROM member",
                "key gone": "DELETE FROM api_key",
                "key expired": "UPDATE api_key SET expires_at = now() - interval '1 s'",
            }[end]
        )
        line = await hub.line(D1)
        (frame,) = await line.until(1, "clear_queue")
        assert frame["id"] == before.command_id
        ended = await hub.commands.get(DEFAULT_ORG, D1, queued.command_id)
        assert (ended.status, (ended.error or {})["code"]) == (State.CANCELLED, "forbidden")


async def test_a_result_waits_for_what_its_device_sent_before_it(database: Database) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        line = await hub.line(D1)
        command_id = await hub.accept(D1)
        await line.until(1)
        hub.told.storing = asyncio.get_running_loop().create_future()
        hub.commands.replied(line.session, Ack(command_id=CommandId(command_id)))
        hub.commands.replied(line.session, result(command_id))
        await until_status(hub, command_id, State.ACKED)
        assert hub.commands.waiting() == 1
        hub.told.storing.set_result(None)
        await hub.commands.flush()
        assert (await statuses(database))[command_id] == "SUCCESS"
