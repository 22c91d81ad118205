"""`update_firmware`: download from the hub, verify, put beside what runs, restart.

`device.update.artifact` decides what is right, `device.update.trial` what runs after the restart.
Without a launcher the artifact is only staged, and taking it into use is somebody else's work.
"""

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import httpx
from msgspec import UNSET
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from device.base.errors import CommandFailed, HubUnreachable
from device.base.files import put_in_place, write_atomically
from device.executors.context import CommandContext, Done
from device.update.artifact import (
    StagedArtifact,
    UpdateRefused,
    accepted_offset,
    check_version,
    doubt_of_answer,
    resume_at,
    staged_name,
    verify,
    verify_signature,
)
from device.update.own_version import HOME, agent_version, installed_version
from device.update.signatures import fits
from device.update.trial import UpdateRecord
from device.update.versions import Versions
from protocol.codec import encode
from protocol.commands import UpdateFirmware

ATTEMPTS: Final = 8
_CHUNK: Final = 256 * 1024
_REPORT_PERCENT: Final = 5.0


async def update_firmware(command: UpdateFirmware, context: CommandContext) -> Done:
    versions = context.tools.versions
    if versions is not None and command.version == agent_version():
        return Done(
            output=f"Version {command.version} runs already.",
            data={"stagedPath": str(HOME), "version": command.version},
        )
    try:
        check_version(command, present=agent_version())
        part = await _fetched(command, context)
        if versions is not None:
            return await _swapped(command, context, versions, part)
        target = part.with_suffix("")
        await asyncio.to_thread(_stage, command, part, target)
        await context.tools.heard()
    except UpdateRefused as error:
        raise CommandFailed(error.code, error.message) from None
    except OSError as error:
        code = "disk_full" if error.errno == errno.ENOSPC else "not_staged"
        raise CommandFailed(code, error.strerror or "I/O error") from None
    return Done(
        output=f"Staged version {command.version}.",
        data={"stagedPath": str(target), "version": command.version},
    )


async def _fetched(command: UpdateFirmware, context: CommandContext) -> Path:
    """The artifact, verified, still under the name of a part."""
    settings = context.tools.settings
    part = settings.staging / f"{staged_name(command.version)}.part"
    await asyncio.to_thread(_make_room, part, alone=context.tools.versions is not None)
    await _download(command, context, part)
    context.progress(100, stage="verifying")
    await asyncio.to_thread(_verify, command, part, settings.firmware.trusted_keys)
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
    context.no_return()
    record = UpdateRecord(
        slot=slot,
        previous=versions.running(),
        version=command.version,
        from_version=agent_version(),
        installed=installed_version(),
        release_id=command.release_id,
        command_id=context.command_id,
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


async def _download(command: UpdateFirmware, context: CommandContext, part: Path) -> None:
    attempts = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=30),
        retry=retry_if_exception_type(HubUnreachable),
        reraise=True,
    )
    try:
        async for attempt in attempts:
            with attempt:
                await _fetch_rest(command, context, part)
    except HubUnreachable as error:
        raise CommandFailed("download_failed", error.message) from None


async def _fetch_rest(command: UpdateFirmware, context: CommandContext, part: Path) -> None:
    """Fetch what is missing of `part`. Raises `HubUnreachable` when the rest may come later."""
    most_bytes = context.tools.settings.firmware.max_bytes
    offset = await asyncio.to_thread(_resume_at, command, part, most_bytes)
    headers = {
        "Authorization": f"Bearer {await context.tools.enrolment.token()}",
        "Accept-Encoding": "identity",
    }
    if offset:
        headers["Range"] = f"bytes={offset}-"
    # The path is the hub's own (`protocol.commands`); below the address of the hub it stays there.
    request = context.tools.http.stream("GET", command.url.removeprefix("/"), headers=headers)
    try:
        async with request as answer:
            doubt = doubt_of_answer(answer.status_code, answer.headers.get("content-type"))
            if doubt is not None:
                raise HubUnreachable(doubt)
            begin = accepted_offset(offset, status=answer.status_code)
            with await asyncio.to_thread(_open, part, begin) as file:
                await _copy(command, context, answer, file)
    except httpx.HTTPError as error:
        raise HubUnreachable(str(error) or type(error).__name__) from None


async def _copy(
    command: UpdateFirmware, context: CommandContext, answer: httpx.Response, file: BinaryIO
) -> None:
    reported = -_REPORT_PERCENT
    async for chunk in answer.aiter_bytes(_CHUNK):
        await asyncio.to_thread(file.write, chunk)
        if file.tell() > command.size:
            raise UpdateRefused("size_mismatch", f"over {command.size} bytes")
        percent = 100.0 * file.tell() / max(1, command.size)
        if percent - reported >= _REPORT_PERCENT:
            reported = percent
            context.progress(round(percent, 1), stage="download")


def _resume_at(command: UpdateFirmware, part: Path, most_bytes: int) -> int:
    return resume_at(
        command,
        part_size=part.stat().st_size if part.exists() else 0,
        free_bytes=shutil.disk_usage(part.parent).free,
        most_bytes=most_bytes,
    )


def _open(part: Path, offset: int) -> BinaryIO:
    file = part.open("r+b" if offset else "wb")
    file.seek(offset)
    file.truncate()
    return file


def _verify(command: UpdateFirmware, part: Path, trusted_keys: Sequence[str]) -> None:
    """Raises `UpdateRefused`; a part that is not right is deleted."""
    try:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        verify(command, size=part.stat().st_size, sha256=digest)
        verify_signature(command, trusted_keys, partial(fits, part))
    except UpdateRefused:
        part.unlink()
        raise


def _stage(command: UpdateFirmware, part: Path, target: Path) -> None:
    """Give a verified part its name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    put_in_place(part, target)
    write_atomically(target.with_name("staged.json"), encode(_staged(command, target)), mode=0o644)


def _staged(command: UpdateFirmware, target: Path) -> StagedArtifact:
    signature = command.signature_base64
    return StagedArtifact(
        version=command.version,
        release_id=command.release_id,
        path=str(target),
        sha256=command.sha256,
        size=command.size,
        signature_base64=None if signature is UNSET else signature,
    )
