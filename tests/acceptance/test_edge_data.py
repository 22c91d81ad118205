"""From a producer on a device to the cloud: real agents, the real hub, a stand-in cloud."""

from pathlib import Path

import pytest

from tests.acceptance.edge import factory
from tests.acceptance.edge_chaos import run
from tests.acceptance.hub.clients import Json, Rest, until
from tests.cloud import stand_in_cloud


def make_records(prefix: str, count: int, **changes: object) -> list[Json]:
    return [{"id": f"{prefix}-{n:04}", "kind": "bottle", **changes} for n in range(count)]


async def test_records_go_by_socket_and_file_each_way_and_are_reported(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        agent = await plant.agent("edge-1", plant.direct())
        (record,) = make_records("socket", 1, ts="2026-01-02T03:04:05Z")
        answers = await agent.emit(
            record,
            record,
            {**record, "data": {"other": 1}},
            {**record, "kind": "crate"},
            {"type": "scan", "code": "0", "valid": True},
        )
        assert [answer.get("code", "ok") for answer in answers] == [
            "ok", "ok", "conflict", "invalid", "ok",
        ]  # fmt: skip
        agent.drop_file("one.jsonl", [*make_records("file", 700), {"id": "bad"}])
        await cloud.until(701)
        assert cloud.ids("/companies/acme/bottles")[1:] == [f"file-{n:04}" for n in range(700)]
        rejected = (agent.folder / "state" / "rejected" / "one.jsonl").read_text()
        assert "missing required field" in rejected
        assert not (agent.drop / "one.jsonl").exists()

        async with plant.rest() as rest:
            path = "/devices/edge-1/connection-mode"
            await rest.client.put(path, json={"mode": "DIRECT_CLOUD"})

            async def switched() -> bool:
                return '"DIRECT_CLOUD"' in agent.log()

            await until(switched)
            await cloud.stop()
            agent.drop_file("two.jsonl", make_records("direct", 300))

            async def waits() -> bool:
                metrics = (await rest.data("/devices/edge-1"))["metrics"]
                return metrics["queue.depth"] == 300 and metrics["queue.oldestSeconds"] > 1

            await until(waits, seconds=15)
            cut = (await rest.dispatch("edge-1", "force_sync")).json()["data"]
            assert cut["data"] == {"inProgress": 300}
            await cloud.start()
            synced = (await rest.dispatch("edge-1", "force_sync")).json()["data"]
            assert synced["data"] == {"inProgress": 0}
            assert len(cloud.taken) == 1001
            direct = [r for r in cloud.requests if r.headers["user-agent"].startswith("longline-d")]
            assert direct

            await cloud.stop()
            agent.drop_file("three.jsonl", make_records("cleared", 50))
            await until(lambda: _depth(rest, 50))
            kept: Json = {"type": "clear_queue"}
            cleared = (await rest.dispatch("edge-1", kept)).json()["data"]
            assert cleared["data"]["deleted"] >= 50
            everything = {"type": "clear_queue", "includeCompleted": True}
            completed = (await rest.dispatch("edge-1", everything)).json()["data"]
            assert completed["data"]["deleted"] >= 1001


async def _depth(rest: Rest, wanted: int) -> bool:
    found = await rest.data("/devices/edge-1")
    return found["metrics"]["queue.depth"] == wanted


async def test_what_does_not_fit_is_refused_counted_and_reported(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        agent = await plant.agent("edge-1", "[records]\nmax_records = 100\n" + plant.direct())
        async with plant.rest() as rest:
            await rest.client.put("/devices/edge-1/connection-mode", json={"mode": "DIRECT_CLOUD"})

            async def switched() -> bool:
                return '"DIRECT_CLOUD"' in agent.log()

            await until(switched)
            await cloud.stop()
            answers = await agent.emit(*make_records("r", 105, ts="2026-01-02T03:04:05Z"))
            assert [answer["ok"] for answer in answers] == [True] * 100 + [False] * 5
            assert answers[-1]["code"] == "queue_full"
            agent.drop_file("waits.jsonl", make_records("f", 20))

            async def told() -> bool:
                metrics = (await rest.data("/devices/edge-1"))["metrics"]
                alerts = await rest.data("/devices/edge-1/events", type="alert")
                return metrics["queue.dropped"] == 5 and bool(alerts)

            await until(told)
            assert (agent.drop / "waits.jsonl").exists()
            await cloud.start()
            await cloud.until(120)
            assert sorted(cloud.ids())[:20] == [f"f-{n:04}" for n in range(20)]


async def test_what_the_hub_does_not_take_of_a_company_waits_until_it_does(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud, factory(tmp_path, cloud) as plant:
        agent = await plant.agent("edge-1")
        async with plant.rest() as rest:
            path = "/devices/edge-1"
            await rest.client.patch(path, json={"companyId": "other"})
            (answer,) = await agent.emit(*make_records("r", 1, ts="2026-01-02T03:04:05Z"))
            assert answer["ok"]

            async def told() -> bool:
                alerts = await rest.data(f"{path}/events", type="alert")
                return any("the device belongs to company other" in str(row) for row in alerts)

            await until(told)
            assert cloud.ids() == []
            await rest.client.patch(path, json={"companyId": "acme"})
            synced = (await rest.dispatch("edge-1", "force_sync")).json()["data"]
            assert synced["data"] == {"inProgress": 0}
            await cloud.until(1)
            assert cloud.ids("/companies/acme/bottles") == ["r-0000"]


@pytest.mark.parametrize("seed", [223])
async def test_nothing_is_lost_or_doubled_while_everything_is_cut(
    tmp_path: Path, seed: int
) -> None:
    figures = await run(tmp_path, records=2000, seconds=6, longest=0.5, seed=seed)
    assert figures["equal"], figures
