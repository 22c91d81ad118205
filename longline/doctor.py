"""`longline doctor`: looks at everything a hub stands on, and says of each fault what to do.

Exit code 0 when all is well, 1 when something is not.
"""

import asyncio
import os
import platform
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import msgspec
import typer
from msgspec import Struct, structs
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.base import key_file, sealing
from hub.base.bus import Bus, BusUnavailable
from hub.base.database import Database
from hub.base.errors import ConfigurationError, HubError
from hub.base.migrate import pending
from hub.base.roles import DatabaseUser, Isolation, Rights, login_of
from hub.base.settings import Settings
from hub.server import url_of
from longline import serving
from longline.errors import FAILED
from longline.installation import DataDir, open_database, settings_of
from protocol import native

OLDEST_POSTGRES: Final = 16
OLDEST_REDIS: Final = (7, 2)
MOST_SKEW_SECONDS: Final = 2.0
LEAST_FREE_BYTES: Final = 2**30
HTTP_SECONDS: Final = 3.0
_MAY: Final[dict[Rights, str]] = {
    "hub": "may do what a hub does",
    "owner": "owns the tables: with a second login, a hub could change neither them nor the audit",
    "server": "may run programs or read files on the database server, or read every database",
    "superuser": "may do anything: it is a superuser",
}
_APART: Final[dict[Isolation, str]] = {
    "role": "a database role for each transaction keeps them apart, behind the statements",
    "statements": "the statements alone keep them apart: the login may not become longline_app",
}
_TWO_LOGINS: Final = "serve with a login that is a member of longline_hub only (docs/deployment.md)"


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


class Finding(Struct, frozen=True):
    check: str
    ok: bool
    found: str
    advice: str = ""
    """What to do, when it is not ok."""


def command(
    *,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = (
        Output.TABLE
    ),
    data_dir: DataDir = None,
) -> int:
    """Look for what is wrong with an installation, and say what to do."""
    settings = settings_of(data_dir)
    findings: list[Finding] = []

    async def look(_: asyncio.Event) -> None:
        findings.extend(await examine(settings))

    serving.run(look)
    if output is Output.JSON:
        _print_json(findings)
    else:
        _print_table(findings)
    return 0 if all(finding.ok for finding in findings) else FAILED


async def examine(settings: Settings) -> list[Finding]:
    findings = [_python(), _hot_path(), _data_directory(settings), _disk(settings)]
    findings.append(await _port(settings))
    findings += [finding async for finding in _postgres(settings)]
    findings += [finding async for finding in _redis(settings)]
    return [structs.replace(f, advice="") if f.ok else f for f in findings]


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("Python", good, platform.python_version(), "install Python 3.11 or newer")


def _hot_path() -> Finding:
    """Both are well: the Python only costs more."""
    found = native.hot_path if native.compiled else f"{native.hot_path}: {native.reason}"
    return Finding("hot path", True, found)


def _data_directory(settings: Settings) -> Finding:
    path = Path(settings.data_dir).absolute()
    name = "data directory"
    if not path.exists():
        parent = _nearest(path)
        found = f"{path} is made at the first start"
        return Finding(name, os.access(parent, os.W_OK), found, f"let this user write to {parent}")
    status = path.stat()
    if status.st_uid != os.geteuid():
        found = f"{path} belongs to user {status.st_uid}"
        return Finding(name, False, found, "run as that user, or change its owner")
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding(name, False, f"{path} cannot be written", f"chmod u+rwx {path}")
    if status.st_mode & 0o077:
        found = f"{path} is open to others (mode {status.st_mode & 0o777:o})"
        return Finding(name, False, found, f"chmod 700 {path}")
    return Finding(name, True, f"{path}, for this user only")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(Path(settings.data_dir).absolute())).free
    advice = "free some space, or move the data directory: Postgres stops when the disk is full"
    return Finding("disk", free >= LEAST_FREE_BYTES, f"{free / 2**30:.1f} GiB free", advice)


def _nearest(path: Path) -> Path:
    """The path itself, or the first directory above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


async def _port(settings: Settings) -> Finding:
    name = f"port {settings.port}"
    try:
        with socket.create_server((settings.host, settings.port)):
            return Finding(name, True, f"free on {settings.host}")
    except OSError as error:
        if await _is_hub(url_of(settings)):
            return Finding(name, True, "a hub serves there")
        advice = "stop the other program, or set LONGLINE_PORT or --port"
        return Finding(name, False, f"not usable: {error.strerror}", advice)


async def _is_hub(url: str) -> bool:
    try:
        # Whose certificate it is does not matter here.
        async with httpx.AsyncClient(timeout=HTTP_SECONDS, trust_env=False, verify=False) as http:  # noqa: S501
            return "replicaId" in (await http.get(f"{url}/healthz")).json()
    except (httpx.HTTPError, ValueError):
        return False


async def _postgres(settings: Settings) -> AsyncGenerator[Finding]:
    try:
        database = await open_database(settings)
    except ConfigurationError as error:
        advice = "start it (longline up brings its own), or correct LONGLINE_DATABASE_URL"
        yield Finding("Postgres", False, str(error), advice)
        return
    try:
        yield await _postgres_version(database)
        yield await _clock(database)
        yield await _schema(database)
        login = await login_of(database)
        yield _login(login)
        yield _organisations(login)
        yield _scopes(login)
        yield await _master_key(settings, database)
    except HubError as error:
        yield Finding("Postgres", False, error.detail, "check its log: it answers only sometimes")
    finally:
        await database.close()


async def _postgres_version(database: Database) -> Finding:
    number = int(await database.fetchval("SHOW server_version_num"))
    version = f"{number // 10000}.{number % 10000}"
    advice = f"upgrade it to {OLDEST_POSTGRES} or newer"
    return Finding("Postgres", number // 10000 >= OLDEST_POSTGRES, f"version {version}", advice)


async def _clock(database: Database) -> Finding:
    """Deadlines and leases go by the database's clock, tokens by that of this machine."""
    before = time.monotonic()
    theirs: datetime = await database.fetchval("SELECT clock_timestamp()")
    on_the_way = time.monotonic() - before
    skew = (datetime.now(UTC) - theirs).total_seconds() - on_the_way / 2
    found = f"{skew:+.3f} s against the database's"
    advice = "synchronize both clocks by NTP (timedatectl set-ntp true)"
    return Finding("clock", abs(skew) <= MOST_SKEW_SECONDS, found, advice)


async def _schema(database: Database) -> Finding:
    try:
        missing = await pending(database)
    except ConfigurationError as error:
        return Finding("schema", False, str(error), "run the version that the database is for")
    found = f"lacks {', '.join(missing)}" if missing else "up to date"
    return Finding("schema", not missing, found, "run longline migrate")


def _login(login: DatabaseUser) -> Finding:
    """Serving with the login that owns the tables is allowed, and said."""
    found = f"{login.name} {_MAY[login.rights]}"
    return Finding("database login", login.rights in ("hub", "owner"), found, _TWO_LOGINS)


def _organisations(login: DatabaseUser) -> Finding:
    """A server on which nobody may make roles is allowed, and said."""
    return Finding("organisations", True, _APART[login.organisations], _TWO_LOGINS)


def _scopes(login: DatabaseUser) -> Finding:
    found = "a database role keeps members with rights over some devices to these"
    if not login.scopes:
        found = "members with rights over some devices are refused: no role longline_scoped"
    return Finding("scopes", True, found, _TWO_LOGINS)


async def _master_key(settings: Settings, database: Database) -> Finding:
    """What lies under which key; everything is to lie under the newest of the file."""
    name, path = "master key", key_file.path_of(settings)
    try:
        ring = None if path is None else key_file.read(path)
    except ConfigurationError as error:
        return Finding(name, False, str(error), "see docs/deployment.md, the master key")
    counts = Counter[str | None]()
    for each in await sealing.lying(database):
        counts[each.key_id] += each.count
    found = ", ".join(
        f"{count} {'in the clear' if key is None else f'under {key}'}"
        for key, count in counts.items()
    )
    if ring is None:
        advice = "set LONGLINE_MASTER_KEY_FILE to the file that holds these keys"
        return Finding(name, set(counts) <= {None}, f"no file; secrets: {found}", advice)
    others = counts.keys() - {ring.newest.id}
    advice = "longline admin rotate-master-key"
    if others - {*ring.ids, None}:
        advice = "put the keys that are missing back into the file: from a backup, or a replica"
    return Finding(name, not others, f"{path}; secrets: {found or 'none'}", advice)


async def _redis(settings: Settings) -> AsyncGenerator[Finding]:
    try:
        bus = Bus(settings.redis_url, clock=time.monotonic)
    except ValueError as error:
        advice = "set LONGLINE_REDIS_URL, e.g. redis://cache:6379/0"
        yield Finding("Redis", False, f"not an address: {error}", advice)
        return
    try:
        about = await bus.about()
    except BusUnavailable as error:
        advice = (
            "start it, or correct LONGLINE_REDIS_URL; meanwhile dashboards on other replicas wait"
        )
        yield Finding("Redis", False, f"does not answer: {error}", advice)
        return
    finally:
        await bus.close()
    yield _redis_version(about)
    policy = str(about.get("maxmemory_policy", "noeviction"))
    advice = "set maxmemory-policy noeviction: the hub trims its streams itself"
    yield Finding("Redis memory", policy == "noeviction", policy, advice)


def _redis_version(about: dict[str, Any]) -> Finding:
    version = str(about.get("redis_version", "0"))
    new_enough = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_REDIS
    own = about.get("valkey_version")
    found = f"Valkey {own}" if own else f"version {version}"
    advice = "upgrade to Redis or Valkey {}.{} or newer".format(*OLDEST_REDIS)
    return Finding("Redis", new_enough, found, advice)


def _print_json(findings: list[Finding]) -> None:
    shown = {"ok": all(finding.ok for finding in findings), "checks": findings}
    sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")


def _print_table(findings: list[Finding]) -> None:
    table = Table(box=None, header_style="bold")
    for heading in ("", "Check", "Found", "Fix"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]bad[/red]"
        table.add_row(mark, finding.check, escape(finding.found), escape(finding.advice))
    Console(highlight=False).print(table)
