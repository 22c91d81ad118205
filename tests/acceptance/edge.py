"""A factory: the real hub, real agents, and a stand-in cloud, each of which can be cut off."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.cloud import Cloud

TOKEN = "secret-token"


class Agent:
    """`longline device` on a state directory of its own."""

    def __init__(
        self,
        folder: Path,
        hub: HubProcess,
        device_id: str,
        settings: str = "",
        company: str = "acme",
        **variables: str,
    ) -> None:
        """`settings` are lines of its file, keys before tables; `variables` of the environment."""
        self._variables = variables
        self.device_id = device_id
        self.company = company
        self.folder = folder / device_id
        self.folder.mkdir()
        self.drop = self.folder / "state" / "drop"
        self.socket = self.folder / "s"
        self.config = self.folder / "state" / "config.json"
        self._settings = settings
        self._hub = hub
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, hub_url: str | None = None) -> None:
        file = self.folder / "agent.toml"
        file.write_text(
            f'hub = "{hub_url or self._hub.url}"\nid = "{self.device_id}"\n'
            f'company_id = "{self.company}"\n'
            f'state_dir = "{self.folder / "state"}"\nsocket = "{self.socket}"\n'
            f"{self._settings}[metrics]\ninterval_seconds = 1\n"
        )
        key = {"LONGLINE_ENROLLMENT_KEY": str(self._hub.ready["enrollmentKey"])}
        with (self.folder / "agent.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "longline", "device", "--config", file,
                stdout=log, stderr=log, env=os.environ | key | self._variables,
            )  # fmt: skip

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(15):
            return await self._process.wait()

    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    async def emit(self, *records: Json) -> list[Json]:
        """Hand records to the socket; the answers."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            answers: list[Json] = []
            for record in records:
                writer.write(json.dumps(record).encode() + b"\n")
                answers.append(json.loads(await reader.readline()))
            return answers
        finally:
            writer.close()

    def drop_file(self, name: str, records: Sequence[Json]) -> None:
        """As a producer should: whole, and then under its name."""
        self.drop.mkdir(parents=True, exist_ok=True)
        beside = self.drop / f".{name}"
        beside.write_text("".join(json.dumps(record) + "\n" for record in records))
        beside.rename(self.drop / name)


class Factory:
    def __init__(self, hub: HubProcess, cloud: Cloud, folder: Path) -> None:
        self.hub = hub
        self.cloud = cloud
        self.folder = folder
        self.agents: list[Agent] = []
        self.password = str(hub.ready["adminPassword"])

    @asynccontextmanager
    async def rest(self) -> AsyncGenerator[Rest]:
        token = await asyncio.to_thread(log_in, self.hub.url, "admin", self.password)
        async with Rest.open(self.hub.url, token) as rest:
            yield rest

    async def agent(self, device_id: str, settings: str = "", company: str = "acme") -> Agent:
        """Started, and on a line."""
        agent = Agent(self.folder, self.hub, device_id, settings, company)
        self.agents.append(agent)
        await agent.start()

        async with self.rest() as rest:

            async def connected() -> bool:
                found = await rest.get(f"/devices/{device_id}")
                return found.status_code == 200 and found.json()["data"]["connected"]

            await until(connected, seconds=20)
        return agent

    def direct(self) -> str:
        """Settings of an agent that has its own access to the cloud."""
        file = self.folder / "cloud-token"
        file.write_text(TOKEN)
        return f'[cloud]\nurl = "{self.cloud.url}"\ntoken_file = "{file}"\n'


@asynccontextmanager
async def factory(folder: Path, cloud: Cloud, **variables: str) -> AsyncGenerator[Factory]:
    settings = {"cloud_url": cloud.url, "cloud_token": TOKEN, **variables}
    hub = HubProcess(folder, **settings)
    await asyncio.to_thread(hub.start)
    made = Factory(hub, cloud, folder)
    try:
        yield made
    finally:
        for agent in made.agents:
            await agent.end(signal.SIGKILL)
        if hub.running():
            await asyncio.to_thread(hub.stop)
