"""What the scripts of packages ask of the agent while they replace its installation."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from device.base.errors import BadSettings
from device.settings import load
from device.update.own_version import installed_version
from device.update.trial import UpdateRecord, ended_by_package, given_up, kept, standing
from device.update.versions import Versions
from longline.errors import UserError

VersionsDir = Annotated[Path, typer.Option("--versions", help="Where versions are kept.")]


def before_upgrade(*, versions: VersionsDir) -> None:
    """End a version that is on trial: what will be installed takes its place."""
    found = Versions(versions)
    _write(found, ended_by_package(found.read()))


def after_upgrade(
    *,
    versions: VersionsDir,
    config: Annotated[Path | None, typer.Option(help="Settings, a TOML file.")] = None,
) -> None:
    """Say which version runs from now on, and see to it."""
    found = Versions(versions)
    _write(found, ended_by_package(found.read()))
    record = found.read()
    stays, slot = kept(record, installed=installed_version()), standing(record)
    if stays is None or slot is None:
        return
    if _prefers_package(config):
        _write(found, given_up(stays))
        return
    _write(found, stays)
    sys.stdout.write(
        f"version {slot.version} of the agent, which the hub has brought, is newer than"
        f" {installed_version()} and keeps running"
        " (prefer_package = true in [firmware] decides otherwise)\n"
    )


def _prefers_package(config: Path | None) -> bool:
    """Settings that cannot be used ask for nothing."""
    try:
        return load(config, {"hub": "https://localhost"}).firmware.prefer_package
    except BadSettings:
        return False


def _write(versions: Versions, record: UpdateRecord | None) -> None:
    if record is None:
        return
    try:
        versions.write(record)
    except OSError as error:
        raise UserError(f"cannot write in {versions.root}: {error.strerror}") from None
