"""What the owner of a rule may see at this moment."""

from typing import Final

from hub.base.holding import Holding, Reach, Right
from hub.rights.memory import RightsMemory
from hub.rules.records import RuleOwner
from protocol.ids import OrgId

SEES: Final = "telemetry:list"
HAVE: Final[tuple[Right, ...]] = ("alert-rules:create", "alert-rules:update")


class RuleSight:
    def __init__(self, rights: RightsMemory) -> None:
        self._rights = rights

    async def holding(self, org: OrgId, owner: RuleOwner) -> Holding:
        """Of an owner who is gone, nothing. Raises `Unavailable`."""
        return await self._rights.holding(org, owner.kind, owner.id, owner.key)


def may_have(holding: Holding) -> bool:
    """Whether somebody may have a rule at all."""
    return any(map(holding.anywhere, HAVE))


def reaches_of(holding: Holding) -> tuple[Reach, ...]:
    """Which devices somebody sees: those in each of these."""
    return holding.reaches(SEES, "")
