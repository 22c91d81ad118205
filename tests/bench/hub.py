"""The hub under measurement: started, pinned, sampled, stopped."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

START_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Hub:
    """A running hub, and an administrator's access to it."""

    def __init__(self, ready: dict[str, Any], client: httpx.AsyncClient) -> None:
        self.url: str = ready["url"]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.pid: int = ready["pid"]
        self.client = client
        self._key: str = ready["enrollmentKey"]
        self._password: str = ready["adminPassword"]
        self.token = ""

    async def sign_in(self) -> None:
        body = {"username": "admin", "password": self._password}
        answer = await self.client.post("/api/v1/auth/login", json=body)
        self.token = answer.raise_for_status().json()["data"]["token"]
        self.client.headers["Authorization"] = f"Bearer {self.token}"

    async def device_tokens(self, prefix: str, count: int) -> dict[str, str]:
        """Enrol devices, fifty at a time; id → token."""
        slots = asyncio.Semaphore(50)

        async def enrol(device_id: str) -> tuple[str, str]:
            async with slots:
                answer = await self.client.post(
                    f"/api/v1/devices/{device_id}/token", headers={"X-Enrollment-Key": self._key}
                )
                return device_id, answer.raise_for_status().json()["data"]["token"]

        return dict(await asyncio.gather(*(enrol(f"{prefix}-{n}") for n in range(count))))

    async def counter(self, name: str) -> float:
        """The sum of a Prometheus counter over its labels."""
        text = (await self.client.get("/metrics")).text
        pattern = re.compile(rf"^{name}(?:\{{.*\}})? (\S+)$", re.MULTILINE)
        return sum(float(value) for value in pattern.findall(text))

    def cpu_seconds(self) -> float:
        """User and system time of the hub's own process (not of Postgres and Valkey)."""
        return cpu_seconds(self.pid)

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def running_hub() -> AsyncGenerator[Hub]:
    """A fresh hub without rate limits for devices, on core 0 when there are two."""
    with tempfile.TemporaryDirectory(prefix="longline-bench-") as folder:
        ready_file = Path(folder) / "ready.json"
        environment = {
            **os.environ,
            "LONGLINE_DEVICE_FRAME_RATE": "0",
            "LONGLINE_DEVICE_BYTE_RATE": "0",
            "LONGLINE_USER_TOKEN_SECONDS": "86400",
            "LONGLINE_LOG_LEVEL": "warning",
        }
        argv = ["-m", "longline", "up", "--data-dir", f"{folder}/data", "--port", "0"]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *argv,
            "--ready-file",
            str(ready_file),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not ready_file.exists():  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.05)
            ready = msgspec.json.decode(ready_file.read_bytes())
            _pin(process.pid)
            async with httpx.AsyncClient(base_url=ready["url"], timeout=120) as client:
                hub = Hub(ready, client)
                await hub.sign_in()
                yield hub
        finally:
            process.terminate()
            await process.wait()


def _pin(pid: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))
