"""From an event to the dashboards that want it, without asking each.

Dashboards with the same selection form one audience and share one joined buffer a tick. Predicates
are found by device, else by type, else they are wildcards; the few candidates are then asked. The
answer for (device, type, level) is remembered until a selection comes, goes, or a group changes, so
that an event usually costs one look-up.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Final, Generic, TypeVar

from dashboard_ws.core.filters import Groups, Named, Predicate, Selection, Sight
from dashboard_ws.core.outbox import Outgoing
from dashboard_ws.core.wire import AS_IT_IS, Wire

M = TypeVar("M")

EVERYTHING: Final = Sight(cleared=None)
REMEMBERED: Final = 65_536
"""Answers kept; then all are forgotten, which costs each one search."""


class Audience(Generic[M]):
    """Those who want the same, may see the same, and are of one kind. `events` is what the present
    tick has for them."""

    __slots__ = ("events", "members", "selection", "sight", "wire")

    def __init__(self, selection: Selection, sight: Sight, wire: Wire) -> None:
        self.selection = selection
        self.sight = sight
        self.wire = wire
        self.members: set[M] = set()
        self.events: list[Outgoing] = []


class Index(Generic[M]):
    def __init__(self) -> None:
        self._audiences: dict[tuple[Selection, Sight, Wire], Audience[M]] = {}
        self._by_device: dict[str, list[tuple[Predicate, Audience[M]]]] = {}
        self._by_type: dict[str, list[tuple[Predicate, Audience[M]]]] = {}
        self._wildcards: list[tuple[Predicate, Audience[M]]] = []
        self._scoped: dict[str, list[tuple[Predicate, Audience[M]]]] = {}
        """By each group that the sight of an audience names."""
        self._scoped_to: dict[str, list[tuple[Predicate, Audience[M]]]] = {}
        """By each device that it names."""
        self._answers: dict[tuple[str, str, str], tuple[Audience[M], ...]] = {}
        self._kinds: set[tuple[str, str]] = set()
        """Of types and levels there are answers."""
        self.groups_of: dict[str, Groups] = {}
        """Of each device the groups that some reader's sight names, as the caller placed them."""
        self._placed: dict[str, frozenset[str]] = {}
        self.members_of: dict[Named, frozenset[str]] = {}
        """The devices of the groups and queries that are in use, as the caller resolved them."""

    def audiences(self) -> Iterator[Audience[M]]:
        return iter(self._audiences.values())

    def join(
        self,
        selection: Selection,
        member: M,
        sight: Sight = EVERYTHING,
        wire: Wire = AS_IT_IS,
    ) -> None:
        audience = self._audiences.get((selection, sight, wire))
        if audience is None:
            audience = Audience[M](selection, sight, wire)
            self._audiences[selection, sight, wire] = audience
            self._enter(audience)
            self._answers.clear()
        audience.members.add(member)

    def leave(
        self,
        selection: Selection,
        member: M,
        sight: Sight = EVERYTHING,
        wire: Wire = AS_IT_IS,
    ) -> None:
        audience = self._audiences.get((selection, sight, wire))
        if audience is None:
            return
        audience.members.discard(member)
        if not audience.members:
            del self._audiences[selection, sight, wire]
            in_use = self.named_in_use()
            self.members_of = {n: d for n, d in self.members_of.items() if n in in_use}
            self._rebuild()

    def resolve(self, named: Named, devices: frozenset[str]) -> None:
        """The devices of some groups, or of a query, are these now."""
        if self.members_of.get(named) == devices:
            return
        self.members_of[named] = devices
        self._rebuild()

    def named_in_use(self) -> set[Named]:
        return {
            named
            for selection, _, _ in self._audiences
            for predicate in selection
            for named in predicate.named()
        }

    def place(self, members: Mapping[str, frozenset[str]]) -> set[str]:
        """The members of these groups, which sights name, are these now; the devices that came or
        left. Costs what has changed, not what there is."""
        moved: set[str] = set()
        for group, devices in members.items():
            before = self._placed.get(group, frozenset())
            self._placed[group] = devices
            if before != devices:
                moved |= self._move(group, before, devices)
        for device_id in moved:
            for event_type, level in self._kinds:
                self._answers.pop((device_id, event_type, level), None)
        return moved

    def _move(self, group: str, before: frozenset[str], now: frozenset[str]) -> frozenset[str]:
        of, this = self.groups_of, frozenset({group})
        for device_id in now - before:
            of[device_id] = of.get(device_id, frozenset()) | this
        for device_id in before - now:
            of[device_id] -= this
            if not of[device_id]:
                del of[device_id]
        return before ^ now

    def forget_groups(self, in_use: Groups) -> None:
        """Whose members nobody has to know any more."""
        gone = self._placed.keys() - in_use
        self.place(dict.fromkeys(gone, frozenset()))
        for group in gone:
            del self._placed[group]

    @property
    def placed(self) -> Set[str]:
        """The groups of sights whose members are known."""
        return self._placed.keys()

    def match(self, device_id: str, event_type: str, level: str) -> tuple[Audience[M], ...]:
        """Those of one kind stand together."""
        key = (device_id, event_type, level)
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            self._kinds.add((event_type, level))
            found = self._answers[key] = self._search(device_id, event_type, level)
        return found

    def _search(self, device_id: str, event_type: str, level: str) -> tuple[Audience[M], ...]:
        candidates = (
            self._by_device.get(device_id, []),
            self._by_type.get(event_type, []),
            self._wildcards,
        )
        # A dict, because an audience with several predicates gets an event once.
        found = {
            audience: None
            for some in candidates
            for predicate, audience in some
            if predicate.wants(event_type, level)
        }
        for predicate, audience in self._of_sight(device_id):
            devices = predicate.devices_in(self.members_of)
            if (devices is None or device_id in devices) and predicate.wants(event_type, level):
                found[audience] = None
        return tuple(sorted(found, key=lambda audience: id(audience.wire)))

    def _of_sight(self, device_id: str) -> Iterator[tuple[Predicate, Audience[M]]]:
        """Of audiences that see a few devices, and this one."""
        for group in self.groups_of.get(device_id, ()):
            yield from self._scoped.get(group, ())
        yield from self._scoped_to.get(device_id, ())

    def _enter(self, audience: Audience[M]) -> None:
        sees = audience.sight.sees
        for predicate in audience.selection:
            entry = (predicate, audience)
            devices = predicate.devices_in(self.members_of)
            if sees is not None:
                for group in sees.groups:
                    self._scoped.setdefault(group, []).append(entry)
                for device_id in sees.devices:
                    self._scoped_to.setdefault(device_id, []).append(entry)
            elif devices is not None:
                for device_id in devices:
                    self._by_device.setdefault(device_id, []).append(entry)
            elif predicate.types is not None:
                for event_type in predicate.types:
                    self._by_type.setdefault(event_type, []).append(entry)
            else:
                self._wildcards.append(entry)

    def _rebuild(self) -> None:
        # Rare beside events, and so much simpler than taking entries out one by one.
        self._by_device.clear()
        self._scoped.clear()
        self._scoped_to.clear()
        self._by_type.clear()
        self._wildcards.clear()
        self._answers.clear()
        for audience in self._audiences.values():
            self._enter(audience)
