"""`longline firmware repo`: a repository of plain files, for devices that look for their versions
by themselves (`[update] source`). Any server of files can serve it; the hub does at `/updates/`,
when `LONGLINE_UPDATES_DIR` names it. It needs the extra `update`."""

import hashlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated, Final

import msgspec
import typer
from msgspec import UNSET

from device.update.polled import Offer
from longline import artifact
from longline.errors import USAGE, MissingExtra, UserError
from longline.signing import signature_of
from protocol.commands import AGENT_TYPE

DAYS: Final = 7

app = typer.Typer()

Repository = Annotated[Path, typer.Argument(help="The directory of the repository.")]
Keys = Annotated[Path, typer.Option(help="The directory of the keys; keep it elsewhere.")]
Version = Annotated[str | None, typer.Option(help="Default: the version in the artifact.")]
Channel = Annotated[str, typer.Option(help="The channel of the release.")]
Software = Annotated[
    str, typer.Option("--type", help="What devices call this piece of their software.")
]
Days = Annotated[int, typer.Option(min=1, help="How long devices believe that this is the newest.")]


@app.command("init")
def init(
    repository: Repository,
    *,
    keys: Keys,
    root_keys: Annotated[int, typer.Option(min=1, help="How many keys the root has.")] = 1,
    threshold: Annotated[int, typer.Option(min=1, help="How many of them are needed.")] = 1,
    days: Days = DAYS,
) -> None:
    """Make keys and an empty repository; the root of trust that devices get is printed."""
    with _told():
        made: Path = _tuf().create(
            repository, keys, roots=root_keys, threshold=threshold, days=days
        )
    sys.stdout.write(f"{made}\n")


@app.command("publish")
def publish(
    repository: Repository,
    file: Annotated[Path, typer.Argument(help="The artifact.")],
    *,
    keys: Keys,
    version: Version = None,
    channel: Channel = "stable",
    software: Software = AGENT_TYPE,
    key: Annotated[
        Path | None, typer.Option(help="Sign the artifact with this private key, a PEM file.")
    ] = None,
    days: Days = DAYS,
) -> None:
    """Add a release, as the newest of its type in the channel."""
    with _told():
        offer = _offer(file, version or version_of(file, software), channel, software, key)
        _tuf().publish(repository, keys, file, offer, channel, days=days)
    sys.stdout.write(f"{offer.path}\n")


@app.command("refresh")
def refresh(repository: Repository, *, keys: Keys, days: Days = DAYS) -> None:
    """Say once more that what is published is the newest: run it before that expires."""
    with _told():
        expiries: dict[str, datetime] = _tuf().refresh(repository, keys, days=days)
    for name, moment in expiries.items():
        sys.stdout.write(f"{name} expires on {moment.date()}\n")


def version_of(file: Path, software: str) -> str:
    """As an artifact of the agent says itself. Raises `UserError`."""
    found = artifact.version_of(file) if software == AGENT_TYPE else None
    if found is None:
        raise UserError(f"{file} names no version: give --version", USAGE)
    return found


def _offer(file: Path, version: str, channel: str, software: str, key: Path | None) -> Offer:
    content = file.read_bytes()
    fields = {
        "version": version,
        "type": software,
        "path": f"{channel}/{software}/{version}/{file.name}",
        "filename": file.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    signature = UNSET if key is None else signature_of(file, key)
    try:
        offer = msgspec.convert(fields, Offer)
    except msgspec.ValidationError as error:
        raise UserError(str(error), USAGE) from None
    return msgspec.structs.replace(offer, signature_base64=signature)


@contextmanager
def _told() -> Generator[None]:
    """Faults in one line."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None


def _tuf() -> ModuleType:
    try:
        from longline import tuf_repository
    except ImportError:
        raise MissingExtra("firmware repo", "update") from None
    return tuf_repository
