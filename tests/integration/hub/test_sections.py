"""The rows of sections over a real Postgres."""

from msgspec.structs import replace

from hub.base.database import Database
from hub.desired.store import SectionStore
from hub.lines.store import LineRef
from protocol.ids import DEFAULT_ORG, DeviceId
from protocol.sections import PRODUCTION
from tests.integration.hub.hubs import add_devices, running_hub

D1 = DeviceId("d1")


async def test_a_doubt_outlives_what_was_read_before_it(database: Database) -> None:
    await add_devices(database, 1)
    store = SectionStore(database)
    place = (DEFAULT_ORG, D1)
    async with running_hub(database) as hub:
        generation = (await hub.line(D1)).session.generation
        line = LineRef(DEFAULT_ORG, D1, generation)
        for _ in range(2):  # without a row, and with one
            read = (await store.of([place]))[place][PRODUCTION]
            async with database.transaction() as connection:
                await store.doubt(connection, [place], PRODUCTION)
            taken = replace(read, taken=read.document, taken_hash=read.hash)
            await store.note({line: [taken]})
            assert (await store.get(*place, PRODUCTION)).taken is None
        read = await store.get(*place, PRODUCTION)
        await store.note({line: [replace(read, taken=read.document, taken_hash=read.hash)]})
        assert (await store.get(*place, PRODUCTION)).taken == read.document
