"""Who is in a campaign: looked up, judged and written down when it begins."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from hub.base.database import Connection
from hub.base.errors import Forbidden, Invalid, NotFound
from hub.base.principal import Principal
from hub.campaigns.journey import CampaignTarget, error
from hub.campaigns.records import Campaign, Enlisted, Load, Name, RollOut, Terms, software_of
from hub.campaigns.store import CampaignStore
from hub.campaigns.targets import TargetLookup
from hub.campaigns.waves import NO_WAVE, waves_of
from hub.campaigns.windows import follow_devices
from hub.commands.service import CommandService
from protocol.ids import DeviceId
from protocol.replies import ErrorObject

Refusals = Mapping[DeviceId, ErrorObject]
LEFT_OUT: Final = error("no_wave", "it is not part of any wave")
FORBIDDEN: Final = error("forbidden", "the owner of the campaign may not do this to the device")
BUSY: Final = error("busy", "another campaign brings software of this type to the device")
NO_LONGER: Final = error("no_longer_matches", "it did not match any more when its turn came")
GONE: Final = error("device_deleted", "there is no such device")


class Enlisting:
    def __init__(
        self, store: CampaignStore, commands: CommandService, targets: TargetLookup
    ) -> None:
        self._store = store
        self._commands = commands
        self._targets = targets

    async def judge(self, by: Principal, load: Load, devices: Sequence[DeviceId]) -> Refusals:
        """Which of these are left out because of what their owner may do. Raises `Forbidden` where
        it may do this to nobody."""
        if isinstance(load, RollOut):
            return {}
        _, refused = await self._commands.rights.sort(by, load, list(devices))
        unseen = [each for each, why in refused.items() if isinstance(why, NotFound)]
        gone = set(unseen) - await self._targets.known(by.org, unseen)
        return {DeviceId(each): GONE if each in gone else FORBIDDEN for each in refused}

    async def write(
        self,
        connection: Connection,
        name: Name,
        load: Load,
        terms: Terms,
        devices: Sequence[DeviceId],
        refusals: Refusals,
        *,
        wave: int | None = None,
    ) -> None:
        """Waves are shares of those that are not left out; with `wave` all are in that one."""
        left_out = dict(refusals)
        software = software_of(load)
        if software is not None:
            busy = await self._store.busy(connection, name, software, devices)
            left_out |= dict.fromkeys(busy - left_out.keys(), BUSY)
        going = [each for each in devices if each not in left_out]
        waves = (
            dict(zip(going, waves_of(terms.waves, len(going)), strict=True))
            if wave is None
            else dict.fromkeys(going, wave)
        )
        await self._store.enlist(
            connection,
            name,
            [_enlisted(each, waves, left_out) for each in devices],
            zoned=follow_devices(terms.windows),
        )

    async def write_now(
        self, connection: Connection, owner: Principal, campaign: Campaign
    ) -> str | None:
        """Of one whose time has come; why it cannot begin, if it cannot."""
        if campaign.target is None:
            raise AssertionError("what is scheduled has a target")
        named = campaign.target.device_ids
        try:
            if named is not None:
                devices: Sequence[DeviceId] = list(dict.fromkeys(named))
            else:
                devices = await self._targets.find(campaign.org, campaign.target)
        except (NotFound, Invalid) as gone:
            return gone.detail
        try:
            refusals = await self.judge(owner, campaign.command, devices)
        except Forbidden:
            refusals = dict.fromkeys(devices, FORBIDDEN)
        name = (campaign.org, campaign.campaign_id)
        await self._store.lock_new(connection, campaign.org)
        await self.write(connection, name, campaign.command, campaign.terms, devices, refusals)
        return None

    async def follow(
        self, connection: Connection, owner: Principal, campaign: Campaign
    ) -> list[CampaignTarget]:
        """Those that came in again or went because of what they are now; nobody moves while its
        target cannot be read. Who is new comes in behind them."""
        if campaign.target is None:
            return []
        name = (campaign.org, campaign.campaign_id)
        try:
            matching = await self._targets.find(campaign.org, campaign.target)
        except (NotFound, Invalid):
            return []
        last = len(campaign.terms.waves) - 1
        moved = await self._store.follow(connection, name, matching, NO_LONGER, last_wave=last)
        strangers = await self._store.strangers(connection, name, matching)
        if not strangers:
            return moved
        with contextlib.suppress(Forbidden):  # the next look pauses it
            refusals = await self.judge(owner, campaign.command, strangers)
            load, terms = campaign.command, campaign.terms
            await self.write(connection, name, load, terms, strangers, refusals, wave=last)
        return moved


def _enlisted(device_id: DeviceId, waves: Mapping[DeviceId, int], left_out: Refusals) -> Enlisted:
    why = left_out.get(device_id)
    if why is not None:
        return Enlisted(device_id, NO_WAVE, why)
    wave = waves[device_id]
    return Enlisted(device_id, wave, LEFT_OUT if wave == NO_WAVE else None)
