"""Programs in containers of ours, and what those write, through the engine's API.

Imported only when a session asks for it: aiodocker takes 20 MiB. An engine does not end a program
when its client goes, so its process on this machine is signalled. Its number is 0 until it runs.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import aiodocker
import aiohttp

from device.base.session_settings import RefusedSession
from device.sessions.log_stream import since_of
from device.sessions.processes import VARIABLE, end_processes
from device.sessions.session_journal import SessionJournal
from device.sessions.stream import Stream, StreamLost
from protocol.sessions import (
    CLOSE,
    STDERR,
    STDIN,
    STDOUT,
    ExecParams,
    LogsParams,
    exited,
    failure,
    size_in,
    success,
)

LABEL: Final = "longline.device"
APPLICATION: Final = "longline.application"
SERVICE: Final = "longline.service"
GRACE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1
RUN_SECONDS: Final = 10.0
"""For a program to have a process."""
_STDERR: Final = 2
ENGINE_FAULTS: Final = (aiodocker.DockerError, aiohttp.ClientError, OSError, TimeoutError)


@asynccontextmanager
async def engine(socket: str) -> AsyncGenerator[Any]:
    """Half of aiodocker's signatures are untyped; answers are checked by use."""
    async with aiodocker.Docker(url=f"unix://{socket}") as docker:
        yield cast("Any", docker)


async def container_of(docker: Any, device_id: str, workload: str) -> Any:
    """The running container of `app/service`, by our labels. Raises `RefusedSession`."""
    application, _, service = workload.partition("/")
    labels = [f"{LABEL}={device_id}", f"{APPLICATION}={application}", f"{SERVICE}={service}"]
    try:
        found = await docker.containers.list(filters={"label": labels})
    except ENGINE_FAULTS as error:
        raise RefusedSession("no_engine", f"container engine: {error}") from None
    if not found:
        raise RefusedSession("not_found", f"{workload} does not run here")
    return found[0]


async def serve_exec(
    stream: Stream,
    docker: Any,
    container: Any,
    params: ExecParams,
    session_id: str,
    journal: SessionJournal,
) -> None:
    """Until the program has ended, or the stream is lost. Nothing of it is left behind."""
    journal.add(session_id)
    started: Any = None
    try:
        started = await container.exec(
            cmd=params.command,
            stdin=True,
            tty=params.tty,
            environment={**params.env, VARIABLE: session_id},
        )
        async with started.start(detach=False) as attached:
            await _carry(stream, started, attached)
    except* ENGINE_FAULTS as group:
        await _say_fault(stream, group)
    finally:
        if started is None:
            journal.remove(session_id)
        else:
            await asyncio.shield(_end(started, session_id, journal))


async def _say_fault(stream: Stream, group: BaseExceptionGroup[Exception]) -> None:
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    with contextlib.suppress(StreamLost):
        await stream.say(failure("Io", f"container engine: {fault}"))


async def _carry(stream: Stream, started: Any, attached: Any) -> None:
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(_take(stream, started, attached))
        giving = tasks.create_task(_give(stream, attached))
        gone = tasks.create_task(stream.gone())
        await asyncio.wait([taking, giving, gone], return_when=asyncio.FIRST_COMPLETED)
        if giving.done():
            code = (await started.inspect()).get("ExitCode")
            with contextlib.suppress(StreamLost):
                await stream.say(success() if code is None else exited(int(code)))
        for task in (taking, giving, gone):
            task.cancel()


async def _take(stream: Stream, started: Any, attached: Any) -> None:
    async for message in stream.messages():
        if message[0] == STDIN:
            with contextlib.suppress(RuntimeError, OSError):  # it takes no more
                await attached.write_in(message[1:])
        elif message[0] == CLOSE:
            end_of_stdin(attached)
        elif (size := size_in(message)) is not None:
            with contextlib.suppress(aiodocker.DockerError):
                await started.resize(w=size[0], h=size[1])


def end_of_stdin(attached: Any) -> None:
    """aiodocker has no word for it but closing all of it."""
    transport = attached._resp.connection.transport  # noqa: SLF001
    if transport is not None and transport.can_write_eof():
        transport.write_eof()


async def _give(stream: Stream, attached: Any) -> None:
    with contextlib.suppress(StreamLost):
        while (message := await attached.read_out()) is not None:
            channel = STDERR if message.stream == _STDERR else STDOUT
            await stream.send(channel, message.data)


async def _end(started: Any, session_id: str, journal: SessionJournal) -> None:
    """Its process is signalled, never one of a number below 2; then whatever carries the
    variable."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        while True:
            found = await started.inspect()
            pid, running = int(found.get("Pid") or 0), bool(found.get("Running"))
            age = loop.time() - began
            if (not running and pid > 0) or age > RUN_SECONDS + GRACE_SECONDS:
                break
            if not running and age > RUN_SECONDS:
                break
            if running and pid > 1:
                number = signal.SIGHUP if age < GRACE_SECONDS else signal.SIGKILL
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            await asyncio.sleep(LOOK_SECONDS)
    except (*ENGINE_FAULTS, RuntimeError):  # the engine, or this client of it, is closed
        pass
    await end_processes(session_id, None)
    journal.remove(session_id)


async def serve_container_logs(stream: Stream, container: Any, params: LogsParams) -> None:
    """As written, without the engine's time."""
    options: dict[str, Any] = {"stdout": True, "stderr": True, "tail": params.tail}
    since = since_of(params)
    if since is not None:
        options["since"] = int(since.timestamp())
    with contextlib.suppress(StreamLost):
        try:
            if not params.follow:
                written = await container.log(**options)
                await stream.send(STDOUT, "".join(written).encode("utf-8", "replace"))
                await stream.say(success())
                return
            async with asyncio.TaskGroup() as tasks:
                leaving = tasks.create_task(_left(stream))
                giving = tasks.create_task(_give_lines(stream, container, options))
                await asyncio.wait([leaving, giving], return_when=asyncio.FIRST_COMPLETED)
                leaving.cancel()
                giving.cancel()
        except* ENGINE_FAULTS as group:
            await _say_fault(stream, group)


async def _left(stream: Stream) -> None:
    async for _ in stream.messages():
        pass


async def _give_lines(stream: Stream, container: Any, options: dict[str, Any]) -> None:
    with contextlib.suppress(StreamLost):
        async for line in container.log(follow=True, **options):
            await stream.send(STDOUT, line.encode("utf-8", "replace"))
        await stream.say(success())
