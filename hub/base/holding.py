"""What somebody may do, and where. Pure.

A right is `resource:verb`. Rights are granted by bindings, which add up: each grants some, for all
names or a few, in the whole organisation, over the devices of a group, or over one device.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Final, Literal, NamedTuple

from msgspec import Struct

Right = str
"""`resource:verb`: see `hub/rights/catalogue.py`."""
Rights = frozenset[Right]
ScopeKind = Literal["org", "group", "device"]
ANY_COMMAND: Final = "commands/*:create"
"""The right to dispatch each command, also those that devices bring."""
_COMMAND: Final = "commands/"


class Scope(NamedTuple):
    kind: ScopeKind
    id: str = ""


ORG: Final = Scope("org")


class Grant(Struct, frozen=True):
    rights: Rights
    names: frozenset[str] | None = None
    """Of what the rights are about; None: whatever its name."""
    scope: Scope = ORG


class Reach(Struct, frozen=True):
    """The devices of these groups, and these."""

    groups: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.groups or self.devices)

    def covers(self, device_id: str, groups: Iterable[str]) -> bool:
        """Whether a device that is in `groups` is one of them."""
        return device_id in self.devices or not self.groups.isdisjoint(groups)


class Holding(Struct, frozen=True, dict=True):
    """`within`: what the owner of a key has now; a key has no more."""

    grants: tuple[Grant, ...] = ()
    within: "Holding | None" = None

    @cached_property
    def whole(self) -> Rights:
        """Those that hold in the whole organisation, for all names."""
        mine: Rights = frozenset[Right]().union(
            *(grant.rights for grant in self.grants if grant.scope == ORG and grant.names is None)
        )
        return mine if self.within is None else mine & self.within.whole

    def everywhere(self, right: Right, name: str | None = None) -> bool:
        """Whether it holds in the whole organisation for what has this name; without a name, for
        all."""
        if right in self.whole:
            return True
        mine = any(grant.scope == ORG and _gives(grant, right, name) for grant in self.grants)
        return mine and (self.within is None or self.within.everywhere(right, name))

    def anywhere(self, right: Right, name: str | None = None) -> bool:
        """Whether it holds for something; of a name, for what has it."""
        if right in self.whole:
            return True
        mine = any(_gives(grant, right, name, some=name is None) for grant in self.grants)
        return mine and (self.within is None or self.within.anywhere(right, name))

    def names(self, right: Right) -> frozenset[str] | None:
        """For which names it holds in the whole organisation; None for all."""
        if self.everywhere(right):
            return None
        named: frozenset[str] = frozenset[str]().union(
            *(grant.names or () for grant in self.grants if grant.scope == ORG)
        )
        return frozenset(name for name in named if self.everywhere(right, name))

    def reaches(self, right: Right, name: str | None = None) -> tuple[Reach, ...]:
        """Over which devices it holds: over those that are in each of these; over all, for `()`.
        Without a name, for those where it holds for some."""
        some = name is None
        if self.everywhere(right, name) or self._somewhere(right, some=some):
            mine: tuple[Reach, ...] = ()
        else:
            mine = (self._reach(right, name),)
        return mine if self.within is None else mine + self.within.reaches(right, name)

    def _somewhere(self, right: Right, *, some: bool) -> bool:
        return some and any(
            grant.scope == ORG and _gives(grant, right, None, some=True) for grant in self.grants
        )

    def _reach(self, right: Right, name: str | None) -> Reach:
        scopes = [
            grant.scope for grant in self.grants if _gives(grant, right, name, some=name is None)
        ]
        return Reach(
            frozenset(scope.id for scope in scopes if scope.kind == "group"),
            frozenset(scope.id for scope in scopes if scope.kind == "device"),
        )

    def effective(self) -> tuple[Grant, ...]:
        """What of its grants counts: of a key, within what its owner has."""
        if self.within is None:
            return self.grants
        owner = self.within
        return tuple(
            Grant(
                frozenset(right for right in grant.rights if owner.anywhere(right)),
                grant.names,
                grant.scope,
            )
            for grant in self.grants
        )

    def covers(self, other: Grant, around: frozenset[Scope] = frozenset()) -> bool:
        """Whether nothing of a grant is missing here. What holds for all names, in the whole
        organisation, or in a scope `around` that of the grant, counts for it."""
        scopes = {ORG, other.scope} | around
        mine = all(
            any(
                grant.scope in scopes
                and _holds(grant.rights, right)
                and (grant.names is None or (other.names or {None}) <= grant.names)
                for grant in self.grants
            )
            for right in other.rights
        )
        return mine and (self.within is None or self.within.covers(other, around))


def _gives(grant: Grant, right: Right, name: str | None, *, some: bool = False) -> bool:
    named = grant.names is None or some or name in grant.names
    return named and _holds(grant.rights, right)


def _holds(rights: Rights, right: Right) -> bool:
    if right in rights:
        return True
    return right.startswith(_COMMAND) and right.endswith(":create") and ANY_COMMAND in rights
