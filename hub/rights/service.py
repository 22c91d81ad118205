"""Roles, bindings of roles and teams. Nobody grants what they do not have."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct

from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    Conflict,
    Escalation,
    NotFound,
    Reauthenticate,
    UntrustedQuery,
    invalid,
)
from hub.base.holding import ORG, Grant, Holding, Right, Scope
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.rights.access import ROLES
from hub.rights.catalogue import BY_SESSION, RoleRule, check
from hub.rights.memory import EVERYBODY, RightsMemory, role_grants
from hub.rights.store import BindingRow, RightsStore, SubjectRef, TeamRow
from protocol.ids import OrgId, uuid7


class AccessAnswer(Struct, frozen=True):
    allowed: bool
    because: list[BindingRow]


class RightsGuards(Struct, frozen=True):
    """What the floors above know. `require_recent` raises `Reauthenticate` for a sign-in that is
    not recent, `keep_an_admin` raises `LastAdministrator` when the transaction leaves no
    administrator who can sign in, `refresh` makes changes count here."""

    require_recent: Callable[[Connection, Principal], Awaitable[None]]
    keep_an_admin: Callable[[Connection, OrgId], Awaitable[None]]
    refresh: Callable[[], Awaitable[None]]


class RightsService:
    def __init__(
        self, store: RightsStore, memory: RightsMemory, audit: AuditService, guards: RightsGuards
    ) -> None:
        self._store = store
        self._memory = memory
        self._audit = audit
        self._guards = guards

    # Roles

    async def roles(self, org: OrgId) -> dict[str, Any]:
        """Those that are not built in, with their rules."""
        return {role.name: role.rules for role in await self._store.roles(org)}

    async def role(self, org: OrgId, name: str) -> Any:
        """The rules of a role that is not built in. Raises `NotFound`."""
        role = await self._store.role(org, name)
        if role is None:
            raise NotFound("no such role")
        return role.rules

    async def create_role(self, by: Principal, name: str, rules: Sequence[RoleRule]) -> None:
        """Raises `Conflict` for a name that is taken, `Invalid` for what is not in the
        catalogue."""
        require_visible(name, "name")
        if name in ROLES:
            raise Conflict(f"the role {name} is built in")
        check(rules)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.add_role(connection, by.org, name, msgspec.to_builtins(rules))
            await self._audit.record(
                connection,
                audit_entry(by, "role.create", name, rules=msgspec.to_builtins(rules)),
            )

    async def change_role(self, by: Principal, name: str, rules: Sequence[RoleRule]) -> None:
        """Counts at once for whom it is bound. Raises `Escalation` for a bound role with more
        rights than the caller has."""
        _require_custom(name)
        was = await self.role(by.org, name)
        check(rules)
        wanted = msgspec.to_builtins(rules)
        async with (
            self._noting(by, name),
            self._store.database.tenant(by.org).transaction() as connection,
        ):
            await self._store.lock_roles(connection, by.org)
            for binding in await self._store.bindings_with(connection, by.org, name):
                grants = role_grants(name, wanted, binding.scope)
                await self._require_grantable(connection, by, grants)
            if not await self._store.put_role(connection, by.org, name, wanted):
                raise NotFound("no such role")
            await self._store.changed(connection, by.org, [EVERYBODY])
            changes = changes_of({"rules": was}, {"rules": wanted})
            await self._audit.record(
                connection, audit_entry(by, "role.update", name, changes=changes)
            )
        await self._guards.refresh()

    async def delete_role(self, by: Principal, name: str) -> None:
        """Raises `Conflict` for one that is bound, or built in."""
        _require_custom(name)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock_roles(connection, by.org)
            if await self._store.is_role_bound(connection, by.org, name):
                raise Conflict(f"the role {name} is bound: delete its bindings first")
            if not await self._store.delete_role(connection, by.org, name):
                raise NotFound("no such role")
            await self._audit.record(connection, audit_entry(by, "role.delete", name))

    # Bindings

    async def bindings(
        self,
        org: OrgId,
        *,
        subject_kind: str | None,
        subject_id: str | None,
        role: str | None,
        cursor: str | None,
        limit: int,
    ) -> Items[BindingRow]:
        rows = await self._store.bindings(
            org,
            subject_kind=subject_kind,
            subject_id=subject_id,
            role=role,
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.binding_id), item=lambda row: row
        )

    async def bind(self, by: Principal, role: str, subject: SubjectRef, scope: Scope) -> BindingRow:
        """Raises `Invalid` for a role, subject or scope that is not there, `Conflict` for an equal
        binding, `Escalation`, `Reauthenticate` for an administrator."""
        async with (
            self._noting(by, role),
            self._store.database.tenant(by.org).transaction() as connection,
        ):
            await self._store.lock_roles(connection, by.org)
            grants = await self._grants(connection, by.org, role, scope)
            await self._require_grantable(connection, by, grants)
            await self._require_there(connection, by.org, subject, scope)
            await self._require_recent(connection, by, role)
            made = await self._store.add_binding(connection, by.org, uuid7(), role, subject, scope)
            await self._store.changed(connection, by.org, [_changed(subject)])
            await self._audit.record(connection, _entry(by, "role_binding.create", made))
        await self._guards.refresh()
        return made

    async def unbind(self, by: Principal, binding_id: str) -> None:
        """Raises `NotFound`, `LastAdministrator`, `Reauthenticate` for an administrator."""
        binding = await self._store.binding(by.org, binding_id)
        if binding is None:
            raise NotFound("no such binding")
        async with self._store.database.transaction() as connection:
            await self._require_recent(connection, by, binding.role)
            await self._store.delete_binding(connection, by.org, binding_id)
            if binding.role == "ADMIN" and binding.scope == ORG:
                await self._guards.keep_an_admin(connection, by.org)
            await self._store.changed(connection, by.org, [_changed(binding.subject)])
            await self._audit.record(connection, _entry(by, "role_binding.delete", binding))
        await self._guards.refresh()

    async def _grants(
        self, connection: Connection, org: OrgId, role: str, scope: Scope
    ) -> tuple[Grant, ...]:
        """What a role gives now: under the lock on the roles it stays so. Raises `Invalid`."""
        rules = None
        if role not in ROLES:
            found = await self._store.role(org, role, connection)
            if found is None:
                raise invalid("role", f"there is no role {role}")
            rules = found.rules
        elif role == "NONE":
            raise invalid("role", "NONE is no role: it stands for a member without rights")
        return role_grants(role, rules, scope)

    async def _require_there(
        self, connection: Connection, org: OrgId, subject: SubjectRef, scope: Scope
    ) -> None:
        if not await self._store.subject_exists(connection, org, subject):
            raise invalid("subject.id", f"there is no {subject.kind} {subject.id}")
        trusted = await self._store.scope_is_trusted(connection, org, scope)
        if trusted is None:
            raise invalid("scope.id", f"there is no {scope.kind} {scope.id}")
        if not trusted:
            raise UntrustedQuery("scope.id: a device could come into the group by what it says")

    async def _require_recent(self, connection: Connection, by: Principal, role: str) -> None:
        """The role of an administrator is given and taken by somebody who has signed in lately: a
        key cannot."""
        if role != "ADMIN" or by.kind == "hub":
            return
        if by.session_id is None:
            raise Reauthenticate("sign in: an API key gives nobody the role of an administrator")
        await self._guards.require_recent(connection, by)

    async def _require_grantable(
        self, connection: Connection, by: Principal, grants: Sequence[Grant]
    ) -> None:
        for grant in grants:
            if by.kind == "api_key" and grant.rights & BY_SESSION:
                covered = False
            else:
                covered = await self._memory.covers(by, grant, connection)
            if not covered:
                raise Escalation("nobody grants rights that they do not have")

    @asynccontextmanager
    async def _noting(self, by: Principal, target: str) -> AsyncGenerator[None]:
        """Around a transaction: who grants too much is noted when it is over."""
        try:
            yield
        except Escalation:
            entry = audit_entry(by, "role_binding.create", target, outcome="refused")
            await self._audit.note(entry)
            raise

    # Why may he

    async def access(
        self, org: OrgId, user_id: str, right: Right, *, device_id: str | None, name: str | None
    ) -> AccessAnswer:
        """Whether a member has a right (over a device; for what has a name), and by which bindings.
        Raises `NotFound`."""
        standing = await self._memory.member(org, user_id)
        rows = await self._store.bindings_of(org, user_id)
        if standing is None and not rows:
            raise NotFound("no such user")
        because = [
            row
            for row in rows
            if standing is not None and await self._gives(org, row, right, device_id, name)
        ]
        return AccessAnswer(bool(because), because)

    async def _gives(
        self, org: OrgId, row: BindingRow, right: Right, device_id: str | None, name: str | None
    ) -> bool:
        holding = Holding(role_grants(row.role, row.rules, row.scope))
        if not holding.anywhere(right, name):
            return False
        if device_id is None:
            return True
        return bool(await self._memory.within(org, holding.reaches(right, name), [device_id]))

    # Teams

    async def teams(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[TeamRow]:
        rows = await self._store.teams(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.team_id), item=lambda row: row
        )

    async def team(self, org: OrgId, team_id: str) -> TeamRow:
        """Raises `NotFound`."""
        team = await self._store.team(org, team_id)
        if team is None:
            raise NotFound("no such team")
        return team

    async def create_team(self, by: Principal, name: str) -> TeamRow:
        require_visible(name, "name")
        async with self._store.database.tenant(by.org).transaction() as connection:
            team = await self._store.add_team(connection, by.org, uuid7(), name)
            await self._audit.record(
                connection, audit_entry(by, "team.create", team.team_id, name=name)
            )
        return team

    async def rename_team(self, by: Principal, team_id: str, name: str) -> TeamRow:
        require_visible(name, "name")
        was = await self.team(by.org, team_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.rename_team(connection, by.org, team_id, name):
                raise NotFound("no such team")
            changes = changes_of({"name": was.name}, {"name": name})
            await self._audit.record(
                connection, audit_entry(by, "team.update", team_id, changes=changes)
            )
        return await self.team(by.org, team_id)

    async def delete_team(self, by: Principal, team_id: str) -> None:
        """Raises `NotFound`, `LastAdministrator`, `Reauthenticate` for administrators."""
        async with self._store.database.transaction() as connection:
            given = await self._given_to(connection, by.org, team_id)
            await self._require_recent_for(connection, by, given)
            if not await self._store.delete_team(connection, by.org, team_id):
                raise NotFound("no such team")
            await self._guards.keep_an_admin(connection, by.org)
            await self._store.changed(connection, by.org, [EVERYBODY])
            await self._audit.record(connection, audit_entry(by, "team.delete", team_id))
        await self._guards.refresh()

    async def team_members(self, org: OrgId, team_id: str) -> list[str]:
        await self.team(org, team_id)
        return await self._store.team_members(org, team_id)

    async def add_to_team(self, by: Principal, team_id: str, user_ids: Sequence[str]) -> TeamRow:
        """Raises `NotFound`, `Escalation` where the team has rights that the caller lacks,
        `Reauthenticate` for administrators."""
        await self.team(by.org, team_id)
        async with (
            self._noting(by, team_id),
            self._store.database.tenant(by.org).transaction() as connection,
        ):
            await self._store.lock_roles(connection, by.org)
            given = await self._given_to(connection, by.org, team_id)
            for binding in given:
                grants = role_grants(binding.role, binding.rules, binding.scope)
                await self._require_grantable(connection, by, grants)
            await self._require_recent_for(connection, by, given)
            unknown = await self._store.not_members(connection, by.org, user_ids)
            if unknown:
                raise NotFound(f"no such user: {min(unknown)}")
            await self._store.add_team_members(connection, by.org, team_id, user_ids)
            await self._store.changed(connection, by.org, user_ids)
            await self._audit.record(
                connection,
                audit_entry(by, "team.add_members", team_id, userIds=list(user_ids)),
            )
        await self._guards.refresh()
        return await self.team(by.org, team_id)

    async def remove_from_team(
        self, by: Principal, team_id: str, user_ids: Sequence[str]
    ) -> TeamRow:
        """Raises `NotFound`, `LastAdministrator`, `Reauthenticate` for administrators."""
        await self.team(by.org, team_id)
        async with self._store.database.transaction() as connection:
            given = await self._given_to(connection, by.org, team_id)
            await self._require_recent_for(connection, by, given)
            await self._store.remove_team_members(connection, by.org, team_id, user_ids)
            await self._guards.keep_an_admin(connection, by.org)
            await self._store.changed(connection, by.org, user_ids)
            await self._audit.record(
                connection,
                audit_entry(by, "team.remove_members", team_id, userIds=list(user_ids)),
            )
        await self._guards.refresh()
        return await self.team(by.org, team_id)

    async def _given_to(self, connection: Connection, org: OrgId, team_id: str) -> list[BindingRow]:
        return await self._store.bindings_to(connection, org, SubjectRef("team", team_id))

    async def _require_recent_for(
        self, connection: Connection, by: Principal, given: Sequence[BindingRow]
    ) -> None:
        """The same where it comes or goes with a team."""
        for role in {binding.role for binding in given}:
            await self._require_recent(connection, by, role)


def _require_custom(name: str) -> None:
    if name in ROLES:
        raise Conflict(f"the role {name} is built in")


def _changed(subject: SubjectRef) -> str:
    """Whose rights are others now."""
    return subject.id if subject.kind in ("user", "service_account", "api_key") else EVERYBODY


def _entry(by: Principal, action: str, binding: BindingRow) -> Any:
    return audit_entry(
        by,
        action,
        binding.subject.id,
        bindingId=binding.binding_id,
        role=binding.role,
        subjectKind=binding.subject.kind,
        scope=binding.scope._asdict(),
    )
