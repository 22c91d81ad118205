"""Approvals over several replicas: decided once, ended by the clock of the database."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from hub.approvals.deciding import ApprovalStatus, Verdict
from hub.approvals.records import Approval, NewApproval, ShownCall
from hub.approvals.service import Admitted
from hub.base.database import Database
from hub.base.errors import BlastRadiusExceeded, Ended, HubError, TooMany, Unavailable
from hub.base.principal import Principal
from hub.commands.records import CommandRow
from hub.rights.guarded import BlastRadius, Guarded
from protocol.ids import DEFAULT_ORG, DeviceId, uuid7
from protocol.lifecycle import State
from protocol.replies import ErrorObject
from tests.factories import make_principal
from tests.integration.hub.hubs import Hub, add_member, make_request, two_hubs

D1 = DeviceId("d1")
ANNA, BERT = make_principal(actor="anna"), make_principal(subject="u2", actor="bert")


@pytest_asyncio.fixture
async def two(database: Database) -> AsyncGenerator[tuple[Hub, Hub]]:
    async with two_hubs(database) as hubs:
        await add_member(database, "u1")
        await add_member(database, "u2")
        yield hubs


async def asked(hub: Hub, **request: object) -> Approval:
    """A command that waits because its caller wants it to."""
    wanted = make_request("force_sync", approval=True, **request)
    found = await hub.commands.guarded.dispatch(ANNA, D1, wanted)
    assert isinstance(found, Approval)
    return found


async def ledger(hub: Hub) -> list[CommandRow]:
    rows = await hub.database.fetch("SELECT command_id FROM command ORDER BY seq")
    return [await hub.commands.get(DEFAULT_ORG, D1, row["command_id"]) for row in rows]


async def approve(hub: Hub, approval: Approval, by: Principal = BERT) -> Approval:
    return await hub.approvals.decide(by, approval.approval_id, Verdict.APPROVE, None)


async def test_approved_at_two_replicas_at_once_it_is_sent_once(two: tuple[Hub, Hub]) -> None:
    one, other = two
    for _ in range(10):
        approval = await asked(one)
        outcomes = await asyncio.gather(
            *(approve(hub, approval) for hub in (one, other)), return_exceptions=True
        )
        assert [type(each) for each in outcomes if isinstance(each, Exception)] == [Ended]
    commands = await ledger(one)
    assert len(commands) == 10


async def test_what_waited_a_day_ends_by_the_clock_of_the_database(two: tuple[Hub, Hub]) -> None:
    one, other = two
    approval = await asked(one)
    await one.approvals.look()
    assert await ledger(one) == []
    await one.database.execute("UPDATE approval SET expires_at = now()")
    with pytest.raises(Ended, match="expired"):
        await approve(one, approval)
    await asyncio.gather(one.approvals.look(), other.approvals.look())
    (command,) = await ledger(one)
    assert (command.status, command.command_id) == (State.EXPIRED, approval.subject)
    assert command.error is not None
    assert command.error["code"] == "approval_expired"
    found = await one.approvals.get(DEFAULT_ORG, approval.approval_id)
    assert (found.status, found.done_at is None) == (ApprovalStatus.EXPIRED, False)


async def test_it_ends_with_the_moment_at_which_the_command_would(two: tuple[Hub, Hub]) -> None:
    one, _ = two
    day = "SELECT expires_at - asked_at > interval '23 hours 59 minutes' FROM approval"
    await asked(one)
    assert await one.database.fetchval(day)
    until = await one.database.fetchval("SELECT now() + interval '1 hour'")
    soon = await asked(one, delivery="queue", expires_at=until)
    assert soon.expires_at == until


async def test_another_replica_carries_out_what_one_died_before(two: tuple[Hub, Hub]) -> None:
    one, other = two
    approval = await asked(one)

    async def dies(_: Approval, by: Principal, error: ErrorObject | None) -> Mapping[str, object]:
        raise Unavailable(f"{by.actor} {error}")

    one.approvals.carry_out("command", dies)  # pyright: ignore[reportArgumentType]
    with pytest.raises(Unavailable):
        await approve(one, approval)
    await other.approvals.look()
    assert await ledger(one) == []  # it may be at it still
    await one.database.execute("UPDATE approval SET decided_at = now() - interval '6 seconds'")
    await asyncio.gather(*(other.approvals.look() for _ in range(3)))
    (command,) = await ledger(one)
    assert (command.status, command.command_id) == (State.FAILED, approval.subject)
    await other.approvals.look()
    assert len(await ledger(one)) == 1


async def test_an_approver_without_the_right_by_then_sends_nothing(two: tuple[Hub, Hub]) -> None:
    one, other = two
    approval = await asked(one)
    await one.database.execute(
        "UPDATE approval SET status = 'APPROVED', decided_by_kind = 'user', decided_by = 'u2',"
        " decided_by_name = 'bert', decided_at = now() - interval '6 seconds'"
    )
    await one.database.execute("DELETE FROM role_binding WHERE subject_id = 'u2'")
    await other.approvals.look()
    (command,) = await ledger(one)
    assert (command.status, command.error and command.error["code"]) == (
        State.CANCELLED,
        "forbidden",
    )
    found = await one.approvals.get(DEFAULT_ORG, approval.approval_id)
    assert found.status is ApprovalStatus.CANCELLED


async def test_the_hour_is_one_for_all_replicas_and_slides(two: tuple[Hub, Hub]) -> None:
    async def admit(hub: Hub, targets: int) -> Approval | Admitted | HubError:
        new = NewApproval(
            kind="bulk",
            subject=uuid7(),
            device_ids=["d1"] * targets,
            shown=ShownCall(command={"type": "reboot_os"}),
            call={},
            request_hash=b"",
            rights=["commands/reboot_os:create"],
        )
        guarded = Guarded(blast_radius=BlastRadius(per_hour=7))
        try:
            return await hub.approvals.admit(ANNA, new, guarded, dangerous=True, asked=False)
        except BlastRadiusExceeded as refused:
            return refused

    one, other = two
    outcomes = await asyncio.gather(*(admit(hub, 2) for _ in range(4) for hub in two))
    assert sum(isinstance(each, Admitted) for each in outcomes) == 3
    assert isinstance(await admit(one, 1), Admitted)
    await one.database.execute(
        "UPDATE capped_dispatch SET sent_at = now() - interval '61 minutes' WHERE targets = 1"
    )
    assert isinstance(await admit(other, 1), Admitted)
    await one.database.execute("DELETE FROM role_binding WHERE subject_id = 'u2'")
    for hub in two:
        hub.memory.forget(DEFAULT_ORG, "u2")
    refused = await admit(other, 1)
    assert isinstance(refused, BlastRadiusExceeded)
    assert refused.retry_after is not None
    assert 3500 < refused.retry_after <= 3600


async def test_no_more_wait_than_may(two: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.approvals.store.MOST_AWAITING", 1)
    one, _ = two
    approval = await asked(one)
    with pytest.raises(TooMany):
        await asked(one)
    await approve(one, approval)
    await asked(one)


async def test_what_is_over_is_forgotten(two: tuple[Hub, Hub]) -> None:
    one, _ = two
    await approve(one, await asked(one))
    await asked(one)
    await one.database.execute(
        "INSERT INTO capped_dispatch VALUES ('default', DEFAULT, now() - interval '2 hours', 1)"
    )
    await one.database.execute("UPDATE approval SET done_at = done_at - interval '9 days'")
    await one.approvals.forget(8)
    assert await one.database.fetchval("SELECT count(*) FROM approval") == 1
    assert await one.database.fetchval("SELECT count(*) FROM capped_dispatch") == 0
