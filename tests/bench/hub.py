"""The hub under measurement: one `longline up`, or two `longline hub` on the same stores.

Limits of what one device or one user may do are off, because few stand for many; nothing else is.
"""

import asyncio
import itertools
import re
import ssl
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

from dashboard_ws.endpoint import MOST_SOCKETS
from hub.base.vault import Vault
from tests.acceptance.chaos.cluster import Cluster, running_cluster
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.bench.minting import certify, mint
from tests.bench.subject import Subject

SETTINGS: Final = {
    "device_frame_rate": "0",
    "device_byte_rate": "0",
    "device_day_bytes": "0",
    "request_rate": "0",
    "command_rate": "0",
    "org_request_rate": "0",
    "org_command_rate": "0",
    "address_rate": "0",
    "enrollment_rate": "0",
    "user_token_seconds": "86400",
    "drain_seconds": "0",
    "log_level": "warning",
}
PASSWORD: Final = "a-password-of-the-bench"
_prefixes = itertools.count()


class Hub(Subject):
    """With an administrator's token. Of several replicas, `ports` are all, `port` the first; one
    alone has a device listener, too."""

    def __init__(
        self,
        servers: list[int],
        stores: list[int],
        ports: list[int],
        *,
        database_url: str,
        vault: Vault,
        token: str,
        device_port: int = 0,
    ) -> None:
        super().__init__(servers, stores, ports[0])
        self.ports = ports
        self.token = token
        self.device_port = device_port
        self._database_url = database_url
        self._vault = vault
        self.place()

    async def tokens(self, count: int) -> dict[str, str]:
        """New devices: id → token."""
        return await mint(self._database_url, self._vault, f"bench{next(_prefixes)}", count)

    async def certificates(self, count: int) -> dict[str, ssl.SSLContext]:
        """The same, with certificates: what each shows to the device listener."""
        names = list(await self.tokens(count))
        return await certify(self._database_url, self._vault, names)

    async def viewers(self, sockets: int) -> list[str]:
        """Tokens of as many new users as so many dashboards need."""
        url = f"http://127.0.0.1:{self.port}"
        found: list[str] = []
        async with httpx.AsyncClient(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=30,
        ) as rest:
            for _ in range(-(-sockets // MOST_SOCKETS)):
                name = f"viewer{next(_prefixes)}"
                user = {"username": name, "password": PASSWORD, "role": "VIEWER"}
                (await rest.post("/users", json=user)).raise_for_status()
                found.append(await asyncio.to_thread(log_in, url, name, PASSWORD))
        return found

    async def counter(self, name: str) -> Counter[str]:
        """A Prometheus counter or gauge by its labels, summed over all replicas."""
        pattern = re.compile(rf"^{name}((?:\{{.*\}})?) (\S+)$", re.MULTILINE)
        found = Counter[str]()
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            for port in self.ports:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
                found += {labels: int(float(value)) for labels, value in pattern.findall(text)}
        return found


@asynccontextmanager
async def running_hub() -> AsyncGenerator[Hub]:
    """One replica with its own Postgres and Valkey below it."""
    with tempfile.TemporaryDirectory(prefix="longline-bench-") as folder:
        process = HubProcess(Path(folder), device_port="0", **SETTINGS)
        try:
            await asyncio.to_thread(process.start)
            ready = process.ready
            token = log_in(process.url, ready["adminUser"], ready["adminPassword"])
            yield Hub(
                [int(ready["pid"])],
                [],
                [_port(process.url)],
                database_url=ready["databaseUrl"],
                vault=Vault(Path(folder) / "data" / "master-key"),
                token=token,
                device_port=_port(ready["deviceUrl"]),
            )
        finally:
            if process.running():
                await asyncio.to_thread(process.stop)


@asynccontextmanager
async def running_replicas(count: int) -> AsyncGenerator[Hub]:
    with tempfile.TemporaryDirectory(prefix="longline-bench-") as folder:
        async with running_cluster(Path(folder), replicas=count, **SETTINGS) as cluster:
            yield Hub(
                [replica.pid for replica in cluster.replicas],
                _stores(cluster),
                [replica.port for replica in cluster.replicas],
                database_url=cluster.servers.database_url,
                vault=Vault(),
                token=cluster.admin_token,
            )


def _stores(cluster: Cluster) -> list[int]:
    return [p.pid for which in ("postgres", "valkey") for p in cluster.servers.processes(which)]


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])
