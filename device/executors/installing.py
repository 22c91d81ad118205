"""Software that is no agent: staged, installed by the program that the device's file names for its
type, and proven. What fails is undone, and the result says what is installed then.

From the start of the program on, nothing takes the command back. If the agent ends meanwhile its
command is `unknown`, and the next start reports what the proof says.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import UNSET, Struct

from device import process
from device.base.errors import CommandFailed
from device.base.files import put_in_place, write_atomically
from device.base.installers import InstallerSettings, filled
from device.base.output import Written
from device.base.percent import PercentLines
from device.base.text import decode, ending
from device.executors.context import CommandContext, Done
from device.executors.download import fetch
from device.update.artifact import (
    STAGED,
    StagedArtifact,
    check_keys,
    check_version,
    part_name,
    staged_place,
)
from device.update.floors import check_floor
from protocol.codec import encode
from protocol.commands import UpdateFirmware
from protocol.replies import ResultError

STDERR_BYTES: Final = 4096
NOTHING: Final = Written(b"", b"", 0)


class Fault(Struct, frozen=True, kw_only=True):
    """Why an installation failed, and what its program wrote to standard error."""

    code: str
    message: str
    stderr: Written


async def install(command: UpdateFirmware, software: str, context: CommandContext) -> Done:
    """Raises `UpdateRefused`, `CommandFailed`, `OSError`."""
    installed = context.tools.software
    settings = context.tools.settings.firmware
    installer = installed.installer(software)
    if installer is None and not settings.stage_only:
        raise CommandFailed("unsupported", f"this device does not install {software}")
    present = None if installer is None else await installed.found(software)
    if present == command.version:
        return Done(output=f"{software} {present} is installed already.", data={"version": present})
    if present is not None:
        check_version(command, present=present)
    check_floor(installed.floors, software, command.version)
    unsigned = installer is None or installer.unsigned
    check_keys(settings.trusted_keys, unsigned=unsigned)
    installed.stage(software, command.version)
    try:
        target = await _staged(command, software, context, unsigned=unsigned, keep=present)
        if installer is not None:
            return await _installed(command, software, context, installer, target)
    finally:
        if installer is not None:
            installed.stage(software, None)
    return Done(
        output=f"Staged {software} {command.version}.",
        data={"stagedPath": str(target), "version": command.version},
    )


async def _staged(
    command: UpdateFirmware,
    software: str,
    context: CommandContext,
    *,
    unsigned: bool,
    keep: str | None,
) -> Path:
    """Where the artifact lies, verified. Of others only the version `keep` stays."""
    staging = context.tools.settings.staging
    named = command.filename if isinstance(command.filename, str) else "artifact"
    target = staging / staged_place(software, command.version, named)
    kept = None if keep is None else (staging / staged_place(software, keep, named)).parent
    part = target.parent.parent / part_name(command.sha256)
    await asyncio.to_thread(_make_room, part, target.parent, kept)
    await fetch(command, context, part, unsigned=unsigned)
    await asyncio.to_thread(_put, command, software, part, target)
    return target


def _make_room(part: Path, *keep: Path | None) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    for other in part.parent.iterdir():
        if other.is_dir() and other not in keep:
            shutil.rmtree(other)
        elif other.is_file() and other != part:
            other.unlink()


def _put(command: UpdateFirmware, software: str, part: Path, target: Path) -> None:
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    put_in_place(part, target)
    note_staged(command, software, target)


def note_staged(command: UpdateFirmware, software: str, target: Path) -> None:
    """Say beside it what it is. Raises `OSError`."""
    signature = command.signature_base64
    staged = StagedArtifact(
        version=command.version,
        release_id=command.release_id,
        path=str(target),
        sha256=command.sha256,
        size=command.size,
        signature_base64=None if signature is UNSET else signature,
        type=software,
    )
    write_atomically(target.with_name(STAGED), encode(staged), mode=0o644)


async def _installed(
    command: UpdateFirmware,
    software: str,
    context: CommandContext,
    installer: InstallerSettings,
    target: Path,
) -> Done:
    context.no_return()
    context.progress(0, stage="installing")
    fill = partial(filled, file=str(target), version=command.version)
    percents = PercentLines(partial(context.progress, stage="installing"), time.monotonic)
    fault, stderr = await _run(installer, fill(installer.argv), percents.take)
    if fault is None:
        context.progress(stage="proving")
        found = await context.tools.software.prove(software, command.version)
        if found == command.version:
            return Done(
                output=f"Installed {software} {command.version}.",
                data={"stagedPath": str(target), "version": command.version},
            )
        fault = Fault(
            code="version_mismatch",
            message=f"the proof names {found or 'no version'}",
            stderr=stderr,
        )
    undone = await _undone(installer, fill(installer.undo_argv or ()))
    found = await context.tools.software.found(software)
    return _failed(fault, undone, {"stagedPath": str(target), "version": found})


async def _run(
    installer: InstallerSettings, argv: list[str], seen: Callable[[bytes], None] | None = None
) -> tuple[Fault | None, Written]:
    """What went wrong, if anything did, and what was written to standard error."""
    try:
        finished = await process.run(
            argv,
            timeout_seconds=installer.timeout_seconds,
            stdout_limit=0,
            stderr_limit=STDERR_BYTES,
            seen=seen,
        )
    except process.CannotRun as error:
        return Fault(code="program_missing", message=error.message, stderr=NOTHING), NOTHING
    except process.TimedOut as error:
        message = f"killed after {installer.timeout_seconds:g} s"
        stderr = error.finished.stderr
        return Fault(code="timeout", message=message, stderr=stderr), stderr
    if finished.exit_code == 0:
        return None, finished.stderr
    message = f"ended with {finished.exit_code}"
    return Fault(code="exit_code", message=message, stderr=finished.stderr), finished.stderr


async def _undone(installer: InstallerSettings, argv: list[str]) -> str:
    """What came of undoing it, for people."""
    if not argv:
        return "nothing undoes it"
    fault, _ = await _run(installer, argv)
    return "undone" if fault is None else f"not undone: {fault.message}"


def _failed(fault: Fault, undone: str, data: dict[str, str | None]) -> Done:
    written = fault.stderr.head + fault.stderr.tail
    said = decode(written[-STDERR_BYTES:]).strip()
    head = f"{fault.message}; {undone}"
    tail = ending(said, STDERR_BYTES - len(head) - 2)
    return Done(
        output=said or None,
        data={**data, "stderr": said},
        error=ResultError(code=fault.code, message=f"{head}\n{tail}" if tail else head),
    )
