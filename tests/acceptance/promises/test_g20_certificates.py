"""What was revoked is dead on whichever replica it is used."""

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from hub.base import key_file
from tests.acceptance.chaos.cluster import running_cluster
from tests.acceptance.hub.certified import Certified, ask, new_key, request_of
from tests.acceptance.hub.clients import Rest, new_id, open_socket

WITHIN = 5.0


async def test_a_revoked_certificate_ends_its_line_on_the_other_replica(tmp_path: Path) -> None:
    master_key = tmp_path / "master-key"
    key_file.make(master_key)
    settings = {"master_key_file": str(master_key), "trusted_proxies": "127.0.0.1"}
    async with running_cluster(tmp_path, replicas=2, **settings) as two:
        here, there = two.urls
        device_id, key = new_id("d"), new_key()
        async with Rest.open(here) as nobody:
            shown = {"X_Enrollment_Key": two.enrollment_key}
            answer = await ask(nobody, device_id, request_of(key), **shown)
        assert answer.status_code == 200, answer.text
        device = Certified(device_id, key, answer.json()["data"], tmp_path)
        async with (
            open_socket(f"{there}/ws/device", **device.header) as line,
            Rest.open(here, two.admin_token) as rest,
        ):
            await line.expect("welcome", deviceId=device_id)
            path = f"/certificates/{device.serial}/revoke"
            assert (await rest.post(path, {"reason": "stolen"})).status_code == 200
            assert (await line.closed(seconds=WITHIN))[0] == 4403
        for url in two.urls:
            with pytest.raises(InvalidStatus) as found:
                async with open_socket(f"{url}/ws/device", **device.header):
                    pass
            assert found.value.response.status_code == 401
