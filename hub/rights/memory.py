"""What members and keys may do, as this replica remembers it: no request asks the database.

It is read at first need, and again after a change anywhere: those are pushed here and polled as the
ends of credentials are (`hub/accounts/standing.py`). What is read while a change comes in is not
kept.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from hub.base.database import Connection, Row
from hub.base.holding import Grant, Holding, Reach, Scope
from hub.base.principal import Lacks, Principal, Role
from hub.rights.access import ROLES, grant_of_role, grant_to_key, without_sessions
from hub.rights.asked import NOTHING, SignInRules, asked_of, lacks
from hub.rights.catalogue import RoleRule, grants_of
from hub.rights.guarded import Guarded, guarded_of
from hub.rights.store import RightsStore, ShownRow
from protocol.ids import OrgId

_UNKNOWN: Final = ShownRow("one_factor", by_provider=False)
EVERYBODY: Final = "*"
REMEMBERED: Final = 50_000
_EVERYTHING: Final = Holding((grant_of_role("ADMIN"),))


class Standing(Struct, frozen=True):
    """Of a member: what it may do, and its strongest built-in role in the whole organisation."""

    rights: Holding
    role: Role
    instance_admin: bool
    lacks: Lacks | None = None
    """Of a session: why it has none."""


class Member(Struct, frozen=True):
    """What a member may do by itself and by its teams, and with what each of its sessions adds by
    the groups that a provider named."""

    own: Standing
    sessions: Mapping[str, tuple[Standing, float]] = {}
    """By id, each with when it ends, in seconds since 1970 by the database."""
    asked: SignInRules = NOTHING
    shown: Mapping[str, ShownRow] = {}
    """By each of its sessions, where the organisation asks for more than that somebody is known."""

    def knows(self, session_id: str) -> bool:
        return self.asked == NOTHING or session_id in self.shown

    def in_session(self, session_id: str) -> Standing:
        found = self.sessions.get(session_id)
        standing = self.own if found is None else found[0]
        if self.asked == NOTHING:
            return standing
        has = self.shown.get(session_id, _UNKNOWN)
        missing = lacks(self.asked, standing.role, has.shown, by_provider=has.by_provider)
        return standing if missing is None else Standing(Holding(), "NONE", False, missing)

    def at(self, now: float) -> Standing:
        """With what all of them add that have not ended: for what it left to be done, and its
        keys."""
        there = [standing for standing, ends in self.sessions.values() if now < ends]
        return together(self.own, *there) if there else self.own


class KeyStanding(Struct, frozen=True):
    user_id: str
    role: Role
    grants: tuple[Grant, ...]
    expires_at: float | None
    """Seconds since 1970 by the database."""


class RightsMemory:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(self, store: RightsStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._members: dict[tuple[OrgId, str], Member | None] = {}
        self._keys: dict[tuple[OrgId, str], KeyStanding | None] = {}
        self._guarded: dict[OrgId, Guarded] = {}
        self._changes = 0

    def forget(self, org: OrgId, subject: str) -> None:
        """What a user or key may do has changed, or everybody's of an organisation."""
        self._changes += 1
        if subject == EVERYBODY:
            self._guarded.pop(org, None)
        for known in (self._members, self._keys):
            if subject == EVERYBODY:
                for key in [key for key in known if key[0] == org]:
                    del known[key]
            else:
                known.pop((org, subject), None)

    def forget_sessions(self, org: OrgId, user_id: str) -> None:
        """One has ended: what it added counts no more."""
        self._changes += 1
        member = self._members.get((org, user_id))
        if member is not None and member.sessions:
            del self._members[org, user_id]

    async def member(self, org: OrgId, user_id: str) -> Standing | None:
        """None for who is no member, or is disabled. Raises `Unavailable`."""
        member = await self._member(org, user_id)
        return None if member is None else member.at(self._clock())

    async def in_session(self, org: OrgId, user_id: str, session_id: str) -> Standing | None:
        """The same in one session alone. Raises `Unavailable`."""
        member = await self._member(org, user_id)
        if member is not None and not member.knows(session_id):  # it began since then
            self._members.pop((org, user_id), None)
            member = await self._member(org, user_id)
        return None if member is None else member.in_session(session_id)

    async def _member(self, org: OrgId, user_id: str) -> Member | None:
        key = (org, user_id)
        if key in self._members:
            return self._members[key]
        changes = self._changes
        member = member_of(await self._store.of_member(org, user_id))
        stored = await self._store.asked_in(org)
        asked = asked_of(stored)
        if member is not None and asked != NOTHING:
            shown = await self._store.shown_by(org, user_id)
            member = structs.replace(member, asked=asked, shown=shown)
        if changes == self._changes:
            _keep(self._members, key, member)
            self._guarded[org] = guarded_of(stored)
        return member

    async def guarded(self, org: OrgId) -> Guarded:
        """What of a dispatch waits for a second person: read with the first member of an
        organisation. Raises `Unavailable`."""
        known = self._guarded.get(org)
        if known is not None:
            return known
        changes = self._changes
        found = guarded_of(await self._store.asked_in(org))
        if changes == self._changes:
            self._guarded[org] = found
        return found

    async def key(self, org: OrgId, key_id: str) -> KeyStanding | None:
        """None for a key that is gone. Raises `Unavailable`."""
        name = (org, key_id)
        if name in self._keys:
            return self._keys[name]
        changes = self._changes
        standing = key_standing_of(await self._store.of_key(org, key_id))
        if changes == self._changes:
            _keep(self._keys, name, standing)
        return standing

    async def holding_of_key(self, org: OrgId, key_id: str) -> Holding | None:
        """What a key may do: what it was given, within what its owner may do now."""
        key = await self.key(org, key_id)
        owner = None if key is None else await self.member(org, key.user_id)
        if key is None or owner is None:
            return None
        return Holding(key.grants, owner.rights)

    async def owner(
        self, org: OrgId, kind: str, user_id: str, key_id: str | None, now: float
    ) -> Holding:
        """What whoever asked for something may do at this moment; nothing for who is gone."""
        if kind == "hub":
            return _EVERYTHING
        if kind == "api_key" and key_id is not None:
            key = await self.key(org, key_id)
            if key is None or (key.expires_at is not None and key.expires_at <= now):
                return Holding()
            return await self.holding_of_key(org, key_id) or Holding()
        standing = await self.member(org, user_id)
        return Holding() if standing is None else standing.rights

    async def holding(self, org: OrgId, kind: str, user_id: str, key_id: str | None) -> Holding:
        """The same, at this very moment."""
        return await self.owner(org, kind, user_id, key_id, self._clock())

    # Where

    async def within(
        self, org: OrgId, reaches: Sequence[Reach], device_ids: Sequence[str]
    ) -> Sequence[str]:
        """Those of the devices that each of these reaches. All, for none."""
        wanted = list(device_ids)
        for reach in reaches:
            wanted = await self._store.devices_of(org, wanted, reach)
        return wanted

    async def joined(self, org: OrgId, reaches: Sequence[Reach]) -> Reach | None:
        """What all of these reach; None for no limit."""
        if len(reaches) < 2:
            return reaches[0] if reaches else None
        found = [await self._store.members_of(org, reach) for reach in reaches]
        groups = reaches[0].groups.intersection(*(reach.groups for reach in reaches[1:]))
        return Reach(groups, found[0].intersection(*found[1:]))

    async def covers(
        self, by: Principal, grant: Grant, connection: "Connection | None" = None
    ) -> bool:
        """Whether the caller has what it would grant. Where there is a connection already, by
        that."""
        if by.kind == "hub":
            return True
        around: frozenset[Scope] = frozenset()
        if grant.scope.kind == "device":
            groups = await self._store.groups_of(by.org, grant.scope.id, connection)
            around = frozenset(Scope("group", group) for group in groups)
        return by.rights.covers(grant, around)

    async def covers_member(self, by: Principal, user_id: str) -> bool:
        """Whether the caller has all that a member has, also of one who is disabled."""
        rows = await self._store.bindings_of(by.org, user_id)
        grants = [grant for row in rows for grant in role_grants(row.role, row.rules, row.scope)]
        return all([await self.covers(by, grant) for grant in grants])


def member_of(rows: Sequence[Row]) -> Member | None:
    if not rows:
        return None
    own = standing_of([row for row in rows if row["session_id"] is None], rows[0])
    claimed: dict[str, list[Row]] = {}
    for row in rows:
        if row["session_id"] is not None:
            claimed.setdefault(row["session_id"], []).append(row)
    return Member(
        own,
        {
            session_id: (together(own, standing_of(some, rows[0])), some[0]["ends"])
            for session_id, some in claimed.items()
        },
    )


def standing_of(rows: Sequence[Row], account: Row) -> Standing:
    grants = [grant for row in rows for grant in granted(row)]
    built_in: list[Role] = [
        role for role in ROLES if any(r["role"] == role and r["scope_kind"] == "org" for r in rows)
    ]
    return Standing(
        Holding(tuple(grants)), built_in[-1] if built_in else "NONE", account["instance_admin"]
    )


def together(first: Standing, *more: Standing) -> Standing:
    """Rights add up."""
    every = (first, *more)
    grants = dict.fromkeys(grant for each in every for grant in each.rights.grants)
    held: list[Role] = [role for role in ROLES if any(each.role == role for each in every)]
    return Standing(Holding(tuple(grants)), held[-1], first.instance_admin)


def key_standing_of(rows: Sequence[Row]) -> KeyStanding | None:
    if not rows:
        return None
    role: Role = rows[0]["key_role"]
    bound = [without_sessions(grant) for row in rows for grant in granted(row)]
    return KeyStanding(
        rows[0]["user_id"], role, (grant_to_key(role), *bound), rows[0]["expires_at"]
    )


def granted(row: Row) -> tuple[Grant, ...]:
    """By a binding that was read with the rules of its role."""
    if row["role"] is None:
        return ()
    return role_grants(row["role"], row["rules"], Scope(row["scope_kind"], row["scope_id"]))


def role_grants(name: str, rules: Any, scope: Scope) -> tuple[Grant, ...]:
    """What a role gives in a scope; `rules` of one that is not built in."""
    for role in ROLES:
        if role == name:
            return (grant_of_role(role, scope),)
    return grants_of(msgspec.convert(rules or [], list[RoleRule]), scope)


def _keep(known: dict[tuple[OrgId, str], Any], key: tuple[OrgId, str], value: object) -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
