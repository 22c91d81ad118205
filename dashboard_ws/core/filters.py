"""What one subscription wants, as a value that can be compared, hashed and shared.

Fields that are present are combined with *and*; devices and groups together with *or*; an empty
list matches nothing. `minLevel` concerns `log_line` and `alert` only. Source: protocol.md, 2.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from protocol.codec import without_output
from protocol.dashboard import Filter
from protocol.stream import RESTRICTED, StreamEvent

RANKS: Final[Mapping[str, int]] = {
    "DEBUG": 0,
    "INFO": 1,
    "WARN": 2,
    "ERROR": 3,
    "CRITICAL": 3,  # the severity of an alert that stands where ERROR stands among log lines
}

BY_NAME_ONLY: Final = frozenset({"record_changed"})
"""Types that only a subscription gets that names them."""

Groups = frozenset[str]
Named = Groups | str
"""Some groups, by their ids; or a query, by its text."""
Members = Mapping[Named, frozenset[str]]
"""For what some predicate names: the devices that are in any of the groups, or that the query
means."""


class Predicate(Struct, frozen=True, kw_only=True):
    """None = all. Two subscriptions that want the same are equal."""

    devices: frozenset[str] | None = None
    groups: Groups | None = None
    types: frozenset[str] | None = None
    min_rank: int = 0
    query: str | None = None

    def named(self) -> frozenset[Named]:
        """That of which it has to be known whom it means."""
        return frozenset(each for each in (self.groups, self.query) if each is not None)

    def devices_in(self, members: Members) -> frozenset[str] | None:
        """The devices it is about, None for all. What nobody has resolved means none."""
        devices = self.devices
        if self.groups is not None:
            in_groups = members.get(self.groups, frozenset())
            devices = in_groups if devices is None else devices | in_groups
        if self.query is not None:
            meant = members.get(self.query, frozenset())
            devices = meant if devices is None else devices & meant
        return devices

    def wants(self, event_type: str, level: str) -> bool:
        """Whether it would take such an event of one of its devices. An unknown level counts as
        the highest: better one line too many."""
        if self.types is None:
            if event_type in BY_NAME_ONLY:
                return False
        elif event_type not in self.types:
            return False
        return not level or RANKS.get(level, 3) >= self.min_rank


class Area(Struct, frozen=True):
    """The devices of these groups, and these."""

    groups: Groups = frozenset()
    devices: frozenset[str] = frozenset()

    def covers(self, device_id: str, groups_of: Mapping[str, Groups]) -> bool:
        """`groups_of` names the groups of each device that is in one that matters."""
        if device_id in self.devices:
            return True
        return not self.groups.isdisjoint(groups_of.get(device_id, ()))


NOWHERE: Final = Area()


class Sight(Struct, frozen=True):
    """What a reader may see. None is everywhere. Two with the same rights are equal."""

    sees: Area | None = None
    """Of which devices."""
    cleared: Area | None = NOWHERE
    """Of which devices also what secret commands wrote."""

    def sees_device(self, device_id: str, groups_of: Mapping[str, Groups]) -> bool:
        return self.sees is None or self.sees.covers(device_id, groups_of)

    def is_cleared(self, device_id: str, groups_of: Mapping[str, Groups]) -> bool:
        return self.cleared is None or self.cleared.covers(device_id, groups_of)

    def groups(self) -> Groups:
        """Those whose members have to be known."""
        areas = (area for area in (self.sees, self.cleared) if area is not None)
        return frozenset[str]().union(*(area.groups for area in areas))


def seen_by(event: StreamEvent, *, cleared: bool) -> bytes | None:
    """The body for readers who may see what is restricted, or may not; None for nothing at all."""
    if cleared or event.level != RESTRICTED:
        return event.body
    return None if event.type in BY_NAME_ONLY else without_output(event.body)


Selection = frozenset[Predicate]
"""What one dashboard wants: an event that any of them takes, once."""


def predicate_of(filter_: Filter) -> Predicate:
    return Predicate(
        devices=_set(filter_.device_ids),
        groups=_set(filter_.group_ids),
        types=None if filter_.types is None else frozenset[str](filter_.types),
        min_rank=0 if filter_.min_level is None else RANKS[filter_.min_level],
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


class Matcher:
    """A selection with what it names resolved at one moment; for replays, where no index pays."""

    def __init__(self, selection: Selection, members: Members) -> None:
        self._selection = selection
        self.renew(members)

    def renew(self, members: Members) -> None:
        """Whom it means is this now."""
        self._wanted = [(predicate.devices_in(members), predicate) for predicate in self._selection]

    def takes(self, event: StreamEvent) -> bool:
        return any(
            (devices is None or event.device_id in devices)
            and predicate.wants(event.type, event.level)
            for devices, predicate in self._wanted
        )
