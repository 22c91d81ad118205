"""A device with a container engine, and documents that a hub hands over to it."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from protocol.canonical import canonical_json, hash_of
from tests.engines import Engine
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.scripted_hub import Frame

Json = dict[str, Any]
IMAGE = "busy:1"
SLEEP = ["sleep", "100000"]
LONG = 45.0


def service(**more: Any) -> Json:
    """One that runs until it is killed, at once."""
    found = {
        "image": IMAGE, "command": SLEEP, "network_mode": "none", "restart": "unless-stopped",
        "stop_grace_period": "0s",
    }  # fmt: skip
    return {name: each for name, each in {**found, **more}.items() if each is not None}


def application(name: str, services: Json, *, stopped: tuple[str, ...] = (), **top: Any) -> Json:
    compose = {"services": services, **top}
    sha256 = hash_of(compose)
    return {
        "name": name, "revision": hashlib.sha256(f"{name} {sha256}".encode()).hexdigest(),
        "sha256": sha256, "compose": compose, "stopped": list(stopped),
    }  # fmt: skip


def data(version: int, **files: str) -> Json:
    encoded = {name: base64.b64encode(each.encode()).decode() for name, each in files.items()}
    return {"version": version, "data": encoded}


def document(*applications: Json, **more: Any) -> Json:
    found: Json = {
        "applications": list(applications), "configMaps": {}, "secrets": {}, "registries": [],
        **more,
    }  # fmt: skip
    found["version"] = hashlib.sha256(canonical_json(found)).hexdigest()[:16]
    return found


class Device:
    """A bench whose agent has `engine`; `table` is what else its `[workloads]` says."""

    def __init__(self, bench: Bench, engine: Engine, table: str = "", rest: str = "") -> None:
        self.bench = bench
        self.hub = bench.hub
        self.engine = engine
        self.files = engine.folder / "files"
        own = f'engine = "{engine.socket}"\nruntime_dir = "{self.files}"'
        bench.settings += f"[workloads]\n{own}\n{table}\n{rest}"

    async def give(self, *applications: Json, **more: Any) -> Json:
        """Hand a document over, as a hub does."""
        found = document(*applications, **more)
        await self.hub.hand_over("workloads", found["version"], found)
        return found

    def have(self, *applications: Json, **more: Any) -> Json:
        """What the hub answers from now on."""
        found = document(*applications, **more)
        self.hub.desired["workloads"] = {
            "version": found["version"], "hash": hash_of(found), "document": found,
        }  # fmt: skip
        return found

    async def said(
        self, application: str, after: int = 0, /, **states: str | tuple[str, str]
    ) -> Frame:
        """The first durable status of an application, of those from number `after` on, in which its
        services are in these states (or state and code)."""

        def fits(frame: Frame) -> bool:
            found = {
                each["service"]: (each["state"], each["code"]) for each in frame.get("services", ())
            }
            return found.keys() == states.keys() and all(
                found[name] == (each if isinstance(each, tuple) else (each, None))
                for name, each in states.items()
            )

        return await self.heard(
            lambda frame: frame["application"] == application and fits(frame), after
        )

    async def heard(self, fits: Callable[[Frame], bool], after: int = 0) -> Frame:
        def found() -> Frame | None:
            frames = self.hub.frames[after:]
            return next((f for f in frames if f["type"] == "workload_status" and fits(f)), None)

        try:
            await self.hub.until(lambda: found() is not None, within=LONG)
        except TimeoutError:
            statuses = json.dumps(self.hub.of("workload_status"), indent=1)
            raise AssertionError(f"not said in {statuses}\n{self.bench.log()[-6000:]}") from None
        return found() or {}

    async def runs(self, *names: str) -> None:
        """Wait until just these containers run."""
        await eventually(lambda: self.engine.running() == sorted(names), within=LONG)
