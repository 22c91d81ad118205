"""`longline audit`: whether anybody has touched the audit, and all of it as JSON lines."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct
from rich.console import Console

from hub.audit.anchor import SCHEME
from hub.audit.anchor_book import AnchorBook
from hub.audit.chain import document_of
from hub.audit.chain_store import ChainStore, Exported
from hub.audit.syslog import frame_of
from hub.audit.verifying import (
    ChainCheck,
    Link,
    Unplaced,
    conflicts_of,
    drops_unknown,
    unplaced_findings,
)
from hub.base.settings import Settings
from longline import serving
from longline.errors import FAILED, USAGE, UserError
from longline.installation import DataDir, open_database, settings_of
from longline.syslog import collector
from protocol.ids import OrgId

app = typer.Typer(no_args_is_help=True)

LOOKS: Final = 10
"""For what is new; a hub at work seals it sooner."""
LOOK_SECONDS: Final = 1.0
MOST_SHOWN: Final = 1_000
FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)

Anchors = Annotated[
    list[Path] | None,
    typer.Option(
        "--anchor", help="What the hub wrote to LONGLINE_AUDIT_ANCHOR; several for several hosts."
    ),
]
Moment = Annotated[str | None, typer.Option(help="RFC 3339, e.g. 2026-01-31T00:00:00Z.")]


class Verdict(Struct):
    findings: list[str] = []
    rows: int = 0
    dropped: int = 0
    """Of the chain, with their partitions."""


@app.command()
def verify(*, anchor: Anchors = None, data_dir: DataDir = None) -> int:
    """Find rows that were edited, are missing or were put in, and a tail that was cut."""
    settings = settings_of(data_dir)
    book = _book(anchor or _anchor_of(settings))
    verdict = Verdict()

    async def look(_: asyncio.Event) -> None:
        nonlocal verdict
        async with _chain(settings) as chain:
            verdict = await examine(chain, book)

    serving.run(look)
    for finding in verdict.findings[:MOST_SHOWN]:
        sys.stdout.write(" ".join(finding.split()) + "\n")
    sys.stdout.write(_sum(verdict, book) + "\n")
    return FAILED if verdict.findings else 0


async def examine(chain: ChainStore, book: AnchorBook | None) -> Verdict:
    """Raises `UserError` when the chain changes its beginning meanwhile."""
    verdict = Verdict()
    drops = await chain.drops()
    unplaced = await _unplaced(chain)
    moved = {(row.org, row.audit_id) for row in unplaced}
    check = ChainCheck(drops, book, moved)
    told: set[tuple[OrgId, int]] = set()
    async for page in _progress(chain):
        for link in page:
            verdict.findings += check.look(link)
            if link.row is None:
                told.add((link.org, link.audit_id))
        verdict.rows += len(page)
    if await chain.drops() != drops:
        raise UserError("a partition was dropped meanwhile: verify once more")
    verdict.findings += check.end() + unplaced_findings(unplaced, told)
    verdict.dropped = sum(drop.last.number for drop in drops.values())
    if book is not None:
        verdict.findings += drops_unknown(drops, book) + conflicts_of(book)
    return verdict


async def _unplaced(chain: ChainStore) -> list[Unplaced]:
    """Without those that a hub is about to seal."""
    for _ in range(LOOKS):
        if all(row.is_past for row in await chain.unplaced()):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return await chain.unplaced()


async def _progress(chain: ChainStore) -> AsyncGenerator[list[Link]]:
    console = Console(stderr=True)
    with console.status("looking at the chain") as status:
        count = 0
        async for page in chain.links():
            yield page
            count += len(page)
            status.update(f"{count:,} rows, at number {page[-1].number:,} of {page[-1].org}")


def _sum(verdict: Verdict, book: AnchorBook | None) -> str:
    parts = [f"{verdict.rows} rows in the chain, {len(verdict.findings)} findings"]
    if verdict.dropped:
        by = "as the anchor knows" if book is not None else "by the database's word: give --anchor"
        parts.append(f"{verdict.dropped} before them went with their partitions, {by}")
    if book is None:
        parts.append("without an anchor, nobody can tell whether all of it was made anew")
    elif book.unreadable:
        parts.append(f"{book.unreadable} lines of the anchor could not be read")
    return "; ".join(parts)


def _anchor_of(settings: Settings) -> list[Path]:
    path = settings.audit_anchor.removeprefix(SCHEME)
    return [Path(path)] if path else []


def _book(paths: Sequence[Path]) -> AnchorBook | None:
    """None without an anchor. Raises `UserError`."""
    if not paths:
        return None
    book = AnchorBook()
    for path in paths:
        try:
            with path.open("rb") as lines:
                book.add(lines)
        except OSError as error:
            raise UserError(f"the anchor {path} cannot be read: {error.strerror}", USAGE) from None
    return book


@app.command()
def export(
    *,
    since: Moment = None,
    until: Moment = None,
    org: Annotated[str | None, typer.Option(help="One organisation; without it, all.")] = None,
    syslog: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Send it there instead: RFC 5424 over TLS, port 6514 unless given.",
        ),
    ] = None,
    syslog_ca: Annotated[
        Path | None, typer.Option(help="PEM file of certificates that vouch for it.", exists=True)
    ] = None,
    data_dir: DataDir = None,
) -> int:
    """Print the audit as JSON lines, each row with its number and hash in the chain."""
    settings = settings_of(data_dir)
    span = _moment(since, FIRST), _moment(until, LAST)

    async def write(_: asyncio.Event) -> None:
        async with _chain(settings) as chain, _taker(syslog, syslog_ca) as take:
            async for page in chain.rows(None if org is None else OrgId(org), *span):
                for row in page:
                    await take(row)

    return serving.run(write)


@asynccontextmanager
async def _taker(
    syslog: str | None, ca: Path | None
) -> AsyncGenerator[Callable[[Exported], Awaitable[None]]]:
    """Where rows go: to a collector, or out. Says how many a collector has taken."""
    if syslog is None:

        async def out(row: Exported) -> None:
            sys.stdout.write(_line(row))

        yield out
        return
    count, host = 0, socket.getfqdn()
    async with collector(syslog, ca) as send:

        async def there(row: Exported) -> None:
            nonlocal count
            await send(frame_of(document_of(row.row, row.at), row.number, row.hash, host=host))
            count += 1

        yield there
    sys.stderr.write(f"{count} rows were sent to {syslog}\n")


def _line(row: Exported) -> str:
    """The document that is hashed, and with it where it stands."""
    place = {"number": row.number, "hash": None if row.hash is None else row.hash.hex()}
    return msgspec.json.encode({**place, "row": document_of(row.row, row.at)}).decode() + "\n"


def _moment(text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    try:
        return msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
    except msgspec.ValidationError:
        raise UserError(f"{text!r} is not a moment as 2026-01-31T00:00:00Z", USAGE) from None


@asynccontextmanager
async def _chain(settings: Settings) -> AsyncGenerator[ChainStore]:
    """Raises `ConfigurationError`."""
    database = await open_database(settings)
    try:
        yield ChainStore(database)
    finally:
        await database.close()
