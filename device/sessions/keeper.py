"""The sessions of this device: what the hub asks for is refused, or opened on a socket of its own.

Each session is a task; what one of them comes to ends no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import structlog
from msgspec import Struct
from websockets.exceptions import InvalidHandshake, InvalidMessage

from cloud.outward import WayOut
from device.base.errors import HubUnreachable
from device.base.session_settings import (
    RefusedSession,
    SessionsSettings,
    check,
    folder_of,
    listed_at,
)
from device.line.line import connect
from device.logs.sources import LogSources, engine_socket
from device.sessions import forwarding, log_stream, shell, transfer
from device.sessions.processes import may_signal_others
from device.sessions.session_journal import SessionJournal
from device.sessions.stream import Stream, StreamLost
from protocol.frames import (
    SESSION_CONNECT,
    SESSION_OPEN,
    SessionAccepted,
    SessionConnect,
    SessionOpen,
    SessionRefused,
)
from protocol.sessions import (
    SUBPROTOCOL,
    ExecParams,
    FileParams,
    ForwardParams,
    LogsParams,
    SessionParams,
    ShellParams,
    failure,
    params_of,
)

_log = structlog.stdlib.get_logger()

ACCEPTS: Final = (SESSION_OPEN, SESSION_CONNECT)
MOST: Final = 40
"""At once, with the connections of forwards."""
MOST_FORWARDS: Final = 1024
"""That are remembered: the hub says of none that it is over. Few are open at once, so the one that
was used least recently is not one of them."""
CLOSE_SECONDS: Final = 2.0

Serve = Callable[[Stream], Awaitable[None]]


class GivenTokens(Protocol):
    async def token(self) -> str: ...


class SessionPlace(Struct, frozen=True):
    """What sessions need of the agent's settings."""

    hub: str
    device_id: str
    settings: SessionsSettings
    engine: str | None
    """The socket of the container engine, as it is configured."""
    private: tuple[Path, ...]
    """The agent's own directories."""
    journal: Path


class SessionKeeper:
    def __init__(
        self,
        place: SessionPlace,
        *,
        way_out: WayOut,
        agent: str,
        tokens: GivenTokens,
        send: Callable[[Struct], None],
        logs: LogSources,
    ) -> None:
        self._place = place
        self._way_out = way_out
        self._agent = agent
        self._tokens = tokens
        self._send = send
        self._logs = logs
        self._journal = SessionJournal(place.journal)
        self._asked: asyncio.Queue[SessionOpen | SessionConnect] = asyncio.Queue()
        self._forwards: dict[str, ForwardParams] = {}
        self._running = 0

    async def end_left_behind(self) -> None:
        """Before the first hello."""
        await self._journal.end_left_behind()

    def asked(self, frame: SessionOpen | SessionConnect) -> None:
        self._asked.put_nowait(frame)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                frame = await self._asked.get()
                if isinstance(frame, SessionOpen):
                    tasks.create_task(self._guarded(self._open(frame), frame.session_id))
                else:
                    tasks.create_task(self._guarded(self._connect(frame), frame.session_id))

    async def _guarded(self, work: Coroutine[Any, Any, None], session_id: str) -> None:
        self._running += 1
        try:
            await work
        except RefusedSession as refused:
            self._refuse(session_id, refused)
        except (OSError, StreamLost, InvalidHandshake, InvalidMessage, HubUnreachable) as error:
            _log.warning("session_failed", session_id=session_id, reason=str(error))
        except Exception:
            _log.exception("session_failed", session_id=session_id)
        finally:
            self._running -= 1

    def _refuse(self, session_id: str, refused: RefusedSession) -> None:
        _log.info("session_refused", session_id=session_id, code=refused.code)
        self._send(
            SessionRefused(session_id=session_id, code=refused.code, message=refused.message)
        )

    async def _open(self, frame: SessionOpen) -> None:
        if self._running > MOST:
            raise RefusedSession("busy", "too many sessions are open on this device")
        try:
            params = params_of(frame.kind, frame.params)
        except (KeyError, msgspec.ValidationError) as error:
            raise RefusedSession("not_allowed", f"not understood: {error}") from None
        check(self._place.settings, params)
        if isinstance(params, ForwardParams):
            if len(self._forwards) >= MOST_FORWARDS:
                del self._forwards[next(iter(self._forwards))]
            self._forwards[frame.session_id] = params
            self._send(SessionAccepted(session_id=frame.session_id))
            return
        _log.info("session_opened", session_id=frame.session_id, kind=frame.kind)
        await self._serve(frame.session_id, params)
        _log.info("session_ended", session_id=frame.session_id)

    async def _connect(self, frame: SessionConnect) -> None:
        params = self._forwards.pop(frame.session_id, None)
        if params is not None:
            self._forwards[frame.session_id] = params  # the most recent, by now
        hosts = [] if params is None else listed_at(self._place.settings, params.port)

        async def serve(stream: Stream) -> None:
            if params is None:
                await stream.say(failure("AgentRestarted", "the agent does not know the session"))
            else:
                await forwarding.serve_forward(stream, params, hosts)

        await self._on_stream(f"{frame.session_id}?connection={frame.connection}", serve)

    async def _serve(self, session_id: str, params: SessionParams) -> None:
        """Raises `RefusedSession` before its socket is opened."""
        match params:
            case ShellParams():
                await self._shell(session_id, params)
            case ExecParams():
                await self._exec(session_id, params)
            case LogsParams(workload=str() as workload):
                await self._container_logs(session_id, params, workload)
            case LogsParams():
                log_stream.since_of(params)
                await self._on_stream(
                    session_id, lambda stream: log_stream.serve_logs(stream, params, self._logs)
                )
            case FileParams():
                folder = folder_of(self._place.settings, params)
                assert folder is not None  # noqa: S101 - it was checked
                await self._on_stream(
                    session_id,
                    lambda stream: transfer.serve_file(stream, params, folder, self._place.private),
                )
            case ForwardParams():
                raise AssertionError("a forward has no stream of its own")

    async def _shell(self, session_id: str, params: ShellParams) -> None:
        shell.login_of(params.user)

        async def serve(stream: Stream) -> None:
            self._journal.add(session_id)
            program = await shell.start(params, session_id)
            self._journal.add(session_id, program.process.pid)
            await shell.serve_shell(stream, program, session_id, self._journal)

        await self._on_stream(session_id, serve)

    async def _exec(self, session_id: str, params: ExecParams) -> None:
        from device.sessions import container_exec

        if not may_signal_others():
            raise RefusedSession(
                "cannot_end", "the agent lacks CAP_KILL: what it starts it could not end"
            )
        async with container_exec.engine(self._engine()) as docker:
            found = await container_exec.container_of(
                docker, self._place.device_id, params.workload
            )
            await self._on_stream(
                session_id,
                lambda stream: container_exec.serve_exec(
                    stream, docker, found, params, session_id, self._journal
                ),
            )

    async def _container_logs(self, session_id: str, params: LogsParams, workload: str) -> None:
        from device.sessions import container_exec

        log_stream.since_of(params)
        async with container_exec.engine(self._engine()) as docker:
            found = await container_exec.container_of(docker, self._place.device_id, workload)
            await self._on_stream(
                session_id,
                lambda stream: container_exec.serve_container_logs(stream, found, params),
            )

    def _engine(self) -> str:
        socket = engine_socket(self._place.engine)
        if socket is None:
            raise RefusedSession("no_engine", "this device has no container engine")
        return socket

    async def _on_stream(self, path: str, serve: Serve) -> None:
        """Opens the socket, and closes it behind what is served. An agent that ends says so."""
        token = await self._tokens.token()
        url = f"ws{self._place.hub.removeprefix('http').rstrip('/')}/ws/sessions/{path}"
        connection = await connect(
            url, token, agent=self._agent, way_out=self._way_out, subprotocol=SUBPROTOCOL
        )
        stream = Stream(connection)
        try:
            await serve(stream)
        except asyncio.CancelledError:
            await asyncio.shield(_goodbye(stream))
            raise
        finally:
            await asyncio.shield(stream.close())


async def _goodbye(stream: Stream) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await stream.say(failure("AgentRestarted", "the agent ends"))
    except (StreamLost, TimeoutError):
        return
