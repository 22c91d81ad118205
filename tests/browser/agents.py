"""Real agents beside a browser."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import LONGLINE, environment, signed_in, stopped, until


@contextmanager
def connected_agent(hub: HubProcess, folder: Path, more: str) -> Generator[str]:
    """The id of its device. `more` is the rest of its file; what it says stands in the failure of
    one that does not connect."""
    device_id = new_id("box")
    file, log = folder / "agent.toml", folder / "agent.log"
    file.write_text(
        f'hub = "{hub.url}"\nid = "{device_id}"\nstate_dir = "{folder}/state"\n'
        f'socket = "{folder}/s"\n{more}'
    )
    key = str(hub.ready["enrollmentKey"])
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*LONGLINE, "device", "--config", file],
            stdout=said, stderr=said, env=environment(LONGLINE_ENROLLMENT_KEY=key),
        )  # fmt: skip
    with stopped(process), signed_in(hub.ready) as rest:

        def is_there() -> bool:
            answer = rest.get(f"/devices/{device_id}")
            return answer.status_code == 200 and answer.json()["data"]["connected"]

        try:
            until(is_there)
        except AssertionError:
            raise AssertionError(f"it did not connect:\n{log.read_text()[-4000:]}") from None
        yield device_id
