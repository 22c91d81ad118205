"""`/applications`: their content, their revisions, and where they run."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.approvals.service import awaiting
from hub.base.paging import Items, decode_cursor, decode_number_cursor, encode_cursor
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery
from hub.web.route import Call
from hub.workloads.applications import ApplicationService
from hub.workloads.assignments import AssignmentService
from hub.workloads.records import ApplicationRow, RevisionRow
from hub.workloads.showing import WorkloadItem
from protocol.codec import rfc3339
from protocol.workloads import RevisionSignature, WorkloadName

ComposeField = str | dict[str, Any]
"""YAML as text, or a JSON object."""
Target = Annotated[str, Meta(min_length=1, max_length=4096)]
Revision = Annotated[str, Meta(min_length=1, max_length=64)]


class ApplicationBody(Body, frozen=True):
    """`target`: the query of the devices that it is given to; with `removeWhenUnmatched` it is
    taken from those that match no more. A body of `application/yaml` is `compose`."""

    compose: ComposeField
    name: WorkloadName | None = None
    """Without it, that of the file."""
    target: Target | None = None
    remove_when_unmatched: bool = False
    signature: RevisionSignature | None = None


class ApplicationChange(Body, frozen=True):
    """What is not given stays as it is. New content makes a revision, and moves nothing."""

    compose: ComposeField | UnsetType = UNSET
    target: Target | UnsetType | None = UNSET
    remove_when_unmatched: bool | UnsetType = UNSET
    signature: RevisionSignature | None = None


class CurrentBody(Body, frozen=True):
    revision: Revision


class ComposeBody(Body, frozen=True):
    compose: ComposeField


class RevisionItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`sha256` is of `compose` as canonical JSON (RFC 8785); `pinned`: each image is named by its
    digest; `configMaps` and `secrets`: by name, the version."""

    revision: str
    sha256: str
    pinned: bool
    compose: dict[str, Any]
    config_maps: dict[str, int]
    secrets: dict[str, int]
    variables: list[str]
    """That are filled in for each device."""
    asks_for: list[str]
    """What of it needs the right `workloads/privileged`."""
    signed: bool
    created_at: str
    created_by: str


class ApplicationItem(Struct, frozen=True, rename="camel", kw_only=True):
    """`current` is the revision that a device gets which comes to match. `PAUSED`: more devices
    match no more than may be removed in an hour, so none is."""

    id: str
    name: str
    current: str | None
    target: str | None
    remove_when_unmatched: bool
    status: str
    reason: str | None
    version: int
    created_at: str
    created_by: str
    updated_at: str


class ApplicationDetail(ApplicationItem, frozen=True, rename="camel", kw_only=True):
    revision: RevisionItem | None
    """The one that was made, or is there already; null where none was sent."""


class NormalForm(Struct, frozen=True):
    """As a revision has it before images are pinned; and the hash that is signed."""

    compose: dict[str, Any]
    sha256: str


class ApplicationEndpoints:
    def __init__(self, service: ApplicationService, assignments: AssignmentService) -> None:
        self._service = service
        self._assignments = assignments

    async def list(self, call: Call[ListQuery, None]) -> Items[ApplicationItem]:
        page = await self._service.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([ApplicationItem(**_item(row)) for row in page.items], page.next)

    async def create(self, call: Call[None, ApplicationBody]) -> Answer:
        body = call.body
        row, revision = await self._service.create(
            call.principal,
            body.name,
            body.compose,
            target=body.target,
            remove=body.remove_when_unmatched,
            signature=body.signature,
        )
        location = f"/api/v1/applications/{row.name}"
        return Answer(_detail(row, revision), status=201, location=location)

    async def get(self, call: Call[None, None]) -> ApplicationItem:
        return ApplicationItem(**_item(await self._service.get(call.principal, call.path("name"))))

    async def change(self, call: Call[None, ApplicationChange]) -> ApplicationDetail:
        body = call.body
        row, revision = await self._service.change(
            call.principal,
            call.path("name"),
            body.compose,
            target=body.target,
            remove=body.remove_when_unmatched,
            signature=body.signature,
        )
        return _detail(row, revision)

    async def delete(self, call: Call[None, None]) -> Answer:
        waits = await self._service.delete(call.principal, call.path("name"))
        return Answer(None) if waits is None else Answer(awaiting(waits), status=202)

    async def revisions(self, call: Call[ListQuery, None]) -> Items[RevisionItem]:
        key, limit = decode_number_cursor(call.query.cursor), call.query.limit
        rows = await self._service.revisions(
            call.principal, call.path("name"), behind=key[1] if key else None, limit=limit + 1
        )
        shown = rows[:limit]
        last = shown[-1] if len(rows) > limit else None
        following = None if last is None else encode_cursor((last.created_at, str(last.number)))
        return Items([revision_item(row) for row in shown], following)

    async def set_current(self, call: Call[None, CurrentBody]) -> ApplicationItem:
        row = await self._service.set_current(call.principal, call.path("name"), call.body.revision)
        return ApplicationItem(**_item(row))

    async def normalise(self, call: Call[None, ComposeBody]) -> NormalForm:
        compose, sha256 = await self._service.normalise(call.body.compose)
        return NormalForm(compose, sha256)

    async def states(self, call: Call[None, None]) -> dict[str, int]:
        application = await self._service.get(call.principal, call.path("name"))
        return await self._assignments.states(call.principal.org, application.name)

    async def devices(self, call: Call[ListQuery, None]) -> Items[WorkloadItem]:
        """A page ends within the services of a device, too."""
        application = await self._service.get(call.principal, call.path("name"))
        key, limit = decode_cursor(call.query.cursor), call.query.limit
        device_id, _, service = key[1].partition("/") if key else ("", "", "")
        found = await self._assignments.of_application(
            call.principal.org, application.name, since=device_id or None, limit=limit + 2
        )  # of which the first may have been shown
        found.sort(key=lambda item: (item.device_id, item.service))
        rest = [each for each in found if (each.device_id, each.service) > (device_id, service)]
        shown = rest[:limit]
        more = len(rest) > limit
        following = f"{shown[-1].device_id}/{shown[-1].service}" if more else None
        at = application.created_at
        return Items(shown, None if following is None else encode_cursor((at, following)))


def _item(row: ApplicationRow) -> dict[str, Any]:
    return {
        "id": row.name,
        "name": row.name,
        "current": row.current,
        "target": row.target,
        "remove_when_unmatched": row.remove_when_unmatched,
        "status": "ACTIVE" if row.paused_because is None else "PAUSED",
        "reason": row.paused_because,
        "version": row.version,
        "created_at": rfc3339(row.created_at),
        "created_by": row.created_by,
        "updated_at": rfc3339(row.updated_at),
    }


def _detail(row: ApplicationRow, revision: RevisionRow | None) -> ApplicationDetail:
    shown = None if revision is None else revision_item(revision)
    return ApplicationDetail(**_item(row), revision=shown)


def revision_item(row: RevisionRow) -> RevisionItem:
    return RevisionItem(
        revision=row.revision,
        sha256=row.sha256,
        pinned=row.pinned,
        compose=row.compose,
        config_maps=row.versions.config_maps,
        secrets=row.versions.secrets,
        variables=row.variables,
        asks_for=row.asks_for,
        signed=row.signature is not None,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
    )
