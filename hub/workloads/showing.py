"""What devices shall run, beside what they said of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from hub.workloads.assigning import UNSUPPORTED
from hub.workloads.contents import Service, services
from hub.workloads.filling import variables
from hub.workloads.records import ApplicationRefusal, Assignment, Report, RevisionRow
from protocol.codec import at
from protocol.ids import DeviceId

Json = Any
WantedState = Literal["running", "stopped"]
_ERROR: Final = "error"


class WorkloadItem(Struct, frozen=True, rename="camel", kw_only=True):
    """A service of an application on a device. `revision` and `desired` are what it shall be; the
    rest is what the device said last, null where it has not. `orphaned`: the device matches the
    application's target no more, and keeps it. `stale`: variables have changed since it was
    filled."""

    device_id: DeviceId
    application: str
    service: str
    revision: str | None
    desired: WantedState | None
    state: str | None
    code: str | None
    message: str | None
    observed_revision: str | None
    image: str | None
    digest: str | None
    container_id: str | None
    restarts: int | None
    started_at: str | None
    cpu_percent: float | None
    memory_bytes: float | None
    orphaned: bool
    stale: bool
    pinned: bool
    observed_at: str | None


class WantedApplication(Struct, frozen=True, kw_only=True):
    """An assignment, with its revisions: what the device has, and what it should have got."""

    assignment: Assignment
    revision: RevisionRow
    wanted: RevisionRow | None


def items(
    device_id: DeviceId,
    wanted: Iterable[WantedApplication],
    reports: Mapping[str, Report],
    fills: Mapping[str, str],
    *,
    has_engine: bool | None,
) -> list[WorkloadItem]:
    """Of one device, by application and service. What it runs and shall not is there, too."""
    found: list[WorkloadItem] = []
    seen: set[tuple[str, str]] = set()
    for each in wanted:
        for item in _of(each, reports.get(each.assignment.application), fills, has_engine):
            seen.add((item.application, item.service))
            found.append(item)
    for application, report in reports.items():
        found += [
            _leftover(device_id, application, said, report)
            for said in report.services
            if (application, said["service"]) not in seen
        ]
    return sorted(found, key=lambda item: (item.application, item.service))


def _of(
    each: WantedApplication,
    report: Report | None,
    fills: Mapping[str, str],
    has_engine: bool | None,
) -> Iterator[WorkloadItem]:
    assignment = each.assignment
    shown = each.wanted or each.revision
    said = {one["service"]: one for one in report.services} if report is not None else {}
    for name, service in services(shown.compose).items():
        error = assignment.errors.get(name)
        if has_engine is False:
            error = {"code": UNSUPPORTED, "message": "the device has no engine for containers"}
        state = said.get(name, {})
        usage = {} if report is None else report.usage.get(name, {})
        yield WorkloadItem(
            device_id=assignment.device_id,
            application=assignment.application,
            service=name,
            revision=shown.revision,
            desired="stopped" if name in assignment.stopped else "running",
            state=state.get("state") if error is None else _ERROR,
            code=state.get("code") if error is None else error["code"],
            message=state.get("message") if error is None else error["message"],
            orphaned=assignment.orphaned,
            stale=is_stale(service, assignment.filled, fills),
            pinned=assignment.pinned,
            **_observed(state, usage, None if report is None else report.observed_at),
        )


def refused_items(refusal: ApplicationRefusal, revision: RevisionRow) -> list[WorkloadItem]:
    """Of an application that matches a device, which does not get it."""
    return [
        WorkloadItem(
            device_id=refusal.device_id,
            application=refusal.application,
            service=name,
            revision=revision.revision,
            desired="running",
            state=_ERROR,
            code=refusal.code,
            message=refusal.message,
            orphaned=False,
            stale=False,
            pinned=False,
            **_observed({}, {}, None),
        )
        for name in services(revision.compose)
    ]


def _leftover(
    device_id: DeviceId, application: str, said: Mapping[str, Json], report: Report
) -> WorkloadItem:
    return WorkloadItem(
        device_id=device_id,
        application=application,
        service=said["service"],
        revision=None,
        desired=None,
        state=said.get("state"),
        code=said.get("code"),
        message=said.get("message"),
        orphaned=False,
        stale=False,
        pinned=False,
        **_observed(said, report.usage.get(said["service"], {}), report.observed_at),
    )


def _observed(
    said: Mapping[str, Json], usage: Mapping[str, Json], observed_at: datetime | None
) -> dict[str, Json]:
    return {
        "observed_revision": said.get("revision"),
        "image": said.get("image"),
        "digest": said.get("digest"),
        "container_id": said.get("containerId"),
        "restarts": said.get("restarts"),
        "started_at": said.get("startedAt"),
        "cpu_percent": usage.get("cpuPercent"),
        "memory_bytes": usage.get("memoryBytes"),
        "observed_at": at(observed_at),
    }


def is_stale(service: Service, filled: Mapping[str, str | None], fills: Mapping[str, str]) -> bool:
    """Whether it would be filled in otherwise now."""
    return any(filled[name] != fills.get(name) for name in variables(service) if name in filled)
