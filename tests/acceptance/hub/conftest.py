"""One hub for the whole session; each test makes devices, users and groups of its own."""

import json
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Fleet, Rest
from tests.acceptance.hub.process import HubProcess

ROLES = ("VIEWER", "OPERATOR", "MANAGER", "ADMIN")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    assert process.stop() == 0
    failures = [line for line in process.log().splitlines() if '"level": "error"' in line]
    assert failures == [], "\n".join(failures[:5])


def log_in(url: str, username: str, password: str) -> str:
    answer = httpx.post(
        f"{url}/api/v1/auth/login",
        json={"username": username, "password": password},
        timeout=20,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return str(json.loads(answer.content)["data"]["token"])


@pytest.fixture(scope="session")
def admin_token(hub: HubProcess) -> str:
    return log_in(hub.url, "admin", hub.ready["adminPassword"])


@pytest.fixture(scope="session")
def tokens(hub: HubProcess, admin_token: str) -> dict[str, str]:
    """A user's token for each role."""
    found: dict[str, str] = {}
    for role in ROLES:
        answer = httpx.post(
            f"{hub.url}/api/v1/users",
            json={"username": role.lower() + "-1", "password": PASSWORD, "role": role},
            headers={"Authorization": f"Bearer {admin_token}"},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        found[role] = log_in(hub.url, role.lower() + "-1", PASSWORD)
    return found


@pytest.fixture(scope="session")
def fleet(hub: HubProcess) -> Fleet:
    return Fleet(hub.url, hub.ready["enrollmentKey"])


@pytest_asyncio.fixture
async def rest(hub: HubProcess, admin_token: str) -> AsyncGenerator[Rest]:
    """The administrator."""
    async with Rest.open(hub.url, admin_token) as client:
        client.password = hub.ready["adminPassword"]
        yield client
