"""A small factory at work: what every page of the console has something to show of.

The last hour is written into Postgres, because a test has no hour to wait; all else is said by
devices on their lines and by calls of the REST API.
"""

import contextlib
import math
import time
from collections.abc import Generator
from typing import Any, Final

import asyncpg
import httpx
import msgspec

from tests.acceptance.hub.clients import Json
from tests.browser.devices import Floor, Simulated, progress, stay_silent, succeed

SHOWN: Final = "press-01"
MACHINES: Final = ("press", "filler", "capper", "labeller", "scanner", "palletiser")
LINES: Final = ("hall-a", "hall-b", "dock")
AWAY: Final = ("capper-03", "gateway-dock")
STATUS: Final = {"filler-02": "DEGRADED", "labeller-03": "ERROR", "scanner-01": "DISABLED"}
MINUTES: Final = 58

_HISTORY: Final = """
INSERT INTO status_event (org_id, device_id, received_at, ts, status, metrics)
SELECT 'default', device_id, at, at, 'ONLINE', metrics
FROM unnest($1::text[], $2::double precision[], $3::jsonb[]) AS s (device_id, ago, metrics),
     LATERAL (SELECT now() - s.ago * interval '1 minute' AS at) moment
"""


def ids() -> list[str]:
    machines = [f"{kind}-{number:02}" for kind in MACHINES for number in (1, 2, 3)]
    return machines + [f"gateway-{line}" for line in LINES]


def metrics_of(number: int, minutes_ago: float) -> dict[str, float]:
    """Waves that look like a machine at work."""
    phase = number * 0.7 - minutes_ago / 9
    return {
        "cpu": round(34 + 18 * math.sin(phase) + 6 * math.sin(phase * 5.3), 1),
        "temperature": round(58 + number % 7 + 5 * math.sin(phase / 2), 1),
        "queue": max(0, round(6 + 6 * math.sin(phase * 1.7))),
    }


@contextlib.contextmanager
def at_work(floor: Floor, rest: httpx.Client, ready: Json) -> Generator[None]:
    """Its devices on their lines, until the block ends."""
    on_line = [name for name in ids() if name not in AWAY]
    for name in AWAY:
        floor.register(name)
    with floor.devices(*on_line, hello={"agentVersion": "1.4.0"}) as devices:
        floor.run(_write_the_past(ready["databaseUrl"]))
        _describe(rest)
        by_name = {device.id: device for device in devices}
        for number, name in enumerate(ids()):
            if name in by_name:
                by_name[name].status(STATUS.get(name, "ONLINE"), **metrics_of(number, 0))
        _speak(by_name[SHOWN])
        _command(rest, by_name)
        _deploy(rest, by_name)
        began, number = time.monotonic(), ids().index(SHOWN)
        lively = by_name[SHOWN].keep_saying(
            lambda: metrics_of(number, (began - time.monotonic()) / 60), every=2
        )
        with floor.meanwhile(lively):
            yield


async def _write_the_past(database_url: str) -> None:
    rows = [
        (name, float(ago), msgspec.json.encode(metrics_of(number, ago)).decode())
        for number, name in enumerate(ids())
        for ago in range(1, MINUTES)
    ]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_HISTORY, *(list(column) for column in zip(*rows, strict=True)))
    finally:
        await connection.close()


def _describe(rest: httpx.Client) -> None:
    for number, name in enumerate(ids()):
        tags = [LINES[number % len(LINES)], *(["pilot"] if number % 5 == 0 else [])]
        _data(rest.patch(f"/devices/{name}", json={"tags": tags}))
    for kind, title in (("press", "Presses"), ("filler", "Fillers"), ("gateway", "Gateways")):
        group = _data(rest.post("/device-groups", json={"name": title}))
        members = [name for name in ids() if name.startswith(kind)]
        _data(rest.post(f"/device-groups/{group['id']}/members", json={"deviceIds": members}))


def _speak(device: Simulated) -> None:
    """Its log and its events of production."""
    for number in range(60):
        level = "ERROR" if number == 41 else "WARN" if number % 13 == 0 else "INFO"
        line = (
            "hydraulic pressure below 180 bar, stroke skipped"
            if level != "INFO"
            else f"stroke {48_200 + number} done in {410 + number * 7 % 60} ms"
        )
        device.send("log_line", line=line, level=level, source="plc" if number % 3 else "agent")
    for number in range(12):
        code = f"0104012345678901{number:02}"
        device.send("scan", code=code, valid=number != 7, data={"station": "infeed"})
    device.send("print", jobId="job-1182", ok=True, data={"labels": 240})
    device.send("alert", severity="WARN", code="pressure_low", message="Pressure below 180 bar")


def _command(rest: httpx.Client, devices: dict[str, Simulated]) -> None:
    def send(name: str, command: dict[str, Any], **wish: Any) -> None:
        body = {"command": command, **wish}
        answer = rest.post(
            f"/devices/{name}/commands", json=body, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text

    shown = devices[SHOWN]
    shown.answer = succeed
    for name in ("press-01", "press-02", "filler-01"):
        send(name, {"type": "force_sync"})
    shown.answer = lambda command: [
        {
            "type": "result",
            "commandId": command["id"],
            "success": True,
            "data": {"version": 1, "applied": ["/sampling"], "restartRequired": []},
        }
    ]
    patch = {"sampling": {"seconds": 5}, "alarm": {"pressureBar": 180}}
    send(SHOWN, {"type": "push_config", "patch": patch})
    _ended(rest, SHOWN)
    shown.answer = lambda command: [
        {
            "type": "result",
            "commandId": command["id"],
            "success": False,
            "output": "",
            "error": {"code": "exit_1", "message": "df: /mnt/usb: no such file"},
        }
    ]
    send(SHOWN, {"type": "exec_shell", "template": "disk"})
    _ended(rest, SHOWN)
    shown.answer = progress(40, "collecting")
    send(SHOWN, {"type": "pull_logs"})
    send(AWAY[0], {"type": "restart_service"}, delivery="queue")


def _ended(rest: httpx.Client, name: str) -> None:
    """Wait for the end of what the device was sent last."""
    until = time.monotonic() + 15
    while True:
        newest = _data(rest.get(f"/devices/{name}/commands", params={"limit": 1}))[0]
        if newest["finishedAt"] is not None:
            return
        assert time.monotonic() < until, newest
        time.sleep(0.05)


def _deploy(rest: httpx.Client, devices: dict[str, Simulated]) -> None:
    releases = [
        _data(
            rest.post(
                "/firmware/releases",
                params={"version": version, "channel": "stable", "filename": f"agent-{version}"},
                content=f"agent {version}".encode() * 40_000,
                headers={"Content-Type": "application/octet-stream"},
            )
        )
        for version in ("1.4.0", "1.5.0")
    ]
    for device in devices.values():
        if device.id != SHOWN:
            device.answer = progress(35, "download") if device.id.endswith("1") else stay_silent
    targets = [name for name in ids() if name != SHOWN and name not in AWAY]
    _data(
        rest.post(
            "/firmware/deployments",
            json={
                "releaseId": releases[-1]["id"],
                "target": {"deviceIds": targets},
                "waves": [{"count": 2}, {"percent": 40}, {"percent": 100}],
            },
        )
    )


def _data(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["data"]
