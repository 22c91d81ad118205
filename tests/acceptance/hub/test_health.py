"""How the hub says it is: `/health`."""

from protocol import native
from tests.acceptance.hub.clients import Fleet, Json, Rest, until
from tests.acceptance.hub.process import HubProcess

PATIENCE = 15.0
"""Figures are told every three seconds."""


async def test_each_replica_is_there_with_its_figures(
    hub: HubProcess, fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        found: Json = {}

        async def told() -> bool:
            """Commands and events of the last seconds are in the rates."""
            nonlocal found
            await device.send("status", status="ONLINE", metrics={"cpu": 1.0})
            await rest.accept(device.device_id)
            await device.succeed((await device.find("force_sync"))["id"])
            found = await rest.data("/health")
            figures: Json = found["replicas"][0]["figures"] or {}
            return all(
                figures.get(name) for name in ("lines", "eventsPerSecond", "commandsPerSecond")
            )

        await until(told, seconds=PATIENCE)

    (replica,) = found["replicas"]
    assert replica["address"] == hub.url.removeprefix("http://")
    assert replica["startedAt"] <= replica["lastSeen"] <= found["serverTime"]
    assert (replica["draining"], bool(replica["version"])) == (False, True)
    figures = replica["figures"]
    assert figures["lines"] >= 1
    assert figures["redis"] == "ok"
    assert figures["queues"].keys() == {"events", "stream", "batches"}
    assert 0 <= figures["database"]["busy"] <= figures["database"]["connections"]
    assert figures["database"]["most"] == 10
    assert figures["database"]["latencyMs"] > 0
    assert figures["memoryBytes"] > 10_000_000
    assert figures["cpuPercent"] > 0
    assert figures["hotPath"] == native.hot_path
    totals = found["totals"]
    assert totals["devices"] >= totals["connected"] >= 1
    assert totals["unfinishedCommands"] >= 0
    assert totals["cloudQueue"] >= 0
    assert found["databaseLogin"] == {
        "name": "longline_server", "rights": "hub", "organisations": "role",
    }  # fmt: skip
    assert found["audit"] == {"unsealed": 0, "anchorError": None}


async def test_everybody_who_may_read_reads_it_and_nobody_else(
    hub: HubProcess, tokens: dict[str, str]
) -> None:
    async with Rest.open(hub.url) as nobody:
        assert (await nobody.get("/health")).status_code == 401
    async with Rest.open(hub.url, tokens["VIEWER"]) as viewer:
        assert (await viewer.get("/health")).status_code == 200
