"""Logs of containers, through the engine's API.

Any engine that speaks Docker's API on a unix socket will do (Docker, Podman).
"""

import asyncio
from typing import Any, Final, cast

import aiodocker
import aiohttp

from device.base.errors import CommandFailed

ENGINE_SECONDS: Final = 20.0


async def last_lines(socket: str, container: str, lines: int) -> list[str]:
    """The last `lines` lines that `container` wrote, oldest first, each with its time in front.

    Raises `CommandFailed`: `source_not_found`, `engine_unavailable`."""
    try:
        async with (
            asyncio.timeout(ENGINE_SECONDS),
            aiodocker.Docker(url=f"unix://{socket}") as docker,
        ):
            # Half of aiodocker's signatures are untyped; the answer is checked by use.
            engine = cast("Any", docker)
            found = await engine.containers.get(container)
            written: list[str] = await found.log(
                stdout=True, stderr=True, tail=lines, timestamps=True
            )
    except aiodocker.DockerError as error:
        code = "source_not_found" if error.status == 404 else "engine_unavailable"
        raise CommandFailed(code, str(error.message)) from None
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
        reason = str(error) or "no answer"
        raise CommandFailed("engine_unavailable", f"container engine: {reason}") from None
    return "".join(written).splitlines()[-lines:]
