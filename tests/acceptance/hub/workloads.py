"""A device of applications that nobody here wrote: it takes what it is handed, and says what it
does with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from protocol.canonical import hash_of
from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, bearer

PATH = "device/desired/workloads"


def without_data(document: Json) -> Json:
    """What the hash is of."""
    shown = dict(document)
    for kind in ("configMaps", "secrets"):
        shown[kind] = {name: {"version": each["version"]} for name, each in document[kind].items()}
    return shown


def entry(service: str, revision: str, state: str = "running", **more: Any) -> Json:
    return {"service": service, "revision": revision, "state": state, **more}


class Box:
    def __init__(self, fleet: Fleet, rest: Rest, line: Device) -> None:
        self._fleet = fleet
        self._rest = rest
        self.line = line
        self.device_id = line.device_id
        self._seq = 0
        self._has = ""
        """The version of the document that it took last."""

    async def get(self, **headers: str) -> httpx.Response:
        token = await self._fleet.token(self.device_id)
        async with Rest.open(str(self._rest.client.base_url).removesuffix("/api/v1/")) as mine:
            return await mine.client.get(PATH, headers=bearer(token) | headers)

    async def handed(self) -> Json:
        """The document, after the hub has said that there is another one."""
        frame = await self.line.find("desired", kind="workloads")
        return await self.taken(frame["version"], frame["hash"])

    async def taken(self, version: str, digest: str) -> Json:
        answer = await self.get()
        found: Json = answer.json()["data"]
        document: Json = found["document"]
        assert found["version"] == document["version"]
        assert found["hash"] == hash_of(without_data(document))
        assert (found["version"], found["hash"]) == (version, digest)
        self._has = version
        return document

    async def find_revision(self, revision: str) -> None:
        """Waits until it is handed this one, and runs it."""
        while True:
            document = await self.handed()
            (mine,) = document["applications"]
            if mine["revision"] == revision:
                await self.runs(document, mine["name"])
                return

    async def is_handed_nothing(self) -> None:
        """Other than what it has: that may be handed to it again until it says so."""
        frames = [each for each in await self.line.settled() if each["type"] == "desired"]
        assert [each for each in frames if each["version"] != self._has] == []

    async def says(self, version: str, application: str, services: list[Json]) -> None:
        """Durably; waits until that is committed."""
        self._seq += 1
        fields = {"version": version, "application": application, "services": services}
        await self.line.send("workload_status", seq=self._seq, **fields)
        await self.line.find("event_ack", seq=self._seq)

    async def runs(self, document: Json, name: str) -> None:
        """Says that it does all that it was handed of an application."""
        (mine,) = [each for each in document["applications"] if each["name"] == name]
        services = [
            entry(each, mine["revision"], "exited" if each in mine["stopped"] else "running")
            for each in mine["compose"]["services"]
        ]
        await self.says(document["version"], name, services)


@asynccontextmanager
async def box(
    fleet: Fleet, rest: Rest, device_id: str, version: str = "", **hello: Any
) -> AsyncGenerator[Box]:
    async with fleet.line(device_id) as line:
        assert "workload_status" in line.welcome["accepts"]
        sections = {"workloads": {"version": version, "hash": "" if not version else "h"}}
        await line.hello(**{"accepts": ["desired"], "sections": sections, **hello})
        yield Box(fleet, rest, line)
