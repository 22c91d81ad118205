"""`update_firmware`: download from the hub, verify, put beside what runs, restart.

`device.update.artifact` decides what is right, `device.update.trial` what runs after the restart.
Without a launcher the artifact is only staged, and taking it into use is somebody else's work. What
is no agent is installed by what the device's file names (`installing`).
"""

import asyncio
import errno
import os
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from device.base.errors import CommandFailed
from device.base.files import put_in_place
from device.executors.context import CommandContext, Done, Tools
from device.executors.download import fetch
from device.executors.installing import install, note_staged
from device.update.artifact import UpdateRefused, check_version, staged_name
from device.update.bars import check_bar
from device.update.floors import check_floor
from device.update.own_version import HOME, agent_version, installed_version
from device.update.trial import UpdateRecord
from device.update.versions import Versions
from protocol.commands import AGENT_TYPE, UpdateFirmware
from protocol.ids import CommandId

NO_COMMAND: Final = CommandId("")


async def update_firmware(command: UpdateFirmware, context: CommandContext) -> Done:
    """Raises `CommandFailed`."""
    async with context.tools.updating:
        software = _type_of(command)
        pin = context.tools.pins().get(software)
        if pin not in (None, command.version):
            raise CommandFailed("pinned", f"an administrator has pinned {software} to {pin}")
        return await _updated(command, software, context)


async def bring(
    command: UpdateFirmware, tools: Tools, elsewhere: httpx.AsyncClient | None = None
) -> None:
    """The same without a command: for a pin, or from a source that is not the hub. Where the agent
    restarts for it, this does not return. Raises `CommandFailed`."""
    context = CommandContext(NO_COMMAND, tools, lambda _: None, elsewhere=elsewhere)
    async with tools.updating:
        done = await _updated(command, _type_of(command), context)
    if done.error is not None:
        raise CommandFailed(done.error.code, done.error.message)
    if done.afterwards is not None:
        await done.afterwards()
        await asyncio.Event().wait()


def _type_of(command: UpdateFirmware) -> str:
    return command.installer if isinstance(command.installer, str) else AGENT_TYPE


async def _updated(command: UpdateFirmware, software: str, context: CommandContext) -> Done:
    try:
        if context.tools.versions is not None:
            check_bar(context.tools.versions.bars(), command.sha256)
        if software == AGENT_TYPE:
            return await _update_agent(command, context)
        return await install(command, software, context)
    except UpdateRefused as error:
        raise CommandFailed(error.code, error.message) from None
    except OSError as error:
        code = "disk_full" if error.errno == errno.ENOSPC else "not_staged"
        raise CommandFailed(code, error.strerror or "I/O error") from None


async def _update_agent(command: UpdateFirmware, context: CommandContext) -> Done:
    versions = context.tools.versions
    if versions is not None and command.version == agent_version():
        return Done(
            output=f"Version {command.version} runs already.",
            data={"stagedPath": str(HOME), "version": command.version},
        )
    check_version(command, present=agent_version())
    check_floor(context.tools.software.floors, AGENT_TYPE, command.version)
    part = await _fetched(command, context)
    if versions is not None:
        return await _swapped(command, context, versions, part)
    target = part.with_suffix("")
    await asyncio.to_thread(_stage, command, part, target)
    await context.tools.heard()
    return Done(
        output=f"Staged version {command.version}.",
        data={"stagedPath": str(target), "version": command.version},
    )


async def _fetched(command: UpdateFirmware, context: CommandContext) -> Path:
    """The artifact, verified, still under the name of a part."""
    part = context.tools.settings.staging / f"{staged_name(command.version)}.part"
    await asyncio.to_thread(_make_room, part, alone=context.tools.versions is not None)
    await fetch(command, context, part)
    return part


def _make_room(part: Path, *, alone: bool) -> None:
    """`alone`: what other updates left there is of no use to anybody."""
    part.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        for other in part.parent.iterdir():
            if other != part and other.is_file():
                other.unlink()


async def _swapped(
    command: UpdateFirmware, context: CommandContext, versions: Versions, part: Path
) -> Done:
    """Unpack it beside what runs, and let it be tried at the next start, which is now."""
    context.progress(100, stage="unpacking")
    slot = await asyncio.to_thread(versions.unpack, part, command)
    is_signed = bool(context.tools.settings.firmware.trusted_keys)
    context.no_return()
    record = UpdateRecord(
        slot=slot,
        previous=versions.running(),
        version=command.version,
        from_version=agent_version(),
        installed=installed_version(),
        release_id=command.release_id,
        command_id=context.command_id,
        sha256=command.sha256,
        floor=versions.floor_of(slot) if is_signed else None,
    )
    await asyncio.to_thread(versions.write, record)
    await asyncio.to_thread(part.unlink, missing_ok=True)
    await context.tools.heard()
    return Done(
        output=f"Version {command.version} is in place; the agent restarts.",
        data={"stagedPath": str(versions.path(slot)), "version": command.version},
        afterwards=partial(_restart, context),
    )


async def _restart(context: CommandContext) -> None:
    await context.tools.uplink.say_goodbye()
    context.tools.restart()


def _stage(command: UpdateFirmware, part: Path, target: Path) -> None:
    """Give a verified part its name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    put_in_place(part, target)
    note_staged(command, AGENT_TYPE, target)
