"""A rule counts each durable event once, whatever happens to the hub between them."""

from pathlib import Path

from tests.acceptance.hub.clients import Fleet, Json, Rest
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess


async def test_five_events_across_kills_are_one_alert(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, request_rate="0")
    hub.start()
    password = hub.ready["adminPassword"]
    key = hub.ready["enrollmentKey"]
    try:
        when: Json = {"event": "scan", "where": "valid = false", "count": 5, "withinSeconds": 600}
        async with Rest.open(hub.url, log_in(hub.url, "admin", password)) as rest:
            made = await rest.post("/alert-rules", {"name": "bad scans", "when": when})
            assert made.status_code == 201, made.text
        device_id = await Fleet(hub.url, key).enroll()
        for seq in range(1, 6):
            async with Rest.open(hub.url, log_in(hub.url, "admin", password)) as rest:
                assert await rest.data("/alerts", rule="bad scans") == []
                async with Fleet(hub.url, key).line(device_id) as device:
                    for again in (seq - 1, seq) if seq > 1 else (seq,):  # the last once more
                        await device.send("scan", code="c", valid=False, bootId="boot-1", seq=again)
                    await device.find("event_ack", seq=seq)
                    hub.kill()
            hub.start()
        async with Rest.open(hub.url, log_in(hub.url, "admin", password)) as rest:
            (alert,) = await rest.data("/alerts", rule="bad scans")
            assert (alert["count"], alert["status"]) == (5, "FIRING")
    finally:
        assert hub.stop() == 0
