"""Deployments: a release for many devices. A campaign carries it; here it is begun and named."""

from typing import Final

from msgspec import UNSET, Struct, structs

from hub.base.errors import NotFound
from hub.base.principal import Principal
from hub.campaigns.service import (
    Campaign,
    CampaignService,
    Loaded,
    NewCampaign,
    Target,
    Terms,
    Wish,
)
from hub.firmware.service import FirmwareService, ReleaseRow
from protocol.codec import encode
from protocol.commands import UpdateFirmware
from protocol.ids import OrgId
from protocol.telemetry import ShownStatus


class Matching(Struct, frozen=True, kw_only=True):
    """Devices as they are when the deployment begins; what is None matches all."""

    tag: str | None = None
    status: ShownStatus | None = None
    version: str | None = None


EVERYBODY: Final = 'not id = ""'


def query_of(matching: Matching) -> str:
    """The same in the query language."""
    asked = [
        f"{field} = {encode(value).decode()}"
        for field, value in structs.asdict(matching).items()
        if value is not None
    ]
    return " and ".join(asked) or EVERYBODY


class DeploymentService:
    def __init__(self, releases: FirmwareService, campaigns: CampaignService) -> None:
        self._releases = releases
        self._campaigns = campaigns

    async def create(
        self,
        by: Principal,
        release_id: str,
        target: Target,
        terms: Terms,
        *,
        force: bool,
        approval: bool,
    ) -> Campaign:
        """With `force` devices that update themselves are pinned, and are not skipped; with
        `approval` a second person is asked first. `terms` are without the version, which is the
        release's. Raises `NotFound`, `Invalid`, `Forbidden`."""
        loaded = await self.load(by, release_id, terms.allow_downgrade, force=force)
        new = NewCampaign(
            kind=loaded.kind,
            subject=loaded.subject,
            command=loaded.load,
            terms=structs.replace(terms, version=loaded.version),
            devices=await self._campaigns.find(by.org, target),
            target=target,
        )
        return await self._campaigns.create(by, new, action="deployment.create", approval=approval)

    async def load(
        self, by: Principal, release_id: str, allow_downgrade: bool, *, force: bool = False
    ) -> Loaded:
        """Also as the `ReleaseLoader` of campaigns. Raises `NotFound`."""
        release = await self._releases.get(by.org, release_id)
        self._releases.path(release)
        update = update_to(release, allow_downgrade=allow_downgrade, force=force)
        return Loaded("release", release.release_id, update, release.version)

    async def get(self, org: OrgId, deployment_id: str) -> Campaign:
        """Raises `NotFound`, also for a campaign that brings something else."""
        found = await self._campaigns.get(org, deployment_id)
        if found.kind != "release":
            raise NotFound("no such deployment")
        return found

    async def ask(self, by: Principal, deployment_id: str, wish: Wish) -> Campaign:
        await self.get(by.org, deployment_id)
        return await self._campaigns.ask(by, deployment_id, wish, action=f"deployment.{wish}")


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
