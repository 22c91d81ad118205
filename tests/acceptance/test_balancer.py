"""Two replicas behind HAProxy with the very file of `deploy/compose/`, on ports of this machine."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from msgspec import Struct
from websockets.asyncio.client import connect

from tests.acceptance.hub.clients import Device, Rest, Socket, bearer
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import replica, stopped, until
from tests.deploy import DEPLOY, program

NAME = "localhost"
Process = subprocess.Popen[bytes]


class Site(Struct):
    url: str
    """Of the balancer, https."""
    plain_url: str
    trust: ssl.SSLContext
    one: HubProcess
    two: Process
    log: Path
    """Of the balancer."""
    token: str
    """The administrator's."""

    @asynccontextmanager
    async def rest(self) -> AsyncGenerator[Rest]:
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=bearer(self.token), verify=self.trust,
            timeout=20, trust_env=False,
        ) as client:  # fmt: skip
            yield Rest(client)

    async def device_token(self, device_id: str) -> str:
        key = self.one.ready["enrollmentKey"]
        async with self.rest() as rest:
            answer = await rest.post(f"/devices/{device_id}/token", X_Enrollment_Key=key)
        return str(answer.json()["data"]["token"])

    @asynccontextmanager
    async def line(self, device_id: str) -> AsyncGenerator[Device]:
        """A device that shows its token in the address."""
        token = await self.device_token(device_id)
        address = f"{self.url.replace('http', 'ws', 1)}/ws/device?token={token}"
        async with connect(address, ssl=self.trust, compression=None, proxy=None) as connection:
            welcome = await Socket(connection).expect("welcome", deviceId=device_id)
            yield Device(connection, device_id, welcome)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def site(tmp_path: Path) -> Generator[Site]:
    haproxy, _ = program("haproxy"), program("openssl")
    secrets = tmp_path / "secrets"
    subprocess.run([DEPLOY / "compose" / "make-secrets", NAME, secrets], check=True)
    one = HubProcess(tmp_path, trusted_proxies="127.0.0.1", request_rate="0")
    one.start()
    ports = free_port(), free_port()
    trust = ssl.create_default_context(cafile=secrets / "tls.pem")
    with contextlib.ExitStack() as stack:
        stack.callback(one.kill)
        two, second = stack.enter_context(replica(tmp_path, **as_second(one)))
        config = tmp_path / "haproxy.cfg"
        config.write_text(on_this_machine(ports, secrets / "tls.pem", one.url, second["url"]))
        log = stack.enter_context(balancer(haproxy, config))
        url = f"https://{NAME}:{ports[1]}"
        until(lambda: answers(url, trust))
        token = log_in(one.url, "admin", one.ready["adminPassword"])
        yield Site(url, f"http://{NAME}:{ports[0]}", trust, one, two, log, token)


def as_second(one: HubProcess) -> dict[str, str]:
    return {
        "LONGLINE_DATABASE_URL": one.ready["databaseUrl"],
        "LONGLINE_REDIS_URL": one.ready["redisUrl"],
        "LONGLINE_DATA_DIR": str(one.folder / "data"),
        "LONGLINE_TRUSTED_PROXIES": "127.0.0.1",
        "LONGLINE_DRAIN_SECONDS": "80",  # a twentieth for each of a few lines
    }


@contextmanager
def balancer(haproxy: str, config: Path) -> Generator[Path]:
    """Its log, once it listens."""
    path = config.with_suffix(".log")
    with path.open("wb") as log:
        process = subprocess.Popen([haproxy, "-db", "-f", config], stdout=log, stderr=log)
    with stopped(process):
        until(lambda: listens(process, path))
        yield path


def listens(process: Process, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return any(c.status == "LISTEN" for c in psutil.Process(process.pid).net_connections("tcp"))


def on_this_machine(ports: tuple[int, int], pem: Path, *replicas: str) -> str:
    """The file, with other ports, names and places and nothing else changed."""
    text = (DEPLOY / "compose" / "haproxy.cfg").read_text()
    text = text.replace("bind :8080", f"bind 127.0.0.1:{ports[0]}")
    text = text.replace("bind :8443", f"bind 127.0.0.1:{ports[1]}")
    text = text.replace("/run/secrets/tls.pem", str(pem))
    text = text.replace("maxconn 60000", "maxconn 500")  # as many files may be open here
    for number, url in enumerate(replicas, start=1):
        text = text.replace(f"hub-{number}:8080", url.removeprefix("http://"))
    return text


def answers(url: str, trust: ssl.SSLContext) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", verify=trust, trust_env=False).status_code == 200
    return False


async def on_each_replica(site: Site, stack: contextlib.AsyncExitStack) -> dict[str, Device]:
    """Devices by their replica, until both have one: the balancer takes the one with fewer."""
    found: dict[str, Device] = {}
    for number in range(20):
        device = await stack.enter_async_context(site.line(f"edge-{number}"))
        found[device.welcome["replicaId"]] = device
        if len(found) == 2:
            return found
    raise AssertionError("all lines are on one replica")


async def test_lines_and_requests_go_to_both_and_no_token_into_the_log(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        devices = await on_each_replica(site, stack)
        rest = await stack.enter_async_context(site.rest())
        for device in devices.values():
            command_id = await rest.accept(device.device_id)
            await device.command(id=command_id)
            await device.succeed(command_id)
            await rest.until_status(device.device_id, command_id, "SUCCESS")
        metrics = [
            await rest.client.get(f"{site.url}{path}")
            for path in ("/metrics", "/%6detrics", "//metrics", "/./metrics", "/metrics;x")
        ]
        plain = await rest.client.get(f"{site.plain_url}/api/v1/devices?token=abc")

    assert [answer.status_code for answer in metrics] == [404] * 5
    assert (plain.status_code, plain.headers["location"][:8]) == (308, "https://")
    until(lambda: site.log.read_text().count("/ws/device 101") >= 2)
    text = site.log.read_text()
    assert "/api/v1/devices" in text
    for secret in ("token=", "eyJ", site.token[:20], site.one.ready["enrollmentKey"]):
        assert secret not in text


async def test_a_replica_that_drains_is_left_out_and_nothing_fails(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        devices = await on_each_replica(site, stack)
        rest = await stack.enter_async_context(site.rest())
        replicas = await replicas_behind(rest, site)

        site.two.terminate()
        statuses: set[int] = set()
        while "hub-2 is DOWN" not in site.log.read_text():
            statuses.add((await rest.get("/devices")).status_code)
        assert site.two.poll() is None, "left out because it drains, not because it is gone"
        async with site.line("edge-late") as late:
            left = late.welcome["replicaId"]
        while await asyncio.to_thread(site.two.poll) is None:
            statuses.add((await rest.get("/devices")).status_code)
    assert site.two.returncode == 0
    assert statuses == {200}
    assert replicas == set(devices)
    assert left in replicas
    async with site.rest() as rest:
        assert await replicas_behind(rest, site) == {left}


async def replicas_behind(rest: Rest, site: Site) -> set[str]:
    answers: list[Any] = [(await rest.client.get(f"{site.url}/healthz")).json() for _ in range(8)]
    return {answer["replicaId"] for answer in answers}


async def test_what_a_client_says_of_its_address_does_not_count(site: Site) -> None:
    claimed = "203.0.113.9"
    async with site.rest() as rest:
        headers = {"X-Forwarded-For": claimed}
        body = {"username": "nobody", "password": "wrong password"}
        refused = await rest.client.post("/auth/login", json=body, headers=headers)

    assert refused.status_code == 401
    logs = site.one.log() + (site.one.folder / "replica.log").read_text()
    assert "/api/v1/auth/login" in logs
    assert claimed not in logs
