"""What the owner of a webhook may see at this moment: of which devices the events, and of which
what commands wrote."""

from collections.abc import Collection, Sequence
from typing import Final

from hub.base.holding import ANY_COMMAND, Holding, Reach, Right
from hub.rights.memory import RightsMemory
from hub.webhooks.batching import SeenDevices
from hub.webhooks.records import Owner
from protocol.ids import OrgId

SEES: Final = "telemetry:list"
"""The right to see the events of a device, as on the dashboards' socket."""
HAVE: Final[tuple[Right, ...]] = ("webhooks:create", "webhooks:update")


class OwnerSight:
    def __init__(self, rights: RightsMemory) -> None:
        self._rights = rights

    async def holding(self, org: OrgId, owner: Owner) -> Holding:
        """Of an owner who is gone, nothing. Raises `Unavailable`."""
        return await self._rights.holding(org, owner.kind, owner.id, owner.key)

    async def seen(
        self, org: OrgId, owner: Owner, device_ids: Collection[str], restricted: Collection[str]
    ) -> SeenDevices:
        """Of these devices, those that it sees, and those of `restricted` of which it sees what
        commands wrote. Raises `Unavailable`."""
        holding = await self.holding(org, owner)
        return SeenDevices(
            await self._within(org, reaches_of(holding), device_ids),
            await self._within(org, holding.reaches(ANY_COMMAND, ""), restricted),
        )

    async def _within(
        self, org: OrgId, reaches: Sequence[Reach], device_ids: Collection[str]
    ) -> Collection[str] | None:
        if not reaches:
            return None
        return frozenset(await self._rights.within(org, reaches, sorted(device_ids)))


def may_have(holding: Holding) -> bool:
    """Whether somebody may have a webhook at all."""
    return any(map(holding.anywhere, HAVE))


def reaches_of(holding: Holding) -> tuple[Reach, ...]:
    """Which devices somebody sees: those in each of these."""
    return holding.reaches(SEES, "")
