"""`/devices/{id}/applications`, `/devices/{id}/workloads`, `/devices/{id}/variables`; and what the
calling device itself shall run."""

from typing import Any

from msgspec import Struct
from starlette.responses import Response

from hub.commands.rest import CommandEndpoints, DispatchBody
from hub.web.envelope import Answer
from hub.web.inputs import Body, Query
from hub.web.route import Call
from hub.workloads.assignments import AssignmentService, ByHand
from hub.workloads.handing import HandingService
from hub.workloads.records import Assignment
from hub.workloads.rest import Revision
from hub.workloads.showing import WorkloadItem
from protocol.codec import rfc3339
from protocol.commands import RestartWorkload
from protocol.ids import DeviceId


class AssignmentBody(Body, frozen=True):
    """Without `revision` a device that lacks the application gets its current one; `pinned`: no
    roll-out moves it."""

    revision: Revision | None = None
    pinned: bool | None = None


class RemovalQuery(Query, frozen=True):
    volumes: bool = False
    """Whether its named volumes go, too."""


class AssignmentItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`wanted` is the revision that the device should have got, where variables are missing;
    `errors` says which services are left out, and why."""

    device_id: DeviceId
    application: str
    revision: str
    wanted: str | None
    errors: dict[str, dict[str, str]]
    by_hand: bool
    pinned: bool
    orphaned: bool
    assigned_at: str


class WorkloadEndpoints:
    def __init__(
        self, service: AssignmentService, handing: HandingService, commands: CommandEndpoints
    ) -> None:
        self._service = service
        self._handing = handing
        self._commands = commands

    async def assignment(self, call: Call[None, None]) -> AssignmentItem:
        return _item(await self._service.get(call.principal.org, *_place(call)))

    async def assign(self, call: Call[None, AssignmentBody]) -> AssignmentItem:
        given = ByHand(revision=call.body.revision, pinned=call.body.pinned)
        return _item(await self._service.put(call.principal, *_place(call), given))

    async def unassign(self, call: Call[RemovalQuery, None]) -> None:
        await self._service.delete(call.principal, *_place(call), volumes=call.query.volumes)

    async def workloads(self, call: Call[None, None]) -> list[WorkloadItem]:
        return await self._service.of_device(call.principal.org, DeviceId(call.path("id")))

    async def stop(self, call: Call[None, None]) -> WorkloadItem:
        return await self._service.stop(call.principal, *_place(call), call.path("service"))

    async def start(self, call: Call[None, None]) -> WorkloadItem:
        return await self._service.start(call.principal, *_place(call), call.path("service"))

    async def restart(self, call: Call[None, None]) -> Answer:
        """A command, once: answered as a dispatch."""
        device_id, name = _place(call)
        service = call.path("service")
        await self._service.require_service(call.principal.org, device_id, name, service)
        body = DispatchBody(command=RestartWorkload(application=name, service=service))
        return await self._commands.dispatch(
            Call(principal=call.principal, query=call.query, body=body, request=call.request)
        )

    async def variables(self, call: Call[None, None]) -> dict[str, str]:
        return await self._service.variables(call.principal.org, DeviceId(call.path("id")))

    async def put_variables(self, call: Call[None, dict[str, str]]) -> dict[str, str]:
        return await self._service.put_variables(
            call.principal, DeviceId(call.path("id")), call.body
        )

    async def desired(self, call: Call[None, None]) -> Answer | Response:
        version = await self._handing.version(call.principal)
        etag = f'"{version}"'
        if etag in (call.header("if-none-match") or ""):
            return Response(status_code=304, headers={"ETag": etag})
        found = await self._handing.section(call.principal)
        return Answer(found, etag=f'"{found.version}"')


def _place(call: Call[Any, Any]) -> tuple[DeviceId, str]:
    return DeviceId(call.path("id")), call.path("name")


def _item(row: Assignment) -> AssignmentItem:
    return AssignmentItem(
        device_id=row.device_id,
        application=row.application,
        revision=row.revision,
        wanted=row.wanted,
        errors=row.errors,
        by_hand=row.by_hand,
        pinned=row.pinned,
        orphaned=row.orphaned,
        assigned_at=rfc3339(row.assigned_at),
    )
