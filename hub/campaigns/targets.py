"""Whom a campaign is for, looked up."""

from collections.abc import Collection
from typing import Protocol

from msgspec import structs

from hub.base.errors import NotFound, invalid
from hub.campaigns.records import Target
from hub.devices.service import DeviceService
from hub.groups.service import GroupService
from hub.queries.service import QueryService
from protocol.ids import DeviceId, OrgId


class TargetLookup(Protocol):
    """As `TargetFinder`."""

    async def find(self, org: OrgId, target: Target) -> list[DeviceId]: ...

    async def known(self, org: OrgId, device_ids: Collection[str]) -> set[str]: ...


class TargetFinder:
    def __init__(self, devices: DeviceService, groups: GroupService, queries: QueryService) -> None:
        self._devices = devices
        self._groups = groups
        self._queries = queries

    async def find(self, org: OrgId, target: Target) -> list[DeviceId]:
        """As they are now; those that are named in the order in which they are, so that the first
        is the canary. Raises `NotFound`, `Invalid`."""
        if sum(each is not None for each in structs.astuple(target)) != 1:
            raise invalid("target", "exactly one of deviceIds, groupId and query")
        if target.device_ids is not None:
            return await self._named(org, target.device_ids)
        if target.group_id is not None:
            group = await self._groups.get(org, target.group_id)
            return list(await self._groups.members(org, [group.group_id]))
        tree = await self._queries.read(org, target.query or "", field="target.query")
        return await self._devices.matching(org, tree)

    async def known(self, org: OrgId, device_ids: Collection[str]) -> set[str]:
        """Which of these exist."""
        return await self._devices.known(org, list(device_ids)) if device_ids else set()

    async def _named(self, org: OrgId, device_ids: tuple[DeviceId, ...]) -> list[DeviceId]:
        once = list(dict.fromkeys(device_ids))
        unknown = set(once) - await self.known(org, once)
        if unknown:
            raise NotFound(f"no such device: {min(unknown)}")
        return once
