"""`update_firmware`: download from the hub, verify, stage. `device.core.update` decides."""

import asyncio
import errno
import hashlib
import os
import shutil
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

from device.core.update import (
    Staged,
    UpdateRefused,
    accepted_offset,
    resume_at,
    staged_name,
    verify,
)
from device.errors import CommandFailed, HubUnreachable
from device.executors.context import Context, Done
from device.files import put_in_place, write_atomically
from protocol.codec import encode
from protocol.commands import UpdateFirmware

ATTEMPTS: Final = 8
_CHUNK: Final = 256 * 1024
_REPORT_PERCENT: Final = 5.0


async def update_firmware(command: UpdateFirmware, context: Context) -> Done:
    staging = context.tools.settings.staging
    target = staging / staged_name(command.version)
    part = target.with_name(f"{target.name}.part")
    try:
        await asyncio.to_thread(staging.mkdir, parents=True, exist_ok=True)
        await _download(command, context, part)
        context.progress(100, stage="verifying")
        await asyncio.to_thread(_stage, command, part, target)
    except UpdateRefused as error:
        raise CommandFailed(error.code, error.message) from None
    except OSError as error:
        code = "disk_full" if error.errno == errno.ENOSPC else "not_staged"
        raise CommandFailed(code, error.strerror or "I/O error") from None
    return Done(
        output=f"Staged version {command.version}.",
        data={"stagedPath": str(target), "version": command.version},
    )


async def _download(command: UpdateFirmware, context: Context, part: Path) -> None:
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


async def _fetch_rest(command: UpdateFirmware, context: Context, part: Path) -> None:
    """Fetch what is missing of `part`. Raises `HubUnreachable` when the rest may come later."""
    most_bytes = context.tools.settings.firmware.max_bytes
    offset = await asyncio.to_thread(_resume_at, command, part, most_bytes)
    headers = {
        "Authorization": f"Bearer {await context.tools.enrolment.token()}",
        "Accept-Encoding": "identity",
    }
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = context.tools.http.stream("GET", command.url.lstrip("/"), headers=headers)
    try:
        async with request as answer:
            if answer.status_code in {429, 500, 502, 503, 504}:
                raise HubUnreachable(f"the hub answered {answer.status_code}")
            begin = accepted_offset(offset, status=answer.status_code)
            with await asyncio.to_thread(_open, part, begin) as file:
                await _copy(command, context, answer, file)
    except httpx.HTTPError as error:
        raise HubUnreachable(str(error) or type(error).__name__) from None


async def _copy(
    command: UpdateFirmware, context: Context, answer: httpx.Response, file: BinaryIO
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


def _stage(command: UpdateFirmware, part: Path, target: Path) -> None:
    """Verify `part` and give it its name. A part that is not right is deleted."""
    try:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            verify(command, size=part.stat().st_size, sha256=digest)
    except UpdateRefused:
        part.unlink()
        raise
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    put_in_place(part, target)
    write_atomically(target.with_name("staged.json"), encode(_staged(command, target)), mode=0o644)


def _staged(command: UpdateFirmware, target: Path) -> Staged:
    signature = command.signature_base64
    return Staged(
        version=command.version,
        release_id=command.release_id,
        path=str(target),
        sha256=command.sha256,
        size=command.size,
        signature_base64=None if signature is UNSET else signature,
    )
