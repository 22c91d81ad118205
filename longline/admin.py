"""`longline admin`: users, keys and enrolment, straight in the database, for whoever reaches it.

No password is ever an argument: it is asked for, read as one line of standard input, or generated
and printed once. Every change has its row in the audit log, with the actor `hub`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.console import Console

from hub.accounts.names import username_of
from hub.accounts.passwords import require_strong
from hub.accounts.recovery import THE_HUB
from hub.accounts.tokens import new_secret
from hub.accounts.users_rest import UserBody
from hub.accounts.wiring import People, services
from hub.audit.entries import AuditEntry
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base import key_file, sealing
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.errors import ConfigurationError, Invalid
from hub.base.master_key import Keyring
from hub.base.settings import Settings
from hub.base.vault import Vault, of_settings
from longline import serving
from longline.errors import USAGE, UserError
from longline.installation import DataDir, open_database, require_schema, settings_of
from protocol.ids import DEFAULT_ORG

T = TypeVar("T")


class RoleName(StrEnum):
    NONE = "NONE"
    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"


class ReenrollName(StrEnum):
    OFFLINE = "offline"
    ALWAYS = "always"
    NEVER = "never"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


app = typer.Typer()

Username = Annotated[str, typer.Argument(help="The user's name.")]
Generate = Annotated[
    bool, typer.Option("--generate", help="Generate a password and print it once.")
]


@app.command("create-user")
def create_user(
    username: Username,
    *,
    role: Annotated[RoleName, typer.Option(help="The role of the user.")] = RoleName.VIEWER,
    display_name: Annotated[str | None, typer.Option(help="The display name.")] = None,
    generate: Generate = False,
    data_dir: DataDir = None,
) -> None:
    """Create a user. The password is asked for, or is one line of standard input."""
    settings = settings_of(data_dir)
    body = _checked(username, _password(generate=generate), role, display_name)

    async def create(of: People) -> None:
        await of.users.create_user(
            THE_HUB,
            body.username,
            body.password,
            body.role,
            body.display_name,
            initial_password=generate,
        )

    _with_services(settings, create)
    _tell(f"created {username}, {role}", body.password if generate else None)


@app.command("reset-password")
def reset_password(
    username: Username, *, generate: Generate = False, data_dir: DataDir = None
) -> None:
    """Give a user a new password and end every session of theirs."""
    settings = settings_of(data_dir)
    body = _checked(username, _password(generate=generate), RoleName.VIEWER, None)
    _with_services(settings, lambda of: of.recovery.reset_password(username, body.password))
    _tell(f"{username} has a new password", body.password if generate else None)


@app.command("remove-factor")
def remove_factor(username: Username, *, data_dir: DataDir = None) -> None:
    """Let a user who has lost the authenticator program or a passkey sign in by password alone."""
    settings = settings_of(data_dir)
    _with_services(settings, lambda of: of.recovery.remove_factor(username))
    _tell(f"{username} signs in with the password alone")


@app.command("rotate-keys")
def rotate_keys(
    *,
    revoke: Annotated[
        bool,
        typer.Option(
            "--revoke",
            help="A key has leaked: every token of the old keys is rejected at once. People sign "
            "in again, devices enrol again.",
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Sign tokens with a new key from now on; those in use stay valid until they run out."""
    kid = _with_services(settings_of(data_dir), lambda of: of.accounts.rotate_keys(revoke=revoke))
    _tell(f"tokens are signed with the new key {kid}")
    if revoke:
        _tell("every token of the old keys is refused, on every replica within five seconds")


@app.command("enrollment")
def enrollment(
    *,
    auto: Annotated[
        Switch | None, typer.Option(help="Whether unknown devices with the key are registered.")
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Create a new key; the old one is invalid at once.")
    ] = False,
    reenroll: Annotated[
        ReenrollName | None,
        typer.Option(help="Whether known devices get a new token by the key."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the key with which devices enrol, make a new one, switch auto-enrolment on or off."""
    settings = settings_of(data_dir)

    async def look(of: People) -> tuple[str, bool, str]:
        if auto is not None:
            await of.organisation.change(THE_HUB, auto_enroll=auto is Switch.ON)
        if reenroll is not None:
            await of.organisation.change(THE_HUB, reenroll=reenroll.value)
        if new_key:
            await of.organisation.new_enrollment_key(THE_HUB)
        return await of.accounts.enrollment(DEFAULT_ORG)

    key, is_on, again = _with_services(settings, look)
    _tell(f"enrolment key   {key}")
    _tell(f"known devices   {again}")
    _tell(f"auto-enrolment  {'on' if is_on else 'off'}")
    if settings.auto_enroll is not None:
        _tell("(LONGLINE_AUTO_ENROLL decides wherever it is set)")


@app.command("new-master-key")
def new_master_key(
    file: Annotated[
        Path | None,
        typer.Argument(help="By default LONGLINE_MASTER_KEY_FILE, else in the data directory."),
    ] = None,
    *,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Leave a file that is there as it is.")
    ] = False,
) -> None:
    """Make the file of the master key, or add a new key before those in it."""
    settings = serving.settings_from(log_level="error", log_format="console")
    try:
        if file is None:
            file = key_file.wanted(settings)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if key_file.make(file):
            _tell(f"made {file}: a backup without it is half a backup")
        elif not if_missing:
            _tell(f"{file} begins with the new key {key_file.add(file).newest.id}")
    except (ConfigurationError, OSError) as error:
        raise UserError(str(error)) from None


@app.command("rotate-master-key")
def rotate_master_key(*, data_dir: DataDir = None) -> None:
    """Wrap every secret in the database by the newest master key; hubs may run meanwhile.

    A run that was cut goes on where it ended. When nothing is left to wrap, a new key is added to
    master-key in the data directory first; to a file of LONGLINE_MASTER_KEY_FILE never, because
    every replica has to have it before.
    """
    settings = settings_of(data_dir)
    path = key_file.path_of(settings)
    if path is None:
        raise UserError("there is no master key: set LONGLINE_MASTER_KEY_FILE", USAGE)

    async def rotate(_: asyncio.Event) -> None:
        database = await open_database(settings)
        try:
            await require_schema(database)
            await _rotate_master_key(database, path, may_add=not settings.master_key_file)
        finally:
            await database.close()

    serving.run(rotate)


async def _rotate_master_key(database: Database, path: Path, *, may_add: bool) -> None:
    vault = Vault(path)
    await sealing.prepare(database, vault)
    ring = vault.require()
    left = await _left(database, ring)
    if left == 0 and not may_add:
        raise ConfigurationError(
            f"everything is wrapped by the newest key of {path}: add a new one for every replica "
            "first (longline admin new-master-key)"
        )
    if left == 0:
        ring = key_file.add(path)
        left = await _left(database, ring)
    await sealing.announce(database, vault, ring)
    done = await sealing.wrap(
        database, vault, ring, progress=lambda done: _tell(f"{done} of {left} wrapped")
    )
    gone = await sealing.forget(database, ring.newest.id)
    entry = AuditEntry(
        org=DEFAULT_ORG,
        actor="hub",
        action="master_key.rotate",
        target=ring.newest.id,
        detail={"wrapped": done, "unused": gone},
    )
    async with database.transaction() as connection:
        await AuditService(AuditStore(database)).record(connection, entry)
    _tell(f"everything is wrapped by the master key {ring.newest.id}")
    if gone:
        _tell(f"only backups of before need {', '.join(gone)}: keep the old lines with them")


async def _left(database: Database, ring: Keyring) -> int:
    """How many lie under another key than the newest."""
    found = await sealing.lying(database)
    return sum(each.count for each in found if each.key_id != ring.newest.id)


def _with_services(settings: Settings, work: Callable[[People], Awaitable[T]]) -> T:
    """Raises `UserError`."""
    answers: list[T] = []

    async def main(_: asyncio.Event) -> None:
        database = await open_database(settings)
        try:
            answers.append(await work(await _services(database, settings)))
        finally:
            await database.close()

    serving.run(main)
    return answers[0]


async def _services(database: Database, settings: Settings) -> People:
    """On a database that no replica has seen yet, with what its first start would make."""
    await require_schema(database)
    vault = of_settings(settings)
    await sealing.prepare(database, vault)
    people = services(
        database,
        vault,
        AuditService(AuditStore(database)),
        settings,
        DatabaseClock(),
    )
    await people.accounts.prepare()
    return people


def _password(*, generate: bool) -> str:
    if generate:
        return new_secret()
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _checked(username: str, password: str, role: RoleName, display_name: str | None) -> UserBody:
    """By the rules of the REST API. Raises `UserError`."""
    fields = {
        "username": username,
        "password": password,
        "role": role.value,
        "displayName": display_name,
    }
    try:
        body = msgspec.convert(fields, UserBody)
        require_strong(body.password, username_of(body.username))
    except (msgspec.ValidationError, Invalid) as error:
        raise UserError(str(error), USAGE) from None
    return body


def _tell(text: str, password: str | None = None) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(text, markup=False, emoji=False)
    if password is not None:
        console.print(f"password  {password}   (shown this once)", markup=False, emoji=False)
