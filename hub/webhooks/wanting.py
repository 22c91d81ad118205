"""Who wants which events, as this replica remembers it. Pure.

Each event asks for it, so it is a look into a table: organisation, then kind. What the events of
an organisation are wanted for is replaced as a whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from hub.base.holding import Reach
from hub.queries.records import Tree
from protocol.ids import OrgId


class EventWish(Struct, frozen=True):
    """What a webhook wants to hear of."""

    org: OrgId
    webhook_id: str
    kinds: frozenset[str]
    tree: Tree | None
    """Of which devices; None: of all."""
    reaches: tuple[Reach, ...] = ()
    """Which devices its owner sees: those in each of these."""

    @property
    def chooses(self) -> bool:
        """Whether it hears of some devices only."""
        return self.tree is not None or bool(self.reaches)


ByKind = Mapping[str, Sequence[EventWish]]


class WantedEvents:
    def __init__(self) -> None:
        self.by_org: dict[OrgId, ByKind] = {}
        """Without those organisations that want nothing."""

    def put(self, org: OrgId, wishes: Iterable[EventWish]) -> None:
        """What is wanted of an organisation now."""
        kinds: defaultdict[str, list[EventWish]] = defaultdict(list)
        for wish in wishes:
            for kind in wish.kinds:
                kinds[kind].append(wish)
        if kinds:
            self.by_org[org] = dict(kinds)
        else:
            self.by_org.pop(org, None)

    def wishes(self, org: OrgId, kind: str) -> Sequence[EventWish]:
        return self.by_org.get(org, _NONE).get(kind, ())


_NONE: ByKind = {}
