"""The owner's own certificates and proxy: one seat for enrolment, line, downloads and tools."""

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.edge import Agent
from tests.acceptance.hub.clients import until
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import fails_in_one_line, longline
from tests.certificates import Authority
from tests.forward_proxy import ForwardProxy

NAME = "hub.plant.example"


class Plant:
    """A hub whose certificate a private authority signed, for 127.0.0.1 and a name that no
    resolver knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        certificate, key = self.authority.issue("127.0.0.1", NAME)
        self.hub = HubProcess(folder, tls_cert=str(certificate), tls_key=str(key))
        self.agents: list[Agent] = []

    @property
    def port(self) -> int:
        return int(self.hub.url.rpartition(":")[2])

    def agent(self, device_id: str, settings: str = "", **variables: str) -> Agent:
        agent = Agent(self.folder, self.hub, device_id, settings, **variables)
        self.agents.append(agent)
        return agent

    def rest(self) -> httpx.AsyncClient:
        """An administrator's."""
        trust = ssl.create_default_context(cafile=str(self.authority.file))
        base = f"{self.hub.url}/api/v1"
        return httpx.AsyncClient(base_url=base, verify=trust, trust_env=False, timeout=30)

    async def token(self) -> str:
        sign_in = {"username": "admin", "password": self.hub.ready["adminPassword"]}
        async with self.rest() as rest:
            answer = await rest.post("/auth/login", json=sign_in)
        return str(answer.json()["data"]["token"])

    async def is_connected(self, device_id: str) -> bool:
        async with self.rest() as rest:
            bearer = {"Authorization": f"Bearer {await self.token()}"}
            found = await rest.get(f"/devices/{device_id}", headers=bearer)
        return found.status_code == 200 and found.json()["data"]["connected"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Plant]:
    plant = Plant(tmp_path_factory.mktemp("plant"))
    await asyncio.to_thread(plant.hub.start)
    yield plant
    for agent in plant.agents:
        await agent.end(signal.SIGKILL)
    await asyncio.to_thread(plant.hub.stop)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("by", ["file", "variable", "system"])
async def test_a_companys_own_authority_is_trusted(plant: Plant, by: str) -> None:
    file = str(plant.authority.file)
    settings, variables = {
        "file": (f'[tls]\nca_file = "{file}"\nuse_system_store = false\n', {}),
        "variable": ("", {"LONGLINE_CA_FILE": file}),
        "system": ("", {"SSL_CERT_FILE": file}),
    }[by]
    agent = plant.agent(f"ca-{by}", settings, **variables)
    await agent.start()
    await until(lambda: plant.is_connected(agent.device_id))


async def test_who_does_not_trust_it_waits_and_says_why(plant: Plant) -> None:
    agent = plant.agent("stranger", SSL_CERT_FILE="/dev/null")
    await agent.start()

    async def said() -> bool:
        return agent.log().count("certificate verify failed") >= 2

    await until(said)
    assert not await plant.is_connected(agent.device_id)


async def test_everything_goes_by_the_proxy_that_alone_knows_the_hub(plant: Plant) -> None:
    async with ForwardProxy({NAME: ("127.0.0.1", plant.port)}).serving() as proxy:
        agent = plant.agent(
            "proxied",
            f'proxy = "{proxy.url}"\n[firmware]\nstage_only = true\n',
            LONGLINE_CA_FILE=str(plant.authority.file),
        )
        await agent.start(f"https://{NAME}:{plant.port}")
        await until(lambda: plant.is_connected(agent.device_id))
        enrolled_and_on_line = len(proxy.connected)
        assert enrolled_and_on_line >= 2

        answer = await command(plant, agent.device_id, await release(plant))

        assert answer["status"] == "SUCCESS", answer
        assert set(proxy.connected) == {f"{NAME}:{plant.port}"}
        assert proxy.refused == []
        assert proxy.password not in agent.log()
        await agent.end()


async def release(plant: Plant) -> dict[str, object]:
    """What a device needs to download it."""
    bearer = {"Authorization": f"Bearer {await plant.token()}"}
    async with plant.rest() as rest:
        query = {"version": "1.2.3", "channel": "stable", "filename": "a"}
        answer = await rest.post(
            "/firmware/releases", params=query, content=b"content", headers=bearer
        )
    found = answer.json()["data"]
    return {
        "type": "update_firmware", "releaseId": found["id"], "version": "1.2.3",
        "url": f"/api/v1/firmware/releases/{found['id']}/artifact",
        "sha256": found["sha256"], "size": found["size"],
    }  # fmt: skip


async def command(plant: Plant, device_id: str, command: dict[str, object]) -> dict[str, object]:
    bearer = {"Authorization": f"Bearer {await plant.token()}"}
    async with plant.rest() as rest:
        answer = await rest.post(
            f"/devices/{device_id}/commands", json={"command": command}, headers=bearer
        )
    return answer.json()["data"]


async def test_the_simulator_and_the_tools_trust_it_too(plant: Plant) -> None:
    trust = ("--ca-file", str(plant.authority.file))
    key = {"LONGLINE_ENROLLMENT_KEY": str(plant.hub.ready["enrollmentKey"])}
    done = await asyncio.to_thread(
        longline, "fleet", "--hub", plant.hub.url, "--devices", "2", "--seconds", "1", *trust, **key
    )
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["linesOpened"] >= 2

    artifact = plant.folder / "agent.tar.gz"
    artifact.write_bytes(b"not looked into")
    done = await asyncio.to_thread(
        longline, "firmware", "upload", artifact, "--hub", plant.hub.url, "--version", "9.9.9",
        *trust, LONGLINE_TOKEN=await plant.token(),
    )  # fmt: skip
    assert done.returncode == 0, done


@pytest.mark.parametrize("program", ["device", "fleet"])
async def test_nothing_is_sent_in_clear_to_another_machine(program: str, tmp_path: Path) -> None:
    where = ("--state-dir", tmp_path) if program == "device" else ()
    done = await asyncio.to_thread(
        longline, program, "--hub", "http://10.255.255.1:8080", *where,
        LONGLINE_ENROLLMENT_KEY="k",
    )  # fmt: skip
    assert "not encrypted, and the hub is another machine" in fails_in_one_line(done)


async def test_a_file_that_is_no_certificate_is_said_in_one_line(tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        longline, "device", "--hub", "https://127.0.0.1:1", "--state-dir", tmp_path,
        "--ca-file", "/etc/hostname", LONGLINE_ENROLLMENT_KEY="k",
    )  # fmt: skip
    assert "holds no certificate" in fails_in_one_line(done)


async def test_the_hub_says_what_is_wrong_with_its_own_way_out() -> None:
    nowhere = {"LONGLINE_DATABASE_URL": "postgresql://d", "LONGLINE_REDIS_URL": "redis://r"}
    for variables, said in (
        ({"LONGLINE_CLOUD_URL": "http://10.255.255.1"}, "LONGLINE_CLOUD_INSECURE=on"),
        ({"LONGLINE_CA_FILE": "/none", "LONGLINE_CLOUD_URL": "https://c"}, "cannot read /none"),
        ({"LONGLINE_PROXY": "socks5://p", "LONGLINE_CLOUD_URL": "https://c"}, "LONGLINE_PROXY"),
    ):
        done = await asyncio.to_thread(
            longline, "hub", LONGLINE_CLOUD_TOKEN="t", **nowhere, **variables
        )
        assert said in fails_in_one_line(done)
