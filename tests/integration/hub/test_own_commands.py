"""Descriptions of devices' own commands in a real Postgres."""

import pytest

from hub.base.database import Database
from hub.base.errors import Invalid
from hub.own import store
from hub.own.store import OwnStore
from protocol.commands import Custom, Danger
from protocol.frames import Hello
from protocol.ids import DEFAULT_ORG, DeviceId
from protocol.own import OwnCommand, OwnCommands
from tests.integration.hub.hubs import Hub, add_devices, running_hub, until

D1, D2 = DeviceId("d1"), DeviceId("d2")
KEY = (DEFAULT_ORG, "h")
WHILE_BACK = "UPDATE command_description SET described_at = now() - interval '2 days'"


def make_own(danger: Danger = Danger.NO) -> OwnCommand:
    return OwnCommand(name="calibrate", danger=danger, schema={"required": ["axis"]})


async def says(hub: Hub, device_id: DeviceId, digest: str) -> None:
    """Its hello is noted, and then its line is gone."""
    line = await hub.line(device_id)
    hello = Hello(
        boot_id="b",
        commands=["custom"],
        accepts=["describe"],
        custom=OwnCommands(digest, ["calibrate"]),
    )
    hub.lines.said_hello(line.session, hello)

    async def noted() -> bool:
        return (await OwnStore(hub.database).said(DEFAULT_ORG, [device_id]))[
            device_id
        ].hash == digest

    await until(noted)
    hub.lines.closed(line.session, 1000)

    async def away() -> bool:
        return not (await OwnStore(hub.database).said(DEFAULT_ORG, [device_id]))[device_id].online

    await until(away)


async def test_the_first_who_describes_a_hash_is_believed(database: Database) -> None:
    own = OwnStore(database)
    await own.add(KEY, [make_own()], D1)
    await own.add(KEY, [make_own(Danger.YES)], D2)
    found = await own.descriptions(DEFAULT_ORG, ["h", "other"])
    assert found.keys() == {"h"}
    assert found["h"].commands["calibrate"].danger is Danger.NO
    assert await own.known([KEY, (DEFAULT_ORG, "other")]) == {KEY}


async def test_an_organisation_keeps_so_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_OF_AN_ORG", 2)
    own = OwnStore(database)
    for digest in ("a", "b", "c"):
        await own.add((DEFAULT_ORG, digest), [make_own()], D1)
    keys = [(DEFAULT_ORG, digest) for digest in ("a", "b", "c")]
    assert await own.known(keys) == set(keys[:2])


async def test_what_no_device_speaks_of_goes_after_a_day(
    database: Database, owner: Database
) -> None:
    own = OwnStore(database)
    await add_devices(database)
    async with running_hub(database) as hub:
        await says(hub, D1, "h")
    for digest in ("h", "old"):
        await own.add((DEFAULT_ORG, digest), [make_own()], D1)
    await own.forget()
    keys = [KEY, (DEFAULT_ORG, "old")]
    assert await own.known(keys) == set(keys)
    await owner.execute(WHILE_BACK)
    await own.forget()
    assert await own.known(keys) == {KEY}


async def test_a_device_that_is_away_is_judged_by_what_it_said_last(database: Database) -> None:
    await add_devices(database, 2)
    async with running_hub(database) as hub:
        await says(hub, D1, "h")
        command = Custom(name="calibrate")
        unknown = await hub.own.terms(DEFAULT_ORG, command, [D1, D2, DeviceId("nobody")])
        assert unknown.keys() == {D1, D2}
        assert [each.problem for each in unknown.values()] == [None, None]
        await OwnStore(database).add(KEY, [make_own()], D1)
        known = await hub.own.terms(DEFAULT_ORG, command, [D1, D2])
        assert isinstance(known[D1].problem, Invalid)
        assert known[D2].problem is None
