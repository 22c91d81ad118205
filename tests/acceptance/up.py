"""What tests of whole processes share: waiting with a deadline, ending, signing in."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.deploy import postgres_programs

DEADLINE = 30.0
POLL_SECONDS = 0.02
LONGLINE = (sys.executable, "-m", "longline")


def until(condition: Callable[[], bool], *, seconds: float = DEADLINE) -> None:
    """Fails when `condition` has not come true by then."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come true in time"
        time.sleep(POLL_SECONDS)


def environment(**variables: str) -> dict[str, str]:
    """Ours without any `LONGLINE_*`, and `variables`."""
    clean = {name: v for name, v in os.environ.items() if not name.startswith("LONGLINE_")}
    return clean | variables


def longline(
    *arguments: str | Path, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a subcommand that ends by itself."""
    return subprocess.run(
        [*LONGLINE, *arguments],
        input=stdin, capture_output=True, text=True, timeout=60, env=environment(**variables),
        check=False,
    )  # fmt: skip


def fails_in_one_line(done: subprocess.CompletedProcess[str], *, code: int = 2) -> str:
    """What it said."""
    assert done.returncode == code, done
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("longline: "), done.stderr
    return lines[0]


def dump(ready: Mapping[str, Any]) -> str:
    """Everything in the database of a `longline up`."""
    url = ready["databaseUrl"].replace("longline_server@", "longline@")
    done = subprocess.run(
        [postgres_programs() / "pg_dump", "--inserts", url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@contextlib.contextmanager
def stopped(process: subprocess.Popen[Any]) -> Generator[None]:
    """Ends it with SIGTERM afterwards, and waits."""
    try:
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE)


@contextlib.contextmanager
def replica(
    folder: Path, **variables: str
) -> Generator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A `longline hub` that keeps its files in `folder`; and its ready file."""
    file = folder / "replica.json"
    with (folder / "replica.log").open("wb") as log:
        process = subprocess.Popen(
            [*LONGLINE, "hub", "--port", "0", "--ready-file", file],
            env=environment(**variables), stdout=log, stderr=log,
        )  # fmt: skip
    with stopped(process):
        until(file.exists)
        yield process, json.loads(file.read_bytes())


def family(pid: int) -> list[psutil.Process]:
    """The children of a process, and theirs."""
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process], *, seconds: float) -> bool:
    """Whether all of them end within `seconds`."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


@contextlib.contextmanager
def signed_in(ready: dict[str, Any]) -> Generator[httpx.Client]:
    """REST as the administrator of a ready file, in the first organisation."""
    base = f"{ready['url']}/api/v1"
    with httpx.Client(base_url=base, timeout=DEADLINE, trust_env=False) as rest:
        body = {"username": ready["adminUser"], "password": ready["adminPassword"]}
        token = rest.post("/auth/login", json=body | {"orgId": "default"}).json()["data"]["token"]
        rest.headers["Authorization"] = f"Bearer {token}"
        yield rest
