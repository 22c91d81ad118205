"""G6: at most one line per device is effective; the older is closed 4409 within 2 s."""

from tests.acceptance.chaos.cluster import Cluster
from tests.acceptance.hub.clients import now

CLOSED_WITHIN = 2.0
SLACK = 0.5  # this machine is shared with other tests


async def test_g6_the_older_of_two_lines_on_two_replicas_is_closed_within_2_s(
    two: Cluster,
) -> None:
    first, second = two.fleet(0), two.fleet(1)
    device_id = await first.enroll()
    async with first.line(device_id) as older, second.line(device_id) as newer:
        began = now()
        code, _ = await older.closed(seconds=CLOSED_WITHIN + SLACK)
        assert code == 4409
        assert now() - began < CLOSED_WITHIN + SLACK
        assert newer.welcome["generation"] == older.welcome["generation"] + 1
        assert await newer.settled() == []


async def test_g6_so_it_is_without_redis(two: Cluster) -> None:
    first, second = two.fleet(0), two.fleet(1)
    device_id = await first.enroll()
    async with first.line(device_id) as older:
        await two.servers.kill("valkey")
        async with second.line(device_id) as newer:
            began = now()
            code, _ = await older.closed(seconds=CLOSED_WITHIN + SLACK)
            assert code == 4409
            assert now() - began < CLOSED_WITHIN + SLACK
            assert await newer.settled() == []
