"""A device through its whole life by certificates: the real agent, the real hub."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.hub.clients import Json, Rest, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

LIFE_SECONDS = 12


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(
        tmp_path_factory.mktemp("hub"),
        device_port="0",
        device_certificates="required",
        certificate_seconds=str(LIFE_SECONDS),
    )
    process.start()
    yield process
    assert process.stop() == 0


@contextmanager
def agent(hub: HubProcess, device_id: str, folder: Path) -> Generator[None]:
    variables = {
        "LONGLINE_HUB_URL": hub.url,
        "LONGLINE_CERTIFICATE_HUB": hub.ready["deviceUrl"],
        "LONGLINE_DEVICE_ID": device_id,
        "LONGLINE_STATE_DIR": str(folder / "state"),
        "LONGLINE_ENROLLMENT_KEY": hub.ready["enrollmentKey"],
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "longline", "device"],
            env=inherited | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(15) == 0


async def test_an_agent_renews_its_certificate_and_loses_no_line(
    hub: HubProcess, tmp_path: Path
) -> None:
    device_id = new_id("box")
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, token) as rest:

        async def rows(**query: str) -> list[Json]:
            found: list[Json] = await rest.data("/certificates", deviceId=device_id, **query)
            return found

        async def is_connected() -> bool:
            answer = await rest.get(f"/devices/{device_id}")
            return answer.status_code == 200 and answer.json()["data"]["connected"]

        async def has_renewed() -> bool:
            used = [row for row in await rows() if row["firstUsedAt"] is not None]
            return len(used) >= 3

        with agent(hub, device_id, tmp_path):
            await until(is_connected, seconds=20)
            await until(has_renewed, seconds=3 * LIFE_SECONDS)
            assert await is_connected()
            newest, former, *_ = await rows()
            assert former["goodUntil"] is not None
            assert newest["goodUntil"] is None
            record = await rest.accept(device_id)
            await rest.until_status(device_id, record, "SUCCESS")

        async def has_expired() -> bool:
            return [row["status"] for row in await rows(status="valid")] == []

        await until(has_expired, seconds=LIFE_SECONDS + 5)
        with agent(hub, device_id, tmp_path):  # asks for a new one by its token
            await until(is_connected, seconds=20)
            (valid, *_) = await rows(status="valid")
            revoked = await rest.post(
                f"/certificates/{valid['serial']}/revoke", {"reason": "it is lost"}
            )
            assert revoked.status_code == 200

            async def is_away() -> bool:
                return not await is_connected()

            await until(is_away, seconds=5)
