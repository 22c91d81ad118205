"""What follows a look at a campaign, after its commit: dashboards hear of it, commands are sent and
cancelled.

A driver may die before it is done. The next finds targets whose command is not in the ledger and
sends it: the id of a command follows from campaign, device and attempt, so that what was dispatched
after all is joined and never done twice (promise G2).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import structlog
from msgspec import UNSET, Struct
from msgspec.structs import replace

from hub.base.database import Connection
from hub.base.errors import Conflict, Ended, Forbidden, HubError, Invalid, NotFound, Quarantined
from hub.base.principal import Principal
from hub.campaigns.journey import CampaignTarget, Status, error
from hub.campaigns.records import Campaign, RollOut
from hub.campaigns.store import CampaignStore
from hub.commands.service import CommandRequest, CommandService
from hub.telemetry.writer import TelemetryWriter, stream_event
from protocol.commands import Command
from protocol.dashboard import AlertEvent, DeploymentEvent
from protocol.ids import DeviceId
from protocol.replies import ErrorObject
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

AT_ONCE: Final = 100
OWNER_LACKS_RIGHT: Final = "owner_lacks_right"
SEVERITY: Final[Severity] = "WARN"
LONGEST_COMMAND_MS: Final = 86_400_000


class DriveStep(Struct):
    """What one look decided, to be carried out after its commit."""

    campaign: Campaign
    changed: list[CampaignTarget]
    send: list[CampaignTarget]
    cancel: list[CampaignTarget]


class Bringer(Protocol):
    """Assigns what a campaign brings, where that is no command."""

    async def bring(
        self, owner: Principal, load: RollOut, device_ids: Sequence[DeviceId]
    ) -> Mapping[DeviceId, ErrorObject]:
        """Those of these that do not get it, and why. Raises `Unavailable`."""
        ...

    async def succeeded(self, connection: Connection, by: Principal, load: RollOut) -> None:
        """It is with the devices, and well."""
        ...


class CampaignEffects:
    def __init__(
        self, store: CampaignStore, commands: CommandService, telemetry: TelemetryWriter
    ) -> None:
        self._store = store
        self._commands = commands
        self._telemetry = telemetry
        self._bringer: Bringer | None = None

    def bring_by(self, bringer: Bringer) -> None:
        """Who brings applications, said before the first campaign of one."""
        self._bringer = bringer

    async def succeeded(self, connection: Connection, campaign: Campaign) -> None:
        """In the transaction of the look."""
        if campaign.application is not None and self._bringer is not None:
            await self._bringer.succeeded(connection, _the_hub(campaign), campaign.application)

    async def carry_out(self, step: DriveStep) -> None:
        self.publish(step.campaign, step.changed)
        await self._send(step.campaign, step.send)
        await self._cancel(step.campaign, step.cancel)

    async def owner(self, campaign: Campaign) -> Principal:
        """Whose campaign it is, with what it may do at this moment: asked at each look, and again
        when a command is sent."""
        return Principal(
            org=campaign.org,
            kind=campaign.owner_kind,
            subject=campaign.owner_id,
            key_id=campaign.owner_key,
            actor=campaign.owner_name,
            via=f"campaign:{campaign.campaign_id}",
            rights=await self._commands.rights.of_owner(
                campaign.org, campaign.owner_kind, campaign.owner_id, campaign.owner_key
            ),
        )

    async def keep(
        self, connection: Connection, campaign: Campaign, targets: Sequence[CampaignTarget]
    ) -> None:
        """In the transaction in which they took a step: for those who keep it."""
        if targets and self._telemetry.taps.wants(campaign.org, "deployment"):
            events = [stream_event(event) for event in self._events(campaign, targets)]
            await self._telemetry.taps.keep(connection, [(campaign.org, each) for each in events])

    async def warn(self, connection: Connection, campaign: Campaign) -> None:
        """Its owner may not do this any more: with the change of its state."""
        name = campaign.name or campaign.campaign_id
        alert = AlertEvent(
            device_id=None,
            ts=self._telemetry.now(),
            severity=SEVERITY,
            code=OWNER_LACKS_RIGHT,
            message=f"the campaign {name} is paused: its owner is gone, or may not do it any more",
        )
        await self._telemetry.raise_alert(
            connection, campaign.org, alert, subject=f"campaign:{campaign.campaign_id}"
        )

    def publish(self, campaign: Campaign, targets: Iterable[CampaignTarget]) -> None:
        """Dashboards hear of each target that took a step."""
        for event in self._events(campaign, targets):
            self._telemetry.publish(campaign.org, event)

    def _events(
        self, campaign: Campaign, targets: Iterable[CampaignTarget]
    ) -> list[DeploymentEvent]:
        return [
            DeploymentEvent(
                device_id=target.device_id,
                ts=self._telemetry.now(),
                deployment_id=campaign.campaign_id,
                status=str(target.status),
                phase=str(target.phase),
                deployment_status=str(campaign.status),
                error=UNSET if target.error is None else str(target.error["code"]),
            )
            for target in targets
        ]

    async def _send(self, campaign: Campaign, targets: Sequence[CampaignTarget]) -> None:
        if campaign.application is not None:
            await self._bring(campaign, campaign.application, targets)
            return
        for start in range(0, len(targets), AT_ONCE):
            some = targets[start : start + AT_ONCE]
            await asyncio.gather(*(self._send_one(campaign, target) for target in some))

    async def _bring(
        self, campaign: Campaign, load: RollOut, targets: Sequence[CampaignTarget]
    ) -> None:
        """Done twice, it changes nothing more."""
        if not targets or self._bringer is None:
            return
        owner = await self.owner(campaign)
        by_id = {target.device_id: target for target in targets}
        refused = await self._bringer.bring(owner, load, list(by_id))
        for device_id, why in refused.items():
            name = (campaign.org, campaign.campaign_id)
            await self._store.refuse(name, by_id[device_id], why)

    async def _send_one(self, campaign: Campaign, target: CampaignTarget) -> None:
        if target.command_id is None or isinstance(campaign.command, RollOut):
            raise AssertionError("a started device has a command")
        timeout_ms = campaign.terms.timeout_ms
        if campaign.software is not None:
            timeout_ms = min(campaign.terms.phase_timeout_seconds * 1000, LONGEST_COMMAND_MS)
        request = CommandRequest(
            command=replace(campaign.command, id=target.command_id),
            timeout_ms=timeout_ms,
            wait=False,
        )
        try:
            owner = await self.owner(campaign)
            await self._require_reach(owner, campaign.command, target)
            await self._commands.dispatch(owner, target.device_id, request)
        except (NotFound, Quarantined):
            return  # it was deleted or put there just now: the next look skips it
        except Forbidden as refused:
            why = error("forbidden", refused.detail)
            await self._refuse(campaign, target, why, Status.SKIPPED)
        except (Conflict, Invalid) as refused:
            why = error(str(refused.code), refused.detail)
            await self._refuse(campaign, target, why, Status.FAILED)
        except HubError as busy:
            log.info("campaign_waits", device=target.device_id, error=busy.detail)

    async def _refuse(
        self, campaign: Campaign, target: CampaignTarget, why: ErrorObject, status: Status
    ) -> None:
        await self._store.refuse((campaign.org, campaign.campaign_id), target, why, status)

    async def _require_reach(
        self, owner: Principal, command: Command, target: CampaignTarget
    ) -> None:
        """Raises `Forbidden` for a device over which its owner has no right any more."""
        ids = [target.device_id]
        _, refusals = await self._commands.rights.sort(owner, command, ids)
        if refusals:
            raise Forbidden("the owner of the campaign may not dispatch this to the device")

    async def _cancel(self, campaign: Campaign, targets: Sequence[CampaignTarget]) -> None:
        """Ask devices to stop what nobody wants any more; who is past it goes on. What a device
        shall run stays as it is: going back is a roll-out."""
        if campaign.application is not None:
            return
        for target in targets:
            if target.command_id is None:
                raise AssertionError("a started device has a command")
            try:
                await self._commands.cancel(_the_hub(campaign), target.device_id, target.command_id)
            except (Ended, NotFound):
                continue


def _the_hub(campaign: Campaign) -> Principal:
    """Nobody needs a right to have that stopped which nobody wants any more."""
    return Principal(
        org=campaign.org,
        kind="hub",
        subject="",
        actor=campaign.owner_name,
        via=f"campaign:{campaign.campaign_id}",
    )
