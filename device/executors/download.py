"""An artifact on its way: fetched from the hub in as many pieces as it takes, and verified.

`device.update.artifact` decides what is right. A part that an interrupted download left is gone on
with.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import httpx
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from device.base.errors import CommandFailed, HubUnreachable
from device.executors.context import CommandContext
from device.update.artifact import (
    UpdateRefused,
    accepted_offset,
    doubt_of_answer,
    resume_at,
    verify,
    verify_signature,
)
from device.update.signatures import fits
from protocol.commands import UpdateFirmware

ATTEMPTS: Final = 8
_CHUNK: Final = 256 * 1024
_REPORT_PERCENT: Final = 5.0


async def fetch(
    command: UpdateFirmware, context: CommandContext, part: Path, *, unsigned: bool = False
) -> None:
    """The artifact, whole and verified, as `part`, whose directory is there. With `unsigned` it
    needs no signature. Raises `UpdateRefused`, `CommandFailed`, `OSError`."""
    await _download(command, context, part)
    context.progress(100, stage="verifying")
    keys = context.tools.settings.firmware.trusted_keys
    await asyncio.to_thread(_verify, command, part, keys, unsigned=unsigned)


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
    headers = {"Accept-Encoding": "identity"}
    if context.elsewhere is None:  # the hub alone sees the token
        headers["Authorization"] = f"Bearer {await context.tools.enrolment.token()}"
    if offset:
        headers["Range"] = f"bytes={offset}-"
    # The path is the hub's own (`protocol.commands`); below the address of the hub it stays there.
    http = context.elsewhere or context.tools.http
    request = http.stream("GET", command.url.removeprefix("/"), headers=headers)
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


def _verify(
    command: UpdateFirmware, part: Path, trusted_keys: Sequence[str], *, unsigned: bool
) -> None:
    """Raises `UpdateRefused`; a part that is not right is deleted."""
    try:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        verify(command, size=part.stat().st_size, sha256=digest)
        verify_signature(command, trusted_keys, partial(fits, part), unsigned=unsigned)
    except UpdateRefused:
        part.unlink()
        raise
