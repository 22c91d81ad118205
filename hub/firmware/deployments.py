"""Deployments: a release for many devices. A campaign carries it; here it is begun and named."""

from typing import Final

from msgspec import UNSET, Struct

from hub.base.errors import NotFound, invalid
from hub.base.principal import Principal
from hub.campaigns.service import Campaign, CampaignService, NewCampaign, Terms, Wish
from hub.devices.service import DeviceFilter, DeviceService
from hub.firmware.service import FirmwareService, ReleaseRow
from hub.groups.service import GroupService
from hub.queries.service import QueryService
from protocol.commands import UpdateFirmware
from protocol.ids import DeviceId, OrgId
from protocol.telemetry import ShownStatus

PAGE: Final = 500


class Wanted(Struct, frozen=True, kw_only=True):
    """Whom a deployment is for: exactly one of these."""

    device_ids: list[DeviceId] | None = None
    group_id: str | None = None
    filter: "Matching | None" = None
    query: str | None = None


class Matching(Struct, frozen=True, kw_only=True):
    """Devices as they are when the deployment begins; what is None matches all."""

    tag: str | None = None
    status: ShownStatus | None = None
    version: str | None = None


class DeploymentService:
    def __init__(
        self,
        releases: FirmwareService,
        campaigns: CampaignService,
        devices: DeviceService,
        groups: GroupService,
        queries: QueryService,
    ) -> None:
        self._releases = releases
        self._campaigns = campaigns
        self._devices = devices
        self._groups = groups
        self._queries = queries

    async def create(
        self,
        by: Principal,
        release_id: str,
        wanted: Wanted,
        terms: Terms,
        *,
        force: bool,
        approval: bool,
    ) -> Campaign:
        """With `force` devices that update themselves are pinned, and are not skipped; with
        `approval` a second person is asked first. `terms` are without the version, which is the
        release's. Raises `NotFound`, `Invalid`."""
        release = await self._releases.get(by.org, release_id)
        self._releases.path(release)
        new = NewCampaign(
            subject=release.release_id,
            command=update_to(release, allow_downgrade=terms.allow_downgrade, force=force),
            terms=terms,
            devices=await self._targets(by.org, wanted),
        )
        return await self._campaigns.create(by, new, action="deployment.create", approval=approval)

    async def get(self, org: OrgId, deployment_id: str) -> Campaign:
        """Raises `NotFound`, also for a campaign that brings something else."""
        found = await self._campaigns.get(org, deployment_id)
        if found.application is not None:
            raise NotFound("no such deployment")
        return found

    async def ask(self, by: Principal, deployment_id: str, wish: Wish) -> Campaign:
        await self.get(by.org, deployment_id)
        return await self._campaigns.ask(by, deployment_id, wish, action=f"deployment.{wish}")

    async def _targets(self, org: OrgId, wanted: Wanted) -> list[DeviceId]:
        if wanted.device_ids is not None:
            return await self._named(org, wanted.device_ids)
        if wanted.group_id is not None:
            group = await self._groups.get(org, wanted.group_id)
            return list(await self._groups.members(org, [group.group_id]))
        if wanted.filter is not None:
            return await self._matching(org, wanted.filter)
        if wanted.query is not None:
            tree = await self._queries.read(org, wanted.query, field="target.query")
            return await self._devices.matching(org, tree)
        raise invalid("target", "one of deviceIds, groupId, filter and query")

    async def _named(self, org: OrgId, device_ids: list[DeviceId]) -> list[DeviceId]:
        """In the order in which they were named: the first is the canary."""
        once = list(dict.fromkeys(device_ids))
        unknown = set(once) - await self._devices.known(org, list(once))
        if unknown:
            raise NotFound(f"no such device: {min(unknown)}")
        return once

    async def _matching(self, org: OrgId, wanted: Matching) -> list[DeviceId]:
        found: list[DeviceId] = []
        cursor: str | None = None
        while True:
            page = await self._devices.list(
                org,
                DeviceFilter(
                    tag=wanted.tag, status=None if wanted.status is None else [wanted.status]
                ),
                cursor=cursor,
                limit=PAGE,
            )
            found += [
                device.device_id
                for device in page.items
                if wanted.version in (None, device.version) and not device.disabled
            ]
            cursor = page.next
            if cursor is None:
                return sorted(found)


def update_to(release: ReleaseRow, *, allow_downgrade: bool, force: bool) -> UpdateFirmware:
    """The command that brings a release to a device."""
    return UpdateFirmware(
        release_id=release.release_id,
        version=release.version,
        url=f"/api/v1/firmware/releases/{release.release_id}/artifact",
        sha256=release.sha256,
        size=release.size,
        signature_base64=UNSET if release.signature_base64 is None else release.signature_base64,
        allow_downgrade=True if allow_downgrade else UNSET,
        installer=release.type,
        filename=release.filename,
        force=True if force else UNSET,
    )
