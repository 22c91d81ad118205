"""The chain of the audit in a real Postgres: what is sealed and when, and that whatever somebody
does to the audit behind the hub is named."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hub.audit import anchor
from hub.audit.anchor import Anchor, anchor_of
from hub.audit.anchor_book import AnchorBook
from hub.audit.chain import canonical, document_of
from hub.audit.chain_store import ChainStore, SealStore
from hub.audit.entries import AuditEntry
from hub.audit.sealer import Sealer
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.audit.verifying import ChainCheck
from hub.base.clocks import Brake
from hub.base.database import Database
from hub.base.errors import ConfigurationError
from hub.base.partitions import drop, make
from longline import audit
from protocol.ids import OrgId
from tests.integration.hub.hubs import until

ORG = OrgId("default")
DAY = timedelta(days=1)


class Chain:
    """A hub that writes and seals, and whoever may do anything in its database."""

    def __init__(self, database: Database, owner: Database, anchor: Path) -> None:
        self.database = database
        self.owner = owner
        self.anchor = anchor
        self.sealer = Sealer(SealStore(database), Anchor(anchor), lambda: 1_800_000_000.0)
        self.service = AuditService(AuditStore(database))

    async def write(self, count: int, org: OrgId = ORG) -> None:
        entries = [AuditEntry(org=org, actor=f"u{n}", action="test.do") for n in range(count)]
        async with self.database.transaction() as connection:
            await self.service.record(connection, *entries)

    async def sealed(self, count: int) -> None:
        await self.write(count)
        await self.sealer.run()

    def book(self) -> AnchorBook:
        book = AnchorBook()
        if self.anchor.exists():
            book.add(self.anchor.read_bytes().splitlines())
        return book

    async def findings(self) -> list[str]:
        verdict = await audit.examine(ChainStore(self.database), self.book())
        return verdict.findings

    async def numbers(self) -> list[tuple[str, int]]:
        rows = await self.owner.fetch(
            "SELECT org_id, number FROM audit_seal ORDER BY org_id, number"
        )
        return [(row["org_id"], row["number"]) for row in rows]

    async def row(self, number: int) -> dict[str, Any]:
        (row,) = await self.owner.fetch("SELECT * FROM audit_seal WHERE number = $1", number)
        return dict(row)


@pytest_asyncio.fixture
async def chain(database: Database, owner: Database, tmp_path: Path) -> Chain:
    return Chain(database, owner, tmp_path / "anchor.jsonl")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub is at work here, which would seal what is new."""
    monkeypatch.setattr(audit, "LOOKS", 1)
    monkeypatch.setattr(audit, "LOOK_SECONDS", 0.0)


async def test_what_nobody_touched_is_well(chain: Chain) -> None:
    await chain.sealed(3)
    await chain.sealed(2)
    assert await chain.findings() == []
    assert await chain.numbers() == [("default", n) for n in range(1, 6)]


async def test_an_edited_row_is_named(chain: Chain) -> None:
    await chain.sealed(5)
    row = await chain.row(3)
    await chain.owner.execute(
        "UPDATE audit_log SET actor = 'x' WHERE audit_id = $1", row["audit_id"]
    )
    assert await chain.findings() == [f"default: number 3 (row {row['audit_id']}) was edited"]


async def test_every_column_is_under_the_seal(chain: Chain, owner: Database) -> None:
    """And no column is added that is not: each one changed is named."""
    await chain.sealed(1)
    columns = await owner.fetch(
        "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    others = {
        "text": "'changed'", "bigint": "made_in + 1", "jsonb": "'{\"changed\": 1}'",
        "timestamp with time zone": "at + interval '1 microsecond'",
    }  # fmt: skip
    for column in columns:
        if column["name"] == "audit_id":  # no UPDATE changes it: a row of another id
            change = "audit_id = DEFAULT"
        else:
            change = f"{column['name']} = {others[column['type']]}"
        async with owner.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(f"UPDATE audit_log SET {change}")  # noqa: S608
            found = await _findings_within(connection)
            await transaction.rollback()
        assert found != [], column["name"]
    assert await chain.findings() == []


async def _findings_within(connection: Any) -> list[str]:
    """Of the chain, as this transaction sees it."""

    class Within:
        @asynccontextmanager
        async def connection(self, **_: object) -> AsyncGenerator[Any]:
            yield connection

    store = ChainStore(Within())  # pyright: ignore[reportArgumentType]
    check = ChainCheck({}, None)
    return [each async for page in store.links() for link in page for each in check.look(link)]


async def test_the_hashed_row_has_every_column_that_is_set(chain: Chain, owner: Database) -> None:
    await chain.sealed(1)
    pages = [page async for page in ChainStore(chain.database).links()]
    row, at = pages[0][0].row, pages[0][0].at
    assert row is not None
    columns = await owner.fetch(
        "SELECT attname::text AS name FROM pg_attribute "
        "WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert json.loads(row).keys() == {column["name"] for column in columns}
    document = document_of(row, at)
    assert document["audit_id"].isdecimal()
    assert len(document["at"]) == len("2026-01-02T03:04:05.678901Z")
    assert canonical(document).startswith(b'{"action":"test.do","actor":"u0"')


async def test_a_column_that_comes_later_leaves_the_chain_well(
    chain: Chain, owner: Database
) -> None:
    await chain.sealed(3)
    await owner.execute("ALTER TABLE audit_log ADD COLUMN newer text")
    assert await chain.findings() == []


async def test_a_missing_row_is_named(chain: Chain) -> None:
    await chain.sealed(5)
    row = await chain.row(2)
    await chain.owner.execute("DELETE FROM audit_log WHERE audit_id = $1", row["audit_id"])
    assert await chain.findings() == [f"default: number 2 (row {row['audit_id']}) is missing"]


INSERT = (
    "INSERT INTO audit_log (org_id, at, actor, action) "
    "VALUES ('default', now() - $1::interval, 'ghost', 'test.do')"
)


@pytest.mark.parametrize("ago", [timedelta(0), 3 * DAY])
async def test_a_row_that_was_put_in_while_no_hub_seals_is_named(
    chain: Chain, ago: timedelta
) -> None:
    await chain.sealed(5)
    await chain.owner.execute(INSERT, ago)
    (finding,) = await chain.findings()
    assert "(test.do by ghost at " in finding


async def test_a_row_that_was_put_into_the_past_is_never_sealed(chain: Chain) -> None:
    await chain.sealed(5)
    await chain.owner.execute(INSERT, timedelta(minutes=2))
    await chain.sealed(2)
    (finding,) = await chain.findings()
    assert "(test.do by ghost at " in finding
    assert finding.endswith("was inserted: it is not in the chain")
    assert len(await chain.numbers()) == 7


async def test_a_tail_that_was_cut_is_named(chain: Chain) -> None:
    await chain.sealed(3)
    await chain.sealed(2)
    await chain.owner.execute(
        "DELETE FROM audit_log WHERE audit_id IN (SELECT audit_id FROM audit_seal WHERE number > 3)"
    )
    await chain.owner.execute("DELETE FROM audit_seal WHERE number > 3")
    assert await chain.findings() == [
        "default: the tail was cut: numbers 4 to 5 are missing that the anchor knows"
    ]


async def test_a_partition_that_was_dropped_is_accepted(chain: Chain, owner: Database) -> None:
    """The first partition goes with its seals; a row of it that was sealed late goes, too."""
    old = 400 * DAY
    table = chain.service.partitioned(days=300, before_drop=chain.sealer.before_drop)
    now = await owner.fetchval("SELECT now()")
    await make(chain.database, table, [now - old])
    aged = (
        "INSERT INTO audit_log (org_id, at, actor, action) SELECT 'default', "
        "now() - $1::interval, 'u', 'old' FROM generate_series(1, $2::int)"
    )
    await chain.database.execute(aged, old, 3)
    await chain.write(1)
    await chain.database.execute(aged, old, 1)
    await chain.write(2)
    await chain.sealer.run()
    assert await chain.findings() == []

    for _ in range(2):  # the one before it, which is empty, goes first
        await owner.execute("DELETE FROM partition_drop")
        assert await drop(chain.database, table, Brake(-1e9), 0.0) == 1

    assert await chain.numbers() == [("default", n) for n in range(4, 8)]
    assert await chain.findings() == []
    lines = [json.loads(line) for line in chain.anchor.read_bytes().splitlines()]
    assert (lines[-1]["number"], lines[-1]["dropped"], lines[-1]["through"]) == (3, True, 5)
    await chain.sealed(1)
    assert await chain.findings() == []

    known = chain.anchor.read_bytes().splitlines(keepends=True)
    chain.anchor.write_bytes(b"".join(line for line in known if b"dropped" not in line))
    (finding,) = await chain.findings()
    assert "the anchor knows of no such partition" in finding


async def test_rows_taken_out_from_the_beginning_are_not_a_dropped_partition(
    chain: Chain, owner: Database
) -> None:
    await chain.sealed(5)
    gone = await chain.row(2)
    await owner.execute("DELETE FROM audit_log WHERE audit_id <= $1", gone["audit_id"])
    await owner.execute("DELETE FROM audit_seal WHERE number <= 2")
    await owner.execute("INSERT INTO audit_drop VALUES ('default', 2, $1, 2, now())", gone["hash"])
    (finding,) = await chain.findings()
    assert "the anchor knows of no such partition" in finding


async def test_nothing_is_dropped_that_the_anchor_cannot_be_told(
    chain: Chain, owner: Database
) -> None:
    table = chain.service.partitioned(days=300, before_drop=chain.sealer.before_drop)
    await make(chain.database, table, [await owner.fetchval("SELECT now()") - 400 * DAY])
    chain.anchor.mkdir()
    assert await drop(chain.database, table, Brake(-1e9), 0.0) == 0
    chain.anchor.rmdir()
    assert await drop(chain.database, table, Brake(-1e9), 0.0) == 1


async def test_rows_wait_for_every_transaction_that_may_come_before(
    chain: Chain, database: Database
) -> None:
    """Also for those that write no audit until the end."""
    async with database.transaction() as slow:
        await slow.execute("SELECT pg_current_xact_id()")
        await chain.sealed(2)
        assert await chain.numbers() == []
        await chain.service.record(slow, AuditEntry(org=ORG, actor="slow", action="test.do"))
    await chain.sealer.run()
    assert len(await chain.numbers()) == 3
    first = await chain.row(1)
    actor = "SELECT actor FROM audit_log WHERE audit_id = $1"
    assert await database.fetchval(actor, first["audit_id"]) == "slow"
    assert await chain.findings() == []


async def test_more_rows_than_one_transaction_takes(chain: Chain) -> None:
    await chain.sealed(1201)
    assert len(await chain.numbers()) == 1201
    assert await chain.findings() == []


async def test_two_that_seal_at_once_make_one_chain(chain: Chain) -> None:
    other = Sealer(SealStore(chain.database), None, lambda: 0.0)
    for _ in range(10):
        await chain.write(20)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(chain.sealer.run())
            tasks.create_task(other.run())
    await chain.sealer.run()
    assert len(await chain.numbers()) == 200
    assert await chain.findings() == []


async def test_each_organisation_has_numbers_of_its_own(chain: Chain) -> None:
    await chain.write(2)
    await chain.write(1, OrgId("other"))
    await chain.sealed(1)
    numbers = [("default", 1), ("default", 2), ("default", 3), ("other", 1)]
    assert await chain.numbers() == numbers
    assert await chain.findings() == []


async def test_restored_on_a_server_with_fewer_transactions_it_goes_on(
    chain: Chain, owner: Database
) -> None:
    """The numbers of its transactions begin below those that the rows and the mark have."""
    await chain.sealed(2)
    await chain.write(1)
    await owner.execute("UPDATE audit_look SET sealed_to = sealed_to + 1000000")
    await chain.sealed(2)
    assert len(await chain.numbers()) == 5
    assert await chain.findings() == []


async def test_a_row_of_a_server_before_this_one_is_sealed(chain: Chain, owner: Database) -> None:
    await chain.write(1)
    await owner.execute("UPDATE audit_log SET made_in = made_in + 1000000")
    await chain.sealed(1)
    await chain.sealed(1)
    assert len(await chain.numbers()) == 3
    assert await chain.findings() == []


async def test_the_anchor_has_each_head_once(chain: Chain) -> None:
    await chain.sealed(2)
    await chain.sealer.run()
    await chain.sealed(1)
    lines = [json.loads(line) for line in chain.anchor.read_bytes().splitlines()]
    assert [(line["org"], line["number"]) for line in lines] == [("default", 2), ("default", 3)]
    assert lines[1].keys() == {"org", "number", "hash", "at"}
    assert lines[1]["hash"] == (await chain.row(3))["hash"].hex()
    assert chain.anchor.stat().st_mode & 0o777 == 0o600


async def test_an_anchor_that_cannot_be_written_is_told_and_written_later(chain: Chain) -> None:
    chain.anchor.mkdir()
    await chain.sealed(2)
    assert (await chain.sealer.health()).anchor_error == "Is a directory"
    assert len(await chain.numbers()) == 2
    chain.anchor.rmdir()
    await chain.sealer.run()
    assert (await chain.sealer.health()).anchor_error is None
    assert chain.book().hashes[ORG].keys() == {2}


async def test_a_disk_that_hangs_holds_up_nothing_and_is_not_asked_twice(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, begun = threading.Event(), list[bytes]()

    def hang(_: Path, text: bytes) -> None:
        begun.append(text)
        goes_on.wait(30)

    with monkeypatch.context() as patched:
        patched.setattr(anchor, "_append", hang)
        patched.setattr(anchor, "WRITE_SECONDS", 0.05)
        await chain.sealed(1)
        await chain.sealed(1)
        assert (await chain.sealer.health()).anchor_error == "the disk does not answer"
        assert (len(await chain.numbers()), len(begun)) == (2, 1)
        goes_on.set()

    async def told() -> bool:
        await chain.sealer.run()
        return (await chain.sealer.health()).anchor_error is None

    await until(told)
    assert chain.book().hashes[ORG].keys() == {2}


async def test_who_seals_next_tells_the_anchor_what_it_may_not_know(chain: Chain) -> None:
    chain.anchor.mkdir()
    await chain.sealed(2)
    chain.anchor.rmdir()
    await Chain(chain.database, chain.owner, chain.anchor).sealer.run()
    assert chain.book().hashes[ORG].keys() == {2}


async def test_a_line_that_a_crash_has_cut_off_spoils_no_other(chain: Chain) -> None:
    chain.anchor.write_bytes(b'{"org":"def')
    await chain.sealed(2)
    assert chain.book().unreadable == 1
    assert chain.book().hashes[ORG].keys() == {2}


async def test_rows_that_stay_without_a_seal_are_told(chain: Chain) -> None:
    await chain.sealed(1)
    await chain.database.execute(INSERT, timedelta(seconds=61))
    await chain.write(1)
    assert (await chain.sealer.health()).unsealed == 1
    await chain.sealer.run()
    assert (await chain.sealer.health()).unsealed == 0


@pytest.mark.parametrize("setting", ["file:", "/a/path", "syslog:host"])
def test_an_anchor_that_is_no_file_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="LONGLINE_AUDIT_ANCHOR"):
        anchor_of(setting)
    assert anchor_of("") is None


async def test_the_hub_cannot_change_what_is_sealed(chain: Chain) -> None:
    await chain.sealed(1)
    for statement in (
        "UPDATE audit_seal SET hash = ''",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
        "DELETE FROM audit_look",
        "DELETE FROM audit_drop",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await chain.database.execute(statement)
