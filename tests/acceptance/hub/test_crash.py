"""A hub that is killed -9 and started again on the same data directory."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.hub.clients import Fleet, Rest, Socket, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.tasks import in_background

DEVICES = 10
EACH = 20
ENDED = {"SUCCESS", "FAILED", "REJECTED", "CANCELLED", "TIMEOUT", "EXPIRED", "UNKNOWN"}


@pytest.fixture
def crashing_hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    hub = HubProcess(tmp_path_factory.mktemp("crash"))
    hub.start()
    yield hub
    assert hub.stop() == 0


class Runner:
    """A device that keeps a journal: it runs an id once and repeats its result until it is
    acknowledged. It answers nothing while `paused`."""

    def __init__(self, device_id: str, token: str) -> None:
        self.device_id = device_id
        self._token = token
        self.paused = True
        self.runs: Counter[str] = Counter()
        self._unacknowledged: set[str] = set()

    async def serve(self, url: str) -> None:
        """Until the line is lost."""
        async with open_socket(f"{url}/ws/device", **bearer(self._token)) as socket:
            try:
                await socket.expect("welcome")
                await socket.send("hello", bootId="b", journalId="j")
                for command_id in self._unacknowledged:
                    await socket.send("result", commandId=command_id, success=True)
                while True:
                    frame = await socket.frame(seconds=60)
                    if frame["type"] == "restart_service":
                        await self._run(socket, frame["id"])
                    elif frame["type"] == "result_ack":
                        self._unacknowledged.discard(frame["commandId"])
            except ConnectionClosed:
                pass

    async def _run(self, socket: Socket, command_id: str) -> None:
        if self.runs[command_id] == 0:
            self.runs[command_id] += 1
            self._unacknowledged.add(command_id)
        if not self.paused:
            await socket.send("result", commandId=command_id, success=True)


async def accept_until_taken(rest: Rest, device_id: str, command_id: str) -> bool:
    """Whether it was taken; False when the hub died meanwhile: nobody knows."""
    command = {"type": "restart_service", "id": command_id}
    try:
        answer = await rest.dispatch(
            device_id, command, headers={"Prefer": "respond-async"}, timeoutMs=60_000
        )
    except httpx.TransportError:
        return False
    assert answer.status_code == 202, answer.text
    return True


def served(url: str, runners: list[Runner]) -> AbstractAsyncContextManager[None]:
    return in_background(*(runner.serve(url) for runner in runners))


async def test_g1_after_kill_9_with_200_commands_in_flight_each_ends_exactly_once(
    crashing_hub: HubProcess,
) -> None:
    hub = crashing_hub
    fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
    ids = [new_id("crash") for _ in range(DEVICES)]
    runners = [Runner(device_id, await fleet.token(device_id)) for device_id in ids]
    wanted = [(runner.device_id, new_id("cmd")) for runner in runners for _ in range(EACH)]

    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(Rest.open(hub.url, token))
        await stack.enter_async_context(served(hub.url, runners))

        async def all_connected() -> bool:
            return len(await rest.data("/devices/connected", limit=500)) == DEVICES

        await until(all_connected)
        half = len(wanted) // 2
        taken = await asyncio.gather(
            *(accept_until_taken(rest, *command) for command in wanted[:half])
        )
        assert all(taken)
        for runner in runners:
            runner.paused = False  # results come while the hub dies
        dying = [
            asyncio.create_task(accept_until_taken(rest, *command)) for command in wanted[half:]
        ]
        await dying[0]
        hub.kill()
        await asyncio.gather(*dying)

    hub.start()
    for runner in runners:
        runner.paused = False
    async with Rest.open(hub.url, token) as rest, served(hub.url, runners):
        for command in wanted:  # the same id again is the same command (G2)
            assert await accept_until_taken(rest, *command)

        async def all_ended() -> bool:
            records = await rest.data("/commands", limit=500)
            return all(record["status"] in ENDED for record in records)

        await until(all_ended, seconds=30)
        records = await rest.data("/commands", limit=500)
        assert sorted(r["commandId"] for r in records) == sorted(c for _, c in wanted)
        assert Counter(record["status"] for record in records) == {"SUCCESS": len(wanted)}
        assert [record["lateResult"] for record in records] == [None] * len(wanted)
        runs = sum((runner.runs for runner in runners), Counter[str]())
        assert runs == Counter({command_id: 1 for _, command_id in wanted})


async def test_a_restart_on_the_same_data_directory_keeps_everything(
    crashing_hub: HubProcess,
) -> None:
    hub = crashing_hub
    fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
    device_id = new_id("dev")
    device_token = await fleet.token(device_id)
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, token) as rest:
        queued = await rest.accept(device_id, delivery="queue")
        async with open_socket(f"{hub.url}/ws/device", **bearer(device_token)) as socket:
            await socket.find("force_sync", id=queued)
            await socket.send("event", name="kept", bootId="b", seq=3)
            await socket.expect("event_ack", bootId="b", seq=3)
            hub.kill()
    hub.start()
    async with Rest.open(hub.url, token) as rest:
        # Its replica is dead, as whoever holds the data directory knows at once.
        answer = await rest.dispatch(device_id, timeoutMs=300)
        data = answer.json()["data"]
        assert (data["status"], data["error"]["code"]) == ("FAILED", "device_offline")
        async with open_socket(f"{hub.url}/ws/device", **bearer(device_token)) as socket:
            welcome = await socket.expect("welcome")
            assert welcome["generation"] == 2
            await socket.expect("force_sync", id=queued)
            await socket.send("event", name="again", bootId="b", seq=3)
            await socket.expect("event_ack", bootId="b", seq=3)
        events = await rest.data(f"/devices/{device_id}/events", type="event")
        assert [event["event"]["name"] for event in events] == ["kept"]
    assert '"adminPassword"' not in hub.log()
