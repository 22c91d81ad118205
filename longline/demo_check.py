"""`longline demo --check`: one of everything, as a visitor would do it, and what came of it."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from cloud.outward import WayOut
from longline.serving import Ready

STEP_SECONDS: Final = 20.0
HTTP_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.05
REFUSED: Final = 403

Json = dict[str, Any]
Step = Callable[[], Awaitable[Json]]


class NotSeen(Exception):
    """What should have been there was not; the message goes into the report."""


class Check:
    """`run` once; `report` is then what was seen, with `ok` and a key for each step."""

    def __init__(self, ready: Ready, *, device_id: str, devices: int, recorded: Path) -> None:
        self._ready = ready
        self._device_id = device_id
        self._expected = devices + 1
        self._recorded = recorded
        self._http = httpx.AsyncClient(
            base_url=f"{ready.url}/api/v1", timeout=HTTP_SECONDS, **WayOut().options(ready.url)
        )
        self._token = ""
        self._events: list[Json] = []
        self.report: Json = {"ok": False, "url": ready.url}

    async def run(self) -> bool:
        steps: dict[str, Step] = {
            "login": self._login,
            "devices": self._devices,
            "dashboard": self._dashboard,
            "bulk": self._bulk,
            "refusal": self._refusal,
            "reboot": self._reboot,
        }
        async with self._http:
            done = [await self._step(name, step) for name, step in steps.items()]
        self.report["ok"] = all(done)
        return all(done)

    async def _step(self, name: str, step: Step) -> bool:
        try:
            async with asyncio.timeout(STEP_SECONDS):
                self.report[name] = await step()
        except (NotSeen, OSError, httpx.HTTPError, WebSocketException, LookupError) as error:
            self.report[name] = {"error": f"{type(error).__name__}: {error}"}
            return False
        return True

    async def _login(self) -> Json:
        data = await self._sign_in(self._ready.admin_user or "", self._ready.admin_password or "")
        self._token = data["token"]
        self._http.headers["Authorization"] = f"Bearer {self._token}"
        return {"user": data["user"]["username"], "role": data["user"]["role"]}

    async def _sign_in(self, username: str, password: str) -> Json:
        body = {"username": username, "password": password}
        return _data(await self._http.post("/auth/login", json=body))

    async def _devices(self) -> Json:
        """Wait until this machine's agent and every simulated device is on its line."""
        while True:
            found = await self._connected()
            if len(found) >= self._expected and self._device_id in found:
                return {"connected": len(found), "thisMachine": self._device_id}
            await asyncio.sleep(LOOK_SECONDS)

    async def _connected(self) -> list[str]:
        """The ids of all devices on a line, page by page."""
        found: list[str] = []
        query: dict[str, str | int] = {"limit": 500}
        while True:
            answer = await self._http.get("/devices/connected", params=query)
            found += [row["id"] for row in _data(answer)]
            following = answer.json()["page"]["next"]
            if following is None:
                return found
            query["cursor"] = following

    async def _dashboard(self) -> Json:
        """Dispatch to the real agent, with a dashboard looking on."""
        address = self._ready.url.replace("http", "ws", 1) + "/ws/dashboard"
        bearer = {"Authorization": f"Bearer {self._token}"}
        async with connect(address, additional_headers=bearer, compression=None, proxy=None) as ws:
            wish = {"type": "subscribe", "id": "check", "deviceIds": [self._device_id]}
            await ws.send(json.dumps(wish))
            subscribed = await _event(ws, "subscribed")
            self.report["dispatch"] = await self._exec_shell()
            progress = await _event(ws, "command_progress")
            result = await _event(ws, "command_result")
        self.report["progress"] = {"stage": progress["stage"]}
        return {
            "epoch": subscribed["epoch"],
            "offsets": [progress["offset"], result["offset"]],
            "result": result["status"],
        }

    async def _exec_shell(self) -> Json:
        result = await self._dispatch({"type": "exec_shell", "template": shell_template()})
        return {"status": result["status"], "output": result["data"]["stdout"].strip()}

    async def _bulk(self) -> Json:
        rows = await self._connected()
        body = {
            "deviceIds": rows,
            "command": {"type": "force_sync"},
        }
        results = _data(await self._http.post("/commands/bulk", json=body))
        succeeded = sum(result["status"] == "SUCCESS" for result in results.values())
        if succeeded != len(rows):
            raise NotSeen(f"{succeeded} of {len(rows)} succeeded")
        return {"devices": len(rows), "succeeded": succeeded}

    async def _refusal(self) -> Json:
        """An operator may not run programs on a device."""
        person = {"username": "check-operator", "password": self._ready.admin_password}
        _data(await self._http.post("/users", json={**person, "role": "OPERATOR"}))
        operator = await self._sign_in("check-operator", str(person["password"]))
        answer = await self._http.post(
            f"/devices/{self._device_id}/commands",
            json={"command": {"type": "exec_shell", "template": "uptime"}},
            headers={"Authorization": f"Bearer {operator['token']}"},
        )
        if answer.status_code != REFUSED:
            raise NotSeen(f"not refused: {answer.status_code}")
        return {"status": answer.status_code, "code": answer.json()["code"]}

    async def _reboot(self) -> Json:
        """It succeeds, and this machine still stands: it was recorded only."""
        result = await self._dispatch({"type": "reboot_os"})
        recorded = self._recorded.read_text("utf-8").split()
        if recorded != ["reboot"]:
            raise NotSeen(f"recorded: {recorded}")
        return {"status": result["status"], "recorded": recorded}

    async def _dispatch(self, command: Json) -> Json:
        path = f"/devices/{self._device_id}/commands"
        result = _data(await self._http.post(path, json={"command": command}))
        if result["status"] != "SUCCESS":
            raise NotSeen(f"{command['type']}: {result['status']} {result['error']}")
        return result


def shell_template() -> str:
    """One that works on this machine: `uptime` is not on the smallest."""
    return "uptime" if shutil.which("uptime") else "disk"


def _data(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise NotSeen(f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    return answer.json()["data"]


async def _event(socket: ClientConnection, kind: str) -> Json:
    """The next event of this kind."""
    while True:
        event: Json = json.loads(await socket.recv())
        if event["type"] == kind:
            return event
