"""What an administrator sets for the organisation while the hub is at work."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

DEFAULTS = {
    "rawHours": 48, "logDays": 30, "metricDays": 30, "commandDays": 90, "auditDays": 400,
    "edgeDays": 90, "cloudDays": 7,
}  # fmt: skip


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncGenerator[tuple[HubProcess, Rest]]:
    """A hub of one's own, whose log retention the environment decides; and its administrator."""
    hub = HubProcess(tmp_path, keep_log_days="3")
    hub.start()
    async with Rest.open(hub.url, log_in(hub.url, "admin", hub.ready["adminPassword"])) as rest:
        yield hub, rest
    assert hub.stop() == 0


async def enrolls(rest: Rest, key: str) -> int:
    """The status of a new device's enrolment."""
    answer = await rest.client.post(
        f"/devices/{new_id('dev')}/token", headers={"X-Enrollment-Key": key}
    )
    return answer.status_code


async def change(rest: Rest, **fields: object) -> Json:
    answer = await rest.client.patch("/settings", json=fields)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def test_settings_are_changed_while_the_hub_is_at_work(own: tuple[HubProcess, Rest]) -> None:
    hub, rest = own
    key = hub.ready["enrollmentKey"]
    at_first = await rest.data("/settings")
    assert at_first == {
        "configRatePerMinute": 60,
        "autoResolveSeconds": 86_400,
        "autoEnroll": True,
        "reenroll": "offline",
        "adminFactor": "none",
        "providerRequired": False,
        "approvals": {"resources": [], "over": 0},
        "blastRadius": {"perCall": None, "perHour": None},
        "retention": {**DEFAULTS, "logDays": 3},
        "overridden": ["retention.logDays"],
    }
    assert await enrolls(rest, key) == 200

    changed = await change(rest, autoEnroll=False, retention={"rawHours": 24, "logDays": 9})

    assert changed["autoEnroll"] is False
    assert changed["retention"] == {**DEFAULTS, "rawHours": 24, "logDays": 3}
    assert await rest.data("/settings") == changed
    assert await enrolls(rest, key) == 403
    (row,) = await rest.data("/audit-log", action="settings.update")
    assert row["actor"] == "admin"
    assert row["changes"] == {"autoEnroll": [True, False], "retention.rawHours": [48, 24]}

    await change(rest, autoEnroll=True)
    new = (await rest.client.post("/settings/enrollment-key")).json()["data"]["enrollmentKey"]
    assert (await enrolls(rest, key), await enrolls(rest, new)) == (401, 200)
    (row,) = await rest.data("/audit-log", action="settings.enrollment_key")
    assert new not in str(row)
    assert new not in hub.log()


@pytest.mark.parametrize(
    "body",
    [
        {"retention": {"rawHours": 0}},
        {"retention": {"logDays": 100_000}},
        {"retention": {"days": 1}},
        {"autoEnroll": "on"},
        {"enrollmentKey": "mine"},
    ],
)
async def test_what_makes_no_sense_is_refused(rest: Rest, body: Json) -> None:
    assert (await rest.client.patch("/settings", json=body)).status_code == 400


async def test_everybody_reads_settings_and_administrators_change_them(
    hub: HubProcess, tokens: dict[str, str]
) -> None:
    for role, token in tokens.items():
        async with Rest.open(hub.url, token) as user:
            assert (await user.get("/settings")).status_code == 200
            if role != "ADMIN":
                assert (await user.client.patch("/settings", json={})).status_code == 403
                refused = await user.client.post("/settings/enrollment-key")
                assert refused.status_code == 403


async def test_what_is_used_is_told_by_the_day(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await device.send("event", name="e", bootId="b", seq=1)
        await device.find("event_ack", bootId="b", seq=1)
        await rest.dispatch(device.device_id, headers={"Prefer": "respond-async"})

        async def told() -> bool:
            days = await rest.data("/usage")
            return bool(days) and all(
                days[-1][name] > 0 for name in ("devices", "events", "commands", "bytes", "calls")
            )

        await until(told, seconds=40)
    (today,) = await rest.data("/usage", since=(await rest.data("/usage"))[-1]["day"])
    assert await rest.data("/usage", until="2000-01-01") == []
    assert (await rest.get("/usage", since="yesterday")).status_code == 400
    assert today.keys() == {"day", "devices", "events", "commands", "bytes", "calls"}
