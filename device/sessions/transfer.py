"""One file, down to a person or up to the device. What was written before the stream broke stays
for the next try; what is wrong leaves nothing."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from device.base.session_settings import SharedFolder
from device.sessions.folder_files import (
    BLOCK,
    USUAL_MODE,
    FileFault,
    PartFile,
    open_folder,
    open_regular,
)
from device.sessions.stream import Stream, StreamLost
from protocol.codec import rfc3339
from protocol.sessions import (
    END_OF_STDIN,
    STDIN,
    STDOUT,
    FileParams,
    StatusReason,
    failure,
    info,
    success,
)


async def serve_file(
    stream: Stream, params: FileParams, folder: SharedFolder, private: Sequence[Path]
) -> None:
    with contextlib.suppress(StreamLost):
        try:
            directory, name = await asyncio.to_thread(open_folder, folder, params.path, private)
            try:
                if params.direction == "down":
                    await _down(stream, params, directory, name)
                else:
                    await _up(stream, params, directory, name)
            finally:
                os.close(directory)
        except FileFault as fault:
            await stream.say(failure(cast("StatusReason", fault.reason), fault.message))
        except OSError as error:
            await stream.say(failure("Io", error.strerror or str(error)))


async def _down(stream: Stream, params: FileParams, directory: int, name: str) -> None:
    file = await asyncio.to_thread(open_regular, directory, name)
    try:
        found = os.fstat(file)
        if params.offset > found.st_size:
            raise FileFault("Refused", f"offset {params.offset} is beyond {found.st_size} bytes")
        said: dict[str, Any] = {
            "size": found.st_size,
            "mode": f"{found.st_mode & 0o7777:04o}",
            "mtime": rfc3339(datetime.fromtimestamp(found.st_mtime, UTC)),
        }
        await stream.say(info(**said))
        digest, at = hashlib.sha256(), 0
        while at < found.st_size:
            block = await asyncio.to_thread(os.pread, file, min(BLOCK, found.st_size - at), at)
            if not block:
                raise FileFault("Io", "the file became shorter meanwhile")
            digest.update(block)
            await stream.send(STDOUT, block[max(0, params.offset - at) :])
            at += len(block)
        await stream.say(info(sha256=digest.hexdigest()))
        await stream.say(success())
    finally:
        os.close(file)


async def _up(stream: Stream, params: FileParams, directory: int, name: str) -> None:
    size, sha256 = params.size or 0, params.sha256 or ""
    part = await asyncio.to_thread(PartFile, directory, name, size=size, sha256=sha256)
    try:
        await stream.say(info(offset=part.offset))
        async for message in stream.messages():
            if message[0] == STDIN:
                await asyncio.to_thread(part.write, message[1:])
            elif message == END_OF_STDIN:
                mode = int(params.mode, 8) if params.mode else USUAL_MODE
                await asyncio.to_thread(part.finish, mode)
                await stream.say(success())
                return
    except FileFault:
        part.drop()
        raise
    finally:
        part.close()
