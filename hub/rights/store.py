"""The rows of roles, bindings and teams."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg
from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from hub.base.holding import Reach, Scope
from hub.rights.asked import Shown
from protocol.ids import OrgId

_Q = sql.queries("rights")

SubjectKind = Literal["user", "team", "api_key", "service_account", "group_claim"]
Before = tuple[datetime, str] | None


class SubjectRef(Struct, frozen=True):
    kind: SubjectKind
    id: str


class ShownRow(Struct, frozen=True):
    shown: Shown
    by_provider: bool


class RoleRow(Struct, frozen=True):
    name: str
    rules: Any
    """As they were given."""


class BindingRow(Struct, frozen=True, kw_only=True):
    binding_id: str
    role: str
    subject: SubjectRef
    scope: Scope
    created_at: datetime
    rules: Any = None
    """Of a role that is not built in, where they were asked for."""

    @classmethod
    def from_row(cls, row: Row) -> "BindingRow":
        return cls(
            binding_id=row["binding_id"],
            role=row["role"],
            subject=SubjectRef(row["subject_kind"], row["subject_id"]),
            scope=Scope(row["scope_kind"], row["scope_id"]),
            created_at=row["created_at"],
            rules=row.get("rules"),
        )


class TeamRow(Struct, frozen=True, kw_only=True):
    team_id: str
    name: str
    member_count: int
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "TeamRow":
        return cls(
            team_id=row["team_id"],
            name=row["name"],
            member_count=row["member_count"],
            created_at=row["created_at"],
        )


class RightsStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def changed(self, connection: Connection, org: OrgId, subjects: Sequence[str]) -> None:
        await connection.execute(_Q["changed"], org, list(subjects))

    # What is remembered

    async def of_member(self, org: OrgId, user_id: str) -> list[Row]:
        """Its roles, with rules and scopes."""
        return await self.database.fetch(_Q["of_member"], org, user_id)

    async def asked_in(self, org: OrgId) -> dict[str, Any]:
        """What an organisation asks of who signs in and of who dispatches, as it is stored."""
        return {row["name"]: row["value"] for row in await self.database.fetch(_Q["asked_in"], org)}

    async def shown_by(self, org: OrgId, user_id: str) -> dict[str, ShownRow]:
        """By each session of a member that has not ended."""
        rows = await self.database.fetch(_Q["shown_by"], org, user_id)
        return {row["session_id"]: ShownRow(row["shown"], row["by_provider"]) for row in rows}

    async def of_key(self, org: OrgId, key_id: str) -> list[Row]:
        return await self.database.fetch(_Q["of_key"], org, key_id)

    async def devices_of(self, org: OrgId, device_ids: Sequence[str], reach: Reach) -> list[str]:
        """Those of the devices that it reaches, in their order."""
        rows = await self.database.fetch(
            _Q["devices_of"], org, list(device_ids), list(reach.groups), list(reach.devices)
        )
        reached = {row["device_id"] for row in rows}
        return [device_id for device_id in device_ids if device_id in reached]

    async def members_of(self, org: OrgId, reach: Reach) -> frozenset[str]:
        rows = await self.database.fetch(
            _Q["members_of"], org, list(reach.groups), list(reach.devices)
        )
        return frozenset(row["device_id"] for row in rows)

    async def groups_of(
        self, org: OrgId, device_id: str, connection: "Connection | None" = None
    ) -> list[str]:
        """Where there is a connection already, by that."""
        rows = await (connection or self.database).fetch(_Q["groups_of"], org, device_id)
        return [row["group_id"] for row in rows]

    # Roles

    async def roles(self, org: OrgId) -> list[RoleRow]:
        rows = await self.database.tenant(org).fetch(_Q["roles"], org)
        return [RoleRow(row["name"], row["rules"]) for row in rows]

    async def role(
        self, org: OrgId, name: str, connection: "Connection | None" = None
    ) -> RoleRow | None:
        """Where there is a connection already, by that."""
        row = await (connection or self.database.tenant(org)).fetchrow(_Q["role"], org, name)
        return None if row is None else RoleRow(row["name"], row["rules"])

    async def lock_roles(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["lock_roles"], org)

    async def add_role(self, connection: Connection, org: OrgId, name: str, rules: Any) -> None:
        """Raises `Conflict` when the name is taken."""
        if await connection.fetchrow(_Q["add_role"], org, name, rules) is None:
            raise Conflict(f"the role {name} is there already")

    async def put_role(self, connection: Connection, org: OrgId, name: str, rules: Any) -> bool:
        return await connection.fetchrow(_Q["put_role"], org, name, rules) is not None

    async def delete_role(self, connection: Connection, org: OrgId, name: str) -> bool:
        return await connection.fetchval(_Q["delete_role"], org, name) is not None

    async def is_role_bound(self, connection: Connection, org: OrgId, name: str) -> bool:
        return bool(await connection.fetchval(_Q["role_in_use"], org, name))

    # Bindings

    async def bindings(
        self,
        org: OrgId,
        *,
        subject_kind: str | None,
        subject_id: str | None,
        role: str | None,
        before: Before,
        limit: int,
    ) -> list[BindingRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["bindings"], org, subject_kind, subject_id, role, *(before or (None, None)), limit
        )
        return [BindingRow.from_row(row) for row in rows]

    async def binding(self, org: OrgId, binding_id: str) -> BindingRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["binding"], org, binding_id)
        return None if row is None else BindingRow.from_row(row)

    async def bindings_of(self, org: OrgId, user_id: str) -> list[BindingRow]:
        """Those that count for a member, also by its teams and by the groups of its sessions."""
        rows = await self.database.fetch(_Q["bindings_of"], org, user_id)
        return [BindingRow.from_row(row) for row in rows]

    async def bindings_to(
        self, connection: Connection, org: OrgId, subject: SubjectRef
    ) -> list[BindingRow]:
        rows = await connection.fetch(_Q["bindings_to"], org, subject.kind, subject.id)
        return [BindingRow.from_row(row) for row in rows]

    async def bindings_with(
        self, connection: Connection, org: OrgId, role: str
    ) -> list[BindingRow]:
        rows = await connection.fetch(_Q["bindings_with"], org, role)
        return [BindingRow.from_row(row) for row in rows]

    async def subject_exists(self, connection: Connection, org: OrgId, subject: SubjectRef) -> bool:
        return bool(await connection.fetchval(_Q["subject_exists"], org, subject.kind, subject.id))

    async def scope_is_trusted(
        self, connection: Connection, org: OrgId, scope: Scope
    ) -> bool | None:
        """Whether no device comes into the scope by itself; None when it is not there."""
        if scope.kind == "org":
            return True
        return await connection.fetchval(_Q[f"scope_{scope.kind}"], org, scope.id)

    async def add_binding(
        self,
        connection: Connection,
        org: OrgId,
        binding_id: str,
        role: str,
        subject: SubjectRef,
        scope: Scope,
    ) -> BindingRow:
        """Raises `Conflict` when there is an equal one."""
        row = await connection.fetchrow(
            _Q["add_binding"], org, binding_id, role, subject.kind, subject.id, scope.kind, scope.id
        )
        if row is None:
            raise Conflict("there is an equal binding already")
        return BindingRow.from_row(row)

    async def delete_binding(self, connection: Connection, org: OrgId, binding_id: str) -> None:
        await connection.execute(_Q["delete_binding"], org, binding_id)

    # Teams

    async def add_team(
        self, connection: Connection, org: OrgId, team_id: str, name: str
    ) -> TeamRow:
        """Raises `Conflict` when the name is taken."""
        row = await connection.fetchrow(_Q["add_team"], org, team_id, name)
        if row is None:
            raise Conflict(f"the team {name} is there already")
        return TeamRow.from_row(row)

    async def teams(self, org: OrgId, *, before: Before, limit: int) -> list[TeamRow]:
        rows = await self.database.tenant(org).fetch(
            _Q["teams"], org, *(before or (None, None)), limit
        )
        return [TeamRow.from_row(row) for row in rows]

    async def team(self, org: OrgId, team_id: str) -> TeamRow | None:
        row = await self.database.tenant(org).fetchrow(_Q["team"], org, team_id)
        return None if row is None else TeamRow.from_row(row)

    async def rename_team(
        self, connection: Connection, org: OrgId, team_id: str, name: str
    ) -> bool:
        """Raises `Conflict` when the name is taken."""
        try:
            return await connection.fetchval(_Q["rename_team"], org, team_id, name) is not None
        except asyncpg.UniqueViolationError:
            raise Conflict(f"the team {name} is there already") from None

    async def delete_team(self, connection: Connection, org: OrgId, team_id: str) -> bool:
        return await connection.fetchval(_Q["delete_team"], org, team_id) is not None

    async def team_members(self, org: OrgId, team_id: str) -> list[str]:
        rows = await self.database.tenant(org).fetch(_Q["team_members"], org, team_id)
        return [row["user_id"] for row in rows]

    async def not_members(
        self, connection: Connection, org: OrgId, user_ids: Sequence[str]
    ) -> list[str]:
        rows = await connection.fetch(_Q["not_members"], org, list(user_ids))
        return [row["user_id"] for row in rows]

    async def add_team_members(
        self, connection: Connection, org: OrgId, team_id: str, user_ids: Sequence[str]
    ) -> None:
        await connection.execute(_Q["add_team_members"], org, team_id, list(user_ids))

    async def remove_team_members(
        self, connection: Connection, org: OrgId, team_id: str, user_ids: Sequence[str]
    ) -> None:
        await connection.execute(_Q["remove_team_members"], org, team_id, list(user_ids))
