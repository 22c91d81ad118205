"""Statements of a device that has commands of its own, when it connects and when it is sent one."""

import asyncio

from hub.base.database import Database
from hub.lines.service import LineRef
from hub.own.service import OwnService
from hub.own.store import OwnStore
from protocol.codec import encode
from protocol.commands import COMMANDS, Danger
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, DeviceId, Generation
from protocol.own import OwnCommand, OwnCommands, described
from tests.integration.hub.counts.counting import Sent
from tests.integration.hub.hubs import Hub, add_devices, running_hub, until

SAID = described([OwnCommand(name="calibrate")])
HELLO = Hello(
    boot_id="b",
    commands=[*COMMANDS, "custom"],
    accepts=["describe"],
    custom=OwnCommands(SAID.hash, ["calibrate"]),
)
MANY = 100


def lines(count: int) -> list[tuple[LineRef, Hello]]:
    return [(LineRef(DEFAULT_ORG, DeviceId(f"d{n}"), Generation(1)), HELLO) for n in range(count)]


async def statements(sent: Sent) -> int:
    """About descriptions: the hub's sweeps go on."""
    return sum("command_description" in each for each in (await sent.settle()).statements)


async def describe(hub: Hub) -> None:
    """Somebody does, and it is kept."""
    line = await hub.line(DeviceId("d1"))
    line.session.text(encode(HELLO))
    hub.own.described(line.session, SAID)
    key = (DEFAULT_ORG, SAID.hash)

    async def kept() -> bool:
        return key in await OwnStore(hub.database).known([key])

    await until(kept)


async def test_a_known_hash_costs_no_statement_at_connect(database: Database, sent: Sent) -> None:
    await add_devices(database)
    async with running_hub(database) as hub:
        await describe(hub)
        fresh = OwnService(
            OwnStore(database), hub.lines, least=Danger.NO, spawn=asyncio.ensure_future
        )
        await statements(sent)
        sent.clear()
        await fresh.said_hello(lines(MANY))
        assert await statements(sent) == 1  # of a replica that has just begun
        sent.clear()
        await fresh.said_hello(lines(MANY))
        assert await statements(sent) == 0
