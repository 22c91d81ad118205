"""`longline ca`: the authority that gives certificates to devices, straight in the database, for
whoever reaches it and has the master key. Each change has its row in the audit log.

Running replicas take up a change within seconds.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from cryptography.x509 import Certificate

from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base import sealing
from hub.base.errors import ConfigurationError
from hub.base.present import now_of
from hub.base.settings import Settings
from hub.base.vault import of_settings
from hub.certificates.authority import CertificateAuthority
from hub.certificates.making import Authority, id_of
from hub.certificates.reading import NotUsable, read_authority
from hub.certificates.store import CertificateStore
from longline import serving
from longline.errors import USAGE, UserError
from longline.installation import DataDir, open_database, require_schema, settings_of
from protocol.codec import rfc3339

T = TypeVar("T")

app = typer.Typer()


@app.command("show")
def show(
    *,
    pem: Annotated[
        bool, typer.Option("--pem", help="The certificates themselves, for whoever trusts them.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Show whose certificates count, the one that signs first."""

    async def work(authority: CertificateAuthority) -> str:
        if pem:
            return authority.bundle
        signs = authority.require()
        return "".join(_line(each, signs) for each in authority.trusted)

    sys.stdout.write(_with_authority(settings_of(data_dir), work))


@app.command("import")
def import_(
    certificate: Annotated[
        Path, typer.Argument(help="PEM file: the authority's certificate, then those above it.")
    ],
    key: Annotated[Path, typer.Argument(help="PEM file of its private key, without a password.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Have an authority of your own sign from now on; the one before is trusted until it
    expires."""
    try:
        authority = read_authority(_text(certificate), _text(key).encode())
    except NotUsable as error:
        raise UserError(f"{certificate}: {error}", USAGE) from None
    _replace(settings_of(data_dir), lambda _: authority, "ca.import")


@app.command("rotate")
def rotate(*, data_dir: DataDir = None) -> None:
    """Have a new authority sign from now on; the one before is trusted until it expires."""
    _replace(settings_of(data_dir), lambda its: its.made_anew(), "ca.rotate")


def _replace(
    settings: Settings, make: Callable[[CertificateAuthority], Authority], action: str
) -> None:
    async def work(its: CertificateAuthority) -> str:
        authority = make(its)
        if authority.certificate.not_valid_after_utc <= its.now():
            raise ConfigurationError("the certificate of the authority has expired")
        await its.replace(authority, action=action)
        return authority.id

    signs = _with_authority(settings, work)
    sys.stdout.write(
        f"{signs} signs from now on. Devices take new certificates when theirs are due; whoever "
        "checks certificates beside the hub needs `longline ca show --pem`.\n"
    )


def _with_authority(settings: Settings, work: Callable[[CertificateAuthority], Awaitable[T]]) -> T:
    """Raises `UserError`."""
    answers: list[T] = []

    async def main(_: asyncio.Event) -> None:
        database = await open_database(settings)
        try:
            await require_schema(database)
            vault = of_settings(settings)
            await sealing.prepare(database, vault)
            vault.require()
            now = (await now_of(database)).timestamp()
            authority = CertificateAuthority(
                CertificateStore(database, vault),
                AuditService(AuditStore(database)),
                vault,
                lambda: now,
                seconds=settings.certificate_seconds,
            )
            await authority.prepare()
            answers.append(await work(authority))
        finally:
            await database.close()

    serving.run(main)
    return answers[0]


def _line(certificate: Certificate, signs: Authority) -> str:
    role = "signs  " if certificate == signs.certificate else "trusted"
    until = rfc3339(certificate.not_valid_after_utc)
    return f"{role}  {id_of(certificate)}  until {until}  {certificate.subject.rfc4514_string()}\n"


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not a PEM file", USAGE) from None
