"""For whom a schedule does what it does, and whether they may."""

from typing import Final

from hub.base.holding import Holding, Right
from hub.base.principal import Principal
from hub.rights.memory import RightsMemory
from hub.schedules.records import Schedule, rights_for
from hub.schedules.store import ScheduleOwner

HAVE: Final[tuple[Right, ...]] = ("schedules:create", "schedules:update")


class Owners:
    def __init__(self, rights: RightsMemory) -> None:
        self._rights = rights

    async def principal(self, schedule: Schedule) -> Principal:
        """With what they may do at this moment: nothing, where they are gone or may not have the
        schedule any more. Raises `Unavailable`."""
        holding = await self._rights.holding(
            schedule.org, schedule.owner_kind, schedule.owner_id, schedule.owner_key
        )
        return Principal(
            org=schedule.org,
            kind=schedule.owner_kind,
            subject=schedule.owner_id,
            key_id=schedule.owner_key,
            actor=schedule.owner_name,
            via=via(schedule),
            rights=holding if may_have(holding, rights_for(schedule.given.work)) else Holding(),
        )

    async def may(self, owner: ScheduleOwner) -> bool:
        """Whether they may have it, and do what it does somewhere. Raises `Unavailable`."""
        holding = await self._rights.holding(owner.org, owner.kind, owner.id, owner.key)
        return may_have(holding, owner.rights)


def may_have(holding: Holding, rights: list[Right]) -> bool:
    return any(map(holding.anywhere, HAVE)) and all(map(holding.anywhere, rights))


def the_hub(schedule: Schedule) -> Principal:
    """Nobody needs a right to have that stopped which nobody wants any more."""
    return Principal(
        org=schedule.org,
        kind="hub",
        subject="",
        actor=schedule.owner_name,
        via=via(schedule),
    )


def via(schedule: Schedule) -> str:
    return f"schedule:{schedule.schedule_id}"
