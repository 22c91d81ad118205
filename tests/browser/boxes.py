"""Devices of applications beside a test that waits for a browser: each takes what it is handed, and
says that it runs, or what it was told to say."""

from collections.abc import Callable

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest
from tests.acceptance.hub.workloads import PATH, entry

Says = Callable[[str, str], Json]
"""Of a service and its revision."""
SECTIONS: Json = {"workloads": {"version": "", "hash": ""}}


def running(service: str, revision: str) -> Json:
    return entry(service, revision)


def failing(code: str, message: str) -> Says:
    return lambda service, revision: entry(service, revision, "error", code=code, message=message)


class Box:
    def __init__(self, fleet: Fleet, url: str, device_id: str) -> None:
        self._fleet = fleet
        self._url = url
        self.id = device_id
        self.says: Says = running
        self.is_on = False
        self.runs: dict[str, str] = {}
        """By application, the revision that it has."""
        self._seq = 0

    async def run(self) -> None:
        async with self._fleet.line(self.id) as line:
            await line.hello(accepts=["desired"], sections=SECTIONS)
            self.is_on = True
            has = ""
            while True:
                frame = await line.find("desired", seconds=3600, kind="workloads")
                if frame["version"] != has:
                    has = await self._take(line)

    async def _take(self, line: Device) -> str:
        token = await self._fleet.token(self.id)
        async with Rest.open(self._url, token) as rest:
            document = (await rest.data(f"/{PATH}"))["document"]
        self.runs = {each["name"]: each["revision"] for each in document["applications"]}
        for each in document["applications"]:
            self._seq += 1
            said = [self.says(name, each["revision"]) for name in each["compose"]["services"]]
            version = document["version"]
            await line.send(
                "workload_status",
                seq=self._seq,
                version=version,
                application=each["name"],
                services=said,
            )
            await line.find("event_ack", seq=self._seq)
        return str(document["version"])
