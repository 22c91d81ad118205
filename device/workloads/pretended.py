"""Workloads of a simulated device: the real documents and reports, and an engine that is made up.

Each service runs `START_SECONDS` after it was handed over. One that bears the label `simulate` is
then in the state that the label says, so that a roll-out can be seen to fail.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, cast, get_args

import httpx
import msgspec
from msgspec import Struct, structs

from device.base.errors import HubUnreachable
from device.line.connection import Tokens
from device.workloads.image_names import read_image
from device.workloads.reports import Reports
from device.workloads.sealed import Kept
from protocol.frames import Desired, SectionState
from protocol.workloads import (
    WORKLOADS,
    AssignedApplication,
    ServiceState,
    ServiceStatus,
    ServiceUsage,
    WorkloadsDocument,
    WorkloadStatus,
)

START_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 300.0
AGAIN_SECONDS: Final = 5.0
USAGE_SECONDS: Final = 60.0
SIMULATE: Final = "simulate"
OK: Final = 200
NOT_MODIFIED: Final = 304
_STATES: Final = frozenset(get_args(ServiceState))


class _Body(Struct, frozen=True):
    data: Kept


_body: Final = msgspec.json.Decoder(_Body)


class PretendedWorkloads:
    """`keep` takes a frame that is durable, `send` one that is not; `accepted` says whether the hub
    on the present line takes them."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        tokens: Tokens,
        keep: Callable[[WorkloadStatus], None],
        send: Callable[[WorkloadStatus], None],
        accepted: Callable[[], bool],
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._keep = keep
        self._send = send
        self._accepted = accepted
        self._handed = Kept("", "", WorkloadsDocument())
        self._etag = ""
        self._began: dict[tuple[str, str], float] = {}
        """When each revision of an application was handed over."""
        self._reports = Reports({})
        self._wake = asyncio.Event()

    def state(self) -> SectionState:
        return SectionState(version=self._handed.version, hash=self._handed.hash)

    def line_opened(self) -> None:
        self._reports.begin()
        self._wake.set()

    def handed_over(self, frame: Desired) -> None:
        if frame.kind == WORKLOADS:
            if frame.report:
                self._reports.begin()
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure())
            wait = LOOK_SECONDS
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                self._wake.clear()
                wait = await self._look()

    async def _look(self) -> float:
        """Seconds until the next look."""
        if not self._accepted():
            return LOOK_SECONDS
        try:
            await self._fetch()
        except HubUnreachable:
            self._wake.set()
            await asyncio.sleep(AGAIN_SECONDS)
            return LOOK_SECONDS
        self._report()
        await asyncio.sleep(START_SECONDS)
        self._report()
        return LOOK_SECONDS

    async def _fetch(self) -> None:
        """Raises `HubUnreachable`."""
        headers = {"Authorization": f"Bearer {await self._tokens.token()}"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        try:
            answer = await self._http.get(f"/api/v1/device/desired/{WORKLOADS}", headers=headers)
            if answer.status_code == NOT_MODIFIED:
                return
            if answer.status_code != OK:
                raise HubUnreachable(f"the hub answered {answer.status_code}")
            self._handed = _body.decode(answer.content).data
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise HubUnreachable(str(error)) from None
        self._etag = answer.headers.get("etag", "")
        named = {(each.name, each.revision) for each in self._handed.document.applications}
        now = time.monotonic()
        self._began = {each: self._began.get(each, now) for each in named}

    def _report(self) -> None:
        now = time.monotonic()
        found = {
            each.name: statuses(each, now - self._began[each.name, each.revision])
            for each in self._handed.document.applications
        }
        for frame in self._reports.due(self._handed.version, found, now):
            self._keep(frame)

    async def _measure(self) -> None:
        usage = ServiceUsage(cpu_percent=1.0, memory_bytes=16 * 1024 * 1024)
        while True:
            await asyncio.sleep(USAGE_SECONDS)
            if self._accepted():
                used = {
                    each.name: dict.fromkeys(_services(each), usage)
                    for each in self._handed.document.applications
                }
                for frame in self._reports.minute(used):
                    self._send(frame)


def statuses(application: AssignedApplication, age: float) -> list[ServiceStatus]:
    """`age` seconds after it was handed over."""
    return [
        _status(application, name, service, age) for name, service in _services(application).items()
    ]


def _services(application: AssignedApplication) -> dict[str, dict[str, Any]]:
    return cast("dict[str, dict[str, Any]]", application.compose.get("services", {}))


def _status(
    application: AssignedApplication, name: str, service: dict[str, Any], age: float
) -> ServiceStatus:
    image = str(service.get("image", ""))
    status = ServiceStatus(
        service=name,
        revision=application.revision,
        state="starting",
        image=image or None,
        digest=read_image(image).digest,
    )
    if name in application.stopped:
        return structs.replace(status, state="exited")
    if age < START_SECONDS:
        return status
    labels: object = service.get("labels")
    word = cast("dict[str, Any]", labels).get(SIMULATE) if isinstance(labels, dict) else None
    if word not in _STATES:
        return structs.replace(status, state="running")
    code = "image_not_found" if word == "error" else None
    return structs.replace(status, state=cast("ServiceState", word), code=code)
