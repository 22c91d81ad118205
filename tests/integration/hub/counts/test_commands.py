"""Statements and transactions of a command: accepted, audited, sent, answered."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from hub.base.database import Database
from hub.commands.sweep import Sweep
from protocol.ids import CommandId, DeviceId
from protocol.replies import Ack, Result
from tests.factories import make_principal
from tests.integration.hub.counts.counting import Sent
from tests.integration.hub.hubs import ADMIN, Hub, Line, add_devices, make_request, running_hub

GROUP = 100
ACCEPTED = 2
"""Statements that accept: read the devices; write commands and audit if they are as they were."""
ANSWERED = 2
"""Statements that take a result: read the command, write it if it is as it was."""


async def _no_sweep(_: Sweep) -> None:
    await asyncio.Event().wait()


@pytest_asyncio.fixture
async def hub(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Hub]:
    monkeypatch.setattr(Sweep, "run", _no_sweep)
    await add_devices(database, GROUP)
    async with running_hub(database) as hub:
        yield hub


async def opened(hub: Hub, count: int) -> list[Line]:
    """Lines that have had a command: asyncpg knows every statement by now."""
    lines = list(await asyncio.gather(*(hub.line(device) for device in devices(count))))
    await answer(hub, lines, await accept(hub, count))
    return lines


def devices(count: int) -> list[DeviceId]:
    return [DeviceId(f"d{number}") for number in range(1, count + 1)]


async def accept(hub: Hub, count: int) -> list[str]:
    """At the same time; the ids."""
    return list(await asyncio.gather(*(hub.accept(device) for device in devices(count))))


async def answer(hub: Hub, lines: list[Line], ids: list[str]) -> None:
    """Each device says `ack` and `result` at once, and all of it is committed."""
    for number, (line, command_id) in enumerate(zip(lines, ids, strict=True)):
        frames = await line.until(1, "force_sync")
        assert frames, number
        hub.commands.replied(line.session, Ack(command_id=CommandId(command_id)))
        hub.commands.replied(line.session, Result(command_id=CommandId(command_id), success=True))
    await hub.commands.flush()


async def test_one_command_is_four_statements_and_no_transaction(hub: Hub, sent: Sent) -> None:
    lines = await opened(hub, 1)
    sent.clear()

    ids = await accept(hub, 1)
    accepted = len((await sent.settle()).statements)
    await answer(hub, lines, ids)

    await sent.settle()
    assert sent.transactions == 0, sent
    assert accepted <= ACCEPTED, sent
    assert len(sent.statements) - accepted <= ANSWERED, sent


async def test_a_hundred_commands_at_once_are_hardly_more(hub: Hub, sent: Sent) -> None:
    """What comes in one turn of the loop goes together. (The limit leaves room for one more
    batch on either side.)"""
    lines = await opened(hub, GROUP)
    sent.clear()

    await answer(hub, lines, await accept(hub, GROUP))

    await sent.settle()
    assert sent.transactions == 0, sent
    assert len(sent.statements) <= 2 * (ACCEPTED + ANSWERED), sent


async def test_a_bulk_call_is_accepted_in_two_statements(hub: Hub, sent: Sent) -> None:
    await opened(hub, GROUP)
    sent.clear()

    outcome = await hub.commands.bulk(ADMIN, devices(GROUP), make_request())

    await sent.settle()
    assert len(outcome.results) == GROUP
    assert sent.transactions == 0, sent
    assert len(sent.statements) <= ACCEPTED, sent


@pytest.mark.parametrize("stored", [{}, {"resources": ["commands/reboot_os"]}])
async def test_what_waits_for_nobody_is_accepted_in_as_many(
    hub: Hub, sent: Sent, stored: dict[str, list[str]]
) -> None:
    """Also where other commands wait for a second person: what is set is remembered."""
    await opened(hub, 1)
    (device,) = devices(1)
    insert = "INSERT INTO setting VALUES ('default', 'approvals', $1)"
    await hub.database.execute(insert, stored)
    by = make_principal()
    await hub.commands.guarded.dispatch(by, device, make_request())
    sent.clear()

    await hub.commands.guarded.dispatch(by, device, make_request())

    await sent.settle()
    assert sent.transactions == 0, sent
    assert len(sent.statements) <= ACCEPTED, sent


async def test_a_new_line_gets_what_waited_for_it_in_two_statements(hub: Hub, sent: Sent) -> None:
    (device,) = devices(1)
    for _ in range(2):  # asyncpg asks about types of its own the first time
        command_id = await hub.accept(device, delivery="queue")
        sent.clear()
        line = await hub.line(device)
        await answer(hub, [line], [command_id])

    await sent.settle()
    registered, claimed = 1, 2
    assert sent.transactions == 0, sent
    assert len(sent.statements) <= registered + claimed + ANSWERED, sent
