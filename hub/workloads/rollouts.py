"""Brings a revision of an application to devices in waves, as a campaign."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, NotFound, invalid
from hub.base.principal import Principal
from hub.campaigns.service import (
    Campaign,
    CampaignService,
    Loaded,
    NewCampaign,
    RollOut,
    Target,
    Terms,
    Wish,
)
from hub.workloads.applications import NO_REVISION, ApplicationService
from hub.workloads.assigning import DeviceStanding, NotGiven
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.giving import Giving
from hub.workloads.making import RevisionMaker, as_new, require_privilege
from hub.workloads.records import RevisionRow
from hub.workloads.store import ApplicationStore
from protocol.ids import DeviceId, DeviceKey
from protocol.replies import ErrorObject

NO_ROLLOUT: Final = "no such roll-out of the application"
PINNED: Final = NotGiven("pinned", "it keeps its own revision")
GONE: Final[ErrorObject] = {"code": "not_found", "message": "the revision is not there any more"}


class RollOutService:
    """Also the `Bringer` of campaigns."""

    def __init__(
        self,
        store: ApplicationStore,
        assignments: AssignmentStore,
        service: ApplicationService,
        maker: RevisionMaker,
        giving: Giving,
        campaigns: CampaignService,
        audit: AuditService,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._assignments = assignments
        self._service = service
        self._maker = maker
        self._giving = giving
        self._campaigns = campaigns
        self._audit = audit
        self._hint_desired = hint_desired

    async def create(
        self,
        by: Principal,
        name: str,
        revision: str | None,
        target: Target | None,
        terms: Terms,
        *,
        refresh: bool,
        approval: bool,
    ) -> Campaign:
        """Of a revision, or with `refresh` of the present content with the present versions of its
        data. Without a target it is for whoever has the application; `terms` are without the
        version. Raises `NotFound`, `Invalid`, `Conflict`, `Forbidden`."""
        await self._service.get(by, name, "update")
        if refresh == (revision is not None):
            raise invalid("revision", "either a revision, or refresh")
        found = (
            await self._refreshed(by, name) if refresh else await self._named(by, name, revision)
        )
        loaded = _loaded(by, name, found)
        if target is None:
            async with self._store.database.tenant(by.org).transaction() as connection:
                devices = await self._assignments.device_ids_of(connection, by.org, name)
        else:
            devices = await self._campaigns.find(by.org, target)
        new = NewCampaign(
            kind=loaded.kind,
            subject=loaded.subject,
            command=loaded.load,
            terms=_of(terms, found),
            devices=devices,
            target=target,
        )
        return await self._campaigns.create(by, new, action="rollout.create", approval=approval)

    async def load(self, by: Principal, name: str, revision: str) -> Loaded:
        """As the `ApplicationLoader` of campaigns."""
        await self._service.get(by, name, "update")
        return _loaded(by, name, await self._named(by, name, revision))

    async def _named(self, by: Principal, name: str, revision: str | None) -> RevisionRow:
        async with self._store.database.tenant(by.org).transaction() as connection:
            found = await self._store.revision(connection, by.org, name, revision or "")
        if found is None:
            raise invalid("revision", NO_REVISION)
        return found

    async def _refreshed(self, by: Principal, name: str) -> RevisionRow:
        """What is current, else the newest; a signature is of the content, and stays."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            application = await self._store.lock(connection, by.org, name)
            current = None if application is None else application.current
            if current is None:
                found = await self._store.newest(connection, by.org, name)
            else:
                found = await self._store.revision(connection, by.org, name, current)
            if found is None:
                raise Conflict("the application has no revision")
            new = await self._maker.with_data(connection, by, as_new(found))
            row = await self._store.add_revision(connection, by.org, name, new, by=by.actor)
            entry = audit_entry(by, "application.refresh", name, revision=row.revision)
            await self._audit.record(connection, entry)
        return row

    async def get(self, by: Principal, name: str, rollout_id: str) -> Campaign:
        """Raises `NotFound`."""
        await self._service.get(by, name)
        found = await self._campaigns.get(by.org, rollout_id)
        if found.application is None or found.application.name != name:
            raise NotFound(NO_ROLLOUT)
        return found

    async def ask(self, by: Principal, name: str, rollout_id: str, wish: Wish) -> Campaign:
        await self.get(by, name, rollout_id)
        return await self._campaigns.ask(by, rollout_id, wish, action=f"rollout.{wish}")

    # As the bringer of campaigns

    async def bring(
        self, owner: Principal, load: RollOut, device_ids: Sequence[DeviceId]
    ) -> Mapping[DeviceId, ErrorObject]:
        """Those of these that do not get it, and why. Who keeps what it has for want of a variable
        is one of them."""

        def terms(standing: DeviceStanding) -> tuple[bool, bool] | NotGiven:
            if standing.pinned:
                return PINNED
            return standing.by_hand is not False, False

        async with self._store.database.transaction() as connection:
            revision = await self._store.revision(connection, owner.org, load.name, load.revision)
            if revision is None:
                return dict.fromkeys(device_ids, GONE)
            given = await self._giving.give(connection, owner.org, revision, device_ids, terms)
            entries = [
                audit_entry(
                    owner,
                    "device.assign_application",
                    device_id,
                    application=load.name,
                    revision=load.revision,
                )
                for device_id in given.changed
            ]
            if entries:
                await self._audit.record(connection, *entries)
        for device_id in given.changed:
            self._hint_desired((owner.org, device_id))
        refused: dict[DeviceId, ErrorObject] = {
            device_id: {"code": each.code, "message": each.message}
            for device_id, each in given.refused.items()
        }
        for device_id, row in given.assigned.items():
            if row.missing is not None:
                refused[device_id] = {"code": "missing_variable", "message": row.missing}
        return refused

    async def succeeded(self, connection: Connection, by: Principal, load: RollOut) -> None:
        """What has proven itself is current from now on."""
        application = await self._store.lock(connection, by.org, load.name)
        if application is None or application.current == load.revision:
            return
        await self._store.set_current(connection, by.org, load.name, load.revision)
        changes = {"current": (application.current, load.revision)}
        entry = audit_entry(by, "application.current", load.name, changes=changes)
        await self._audit.record(connection, entry)


def _loaded(by: Principal, name: str, found: RevisionRow) -> Loaded:
    require_privilege(by, found.asks_for, "update")
    load = RollOut(
        name=name,
        revision=found.revision,
        services=sorted(found.services),
        asks_for=found.asks_for,
    )
    return Loaded("application", name, load, found.revision)


def _of(terms: Terms, revision: RevisionRow) -> Terms:
    """A revision is neither older nor newer than another."""
    return Terms(
        waves=terms.waves,
        rate_per_minute=terms.rate_per_minute,
        soak_seconds=terms.soak_seconds,
        phase_timeout_seconds=terms.phase_timeout_seconds,
        stop_at=terms.stop_at,
        version=revision.revision,
        allow_downgrade=True,
    )
