"""A container engine and a registry of the test's own: Debian's `docker.io`, `docker-registry` and
an image made of `busybox-static`.

Both have their data, sockets and pid files in a folder of the test, and are ended by their ids. A
bridge cannot be had everywhere, so containers have the network of this machine, or none.
"""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

WANTED = ("dockerd", "docker", "docker-registry", "busybox")
START_SECONDS = 60.0
LINKS = (
    "sh",
    "sleep",
    "cat",
    "id",
    "ls",
    "true",
    "false",
    "echo",
    "kill",
    "test",
    "date",
    "touch",
    "stty",
)
PASSWD = "root:x:0:0:root:/root:/bin/sh\nplant:x:4711:4712::/:/bin/sh\n"
"""`plant` is a user that only the image knows."""


def missing() -> str | None:
    """Why there can be no engine here."""
    absent = [each for each in WANTED if _program(each) is None]
    if absent:
        return (
            f"not here: {', '.join(absent)} (Debian's docker.io, docker-registry, busybox-static)"
        )
    return None if os.geteuid() == 0 else "a container engine of one's own wants root"


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Engine:
    """`folder` is short: a socket's path is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self._exec_root = folder / "exec"
        self._config = folder / "daemon.json"
        self._config.write_text("{}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.folder / "dockerd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    _program("dockerd") or "dockerd",
                    *("--data-root", str(self.folder / "data")),
                    *("--exec-root", str(self._exec_root)),
                    *("-H", f"unix://{self.socket}", "--pidfile", str(self.folder / "pid")),
                    *("--iptables=false", "--ip6tables=false", "--bridge=none"),
                    *("--storage-driver=vfs", "--config-file", str(self._config)),
                ],
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while self._try("version").returncode != 0:
            if time.monotonic() > end or (self._process and self._process.poll() is not None):
                raise AssertionError((self.folder / "dockerd.log").read_text()[-2000:])
            time.sleep(0.05)

    def cut_power(self) -> None:
        """Everything of it ends at once, containers too; what was in memory is gone."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait(timeout=30)
        self._unmount()
        shutil.rmtree(self._exec_root, ignore_errors=True)
        (self.folder / "pid").unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """By id, first the engine, that it starts nothing again."""
        own = str(self._exec_root)
        others = [
            each.info["pid"]
            for each in psutil.process_iter(["pid", "cmdline"])
            if any(own in word for word in each.info["cmdline"] or ())
        ]
        roots = [*([self._process.pid] if self._process else []), *others]
        found: list[psutil.Process] = []
        for pid in dict.fromkeys(roots):
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        return found

    def _unmount(self) -> None:
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            point = line.split(" ")[4]
            if point.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", point], check=False, capture_output=True)

    # What tests ask it.

    def _try(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [_program("docker") or "docker", "-H", f"unix://{self.socket}", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def docker(self, *arguments: str, stdin: bytes = b"") -> str:
        done = self._try(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def containers(self) -> dict[str, dict[str, Any]]:
        """All of them as `inspect` shows them, by name."""
        ids = self.docker("ps", "-aq", "--no-trunc").split()
        if not ids:
            return {}
        shown = self._try("inspect", *ids)  # some may be gone by now
        return {each["Name"].removeprefix("/"): each for each in json.loads(shown.stdout)}

    def starts(self, since: float) -> int:
        """Of containers, from a moment on."""
        until = f"{time.time():.6f}"
        found = self.docker(
            "events", "--since", f"{since:.6f}", "--until", until, "--filter", "event=start"
        )
        return len(found.splitlines())

    def running(self) -> list[str]:
        return sorted(n for n, each in self.containers().items() if each["State"]["Running"])

    def make_image(self, name: str, note: str = "") -> None:
        """Small; another `note` makes another image."""
        self.docker("import", "-", name, stdin=_image(note))

    def push(self, name: str) -> str:
        """The digest that it has in its registry."""
        self.docker("push", "-q", name)
        shown = json.loads(self.docker("inspect", name))[0]["RepoDigests"]
        repository = name.rpartition(":")[0]
        return next(each for each in shown if each.startswith(f"{repository}@")).split("@")[1]

    def forget_image(self, name: str) -> None:
        self.docker("rmi", "-f", name)

    def execute(self, container: str, *argv: str) -> str:
        return self.docker("exec", container, *argv)


def _image(note: str) -> bytes:
    busybox = Path(_program("busybox") or "busybox").read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "run"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, content, mode in (
            ("bin/busybox", busybox, 0o755),
            ("etc/passwd", PASSWD.encode(), 0o644),
            ("etc/group", b"root:x:0:\n", 0o644),
            ("etc/note", note.encode(), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
        for name in LINKS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return archive.getvalue()


@contextmanager
def container_engine(folder: Path) -> Generator[Engine]:
    engine = Engine(folder)
    engine.start()
    try:
        yield engine
    finally:
        engine.cut_power()


class Registry:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self._file = folder / "registry.yml"
        self._file.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
            f"http: {{addr: '{self.host}'}}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [_program("docker-registry") or "docker-registry", "serve", str(self._file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None


@contextmanager
def registry(folder: Path) -> Generator[Registry]:
    found = Registry(folder)
    found.start()
    try:
        yield found
    finally:
        found.stop()
