"""`/permissions`, `/roles`, `/role-bindings`, `/teams`, and what somebody may do."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from hub.base.errors import Forbidden, NotFound, invalid
from hub.base.holding import ORG, Scope, ScopeKind
from hub.base.paging import Items
from hub.rights.access import ROLES, rules_of_role
from hub.rights.catalogue import CATALOGUE, VERBS, RoleRule
from hub.rights.service import RightsService
from hub.rights.store import BindingRow, SubjectKind, SubjectRef, TeamRow
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Query, Text
from hub.web.route import Call
from protocol.codec import rfc3339

Id = Annotated[str, Meta(min_length=1, max_length=128)]
RoleName = Annotated[str, Meta(min_length=1, max_length=64)]
Word = Annotated[str, Meta(min_length=1, max_length=128)]


class RuleBody(Body, frozen=True):
    """`names` counts for get, create, update and delete."""

    resources: Annotated[list[Word], Meta(min_length=1, max_length=100)]
    verbs: Annotated[list[Word], Meta(min_length=1, max_length=10)]
    names: Annotated[list[Word], Meta(min_length=1, max_length=100)] | None = None


class RulesBody(Body, frozen=True):
    rules: Annotated[list[RuleBody], Meta(max_length=100)]


class RoleBody(Body, frozen=True):
    name: RoleName
    rules: Annotated[list[RuleBody], Meta(max_length=100)]


class RoleItem(Struct, frozen=True, rename="camel", kw_only=True):
    name: str
    rules: list[RoleRule]
    built_in: bool


class SubjectItem(Body, frozen=True):
    kind: SubjectKind
    id: Id


class ScopeItem(Body, frozen=True, omit_defaults=True):
    kind: ScopeKind
    id: Id | None = None
    """Of the group or device."""


class BindingBody(Body, frozen=True):
    role: RoleName
    subject: SubjectItem
    scope: ScopeItem = ScopeItem(kind="org")


class BindingQuery(ListQuery, frozen=True):
    subject_kind: SubjectKind | None = None
    subject_id: Id | None = None
    role: RoleName | None = None


class BindingItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    role: str
    subject: SubjectItem
    scope: ScopeItem
    created_at: str


class PermissionItem(Struct, frozen=True, rename="camel", kw_only=True):
    resource: str
    verbs: list[str]
    scoped: list[str]
    """Verbs that can be granted for the devices of a group, or for one device."""
    names: str | None
    """What the names of a rule mean; null where there are none."""


class PermissionSet(Struct, frozen=True, rename="camel", kw_only=True):
    """What the caller may do."""

    role: str
    grants: list["GrantItem"]


class GrantItem(Struct, frozen=True, rename="camel", kw_only=True):
    rights: list[str]
    """`resource:verb`."""
    names: list[str] | None
    scope: ScopeItem


class AccessQuery(Query, frozen=True):
    resource: Word
    verb: Literal["get", "list", "create", "update", "delete", "use"]
    device_id: Id | None = None
    name: Word | None = None


class AccessItem(Struct, frozen=True, rename="camel", kw_only=True):
    allowed: bool
    because: list[BindingItem]


class TeamBody(Body, frozen=True):
    name: Text


class TeamMembersBody(Body, frozen=True):
    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=1000)]


class TeamItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    member_count: int
    created_at: str


class TeamMemberItem(Struct, frozen=True, rename="camel", kw_only=True):
    user_id: str


class RightsEndpoints:
    def __init__(self, service: RightsService) -> None:
        self._service = service

    async def permissions(self, _: Call[None, None]) -> list[PermissionItem]:
        return [
            PermissionItem(
                resource=name,
                verbs=_in_order(resource.verbs),
                scoped=_in_order(resource.scoped),
                names=resource.names,
            )
            for name, resource in CATALOGUE.items()
        ]

    async def own(self, call: Call[None, None]) -> PermissionSet:
        rights = call.principal.rights.effective()
        return PermissionSet(
            role=call.principal.role or "NONE",
            grants=[
                GrantItem(
                    rights=sorted(grant.rights),
                    names=None if grant.names is None else sorted(grant.names),
                    scope=_scope(grant.scope),
                )
                for grant in rights
                if grant.rights
            ],
        )

    async def access(self, call: Call[AccessQuery, None]) -> AccessItem:
        wanted = call.query
        if wanted.resource not in CATALOGUE and not wanted.resource.startswith("commands/"):
            raise invalid("resource", f"there is no resource {wanted.resource}")
        answer = await self._service.access(
            call.principal.org,
            call.path("id"),
            f"{wanted.resource}:{wanted.verb}",
            device_id=wanted.device_id,
            name=wanted.name,
        )
        return AccessItem(allowed=answer.allowed, because=[_binding(row) for row in answer.because])

    # Roles

    async def roles(self, call: Call[None, None]) -> list[RoleItem]:
        custom = await self._service.roles(call.principal.org)
        built_in = [
            RoleItem(name=role, rules=rules_of_role(role), built_in=True)
            for role in ROLES
            if role != "NONE"
        ]
        found = built_in + [_role(name, rules) for name, rules in custom.items()]
        return [role for role in found if _may(call, "list", role.name)]

    async def role(self, call: Call[None, None]) -> RoleItem:
        name = _named(call, "get")
        for role in ROLES:
            if role == name and role != "NONE":
                return RoleItem(name=role, rules=rules_of_role(role), built_in=True)
        return _role(name, await self._service.role(call.principal.org, name))

    async def create_role(self, call: Call[None, RoleBody]) -> Answer:
        if not _may(call, "create", call.body.name):
            raise Forbidden(f"you may not create a role named {call.body.name}")
        rules = _rules(call.body.rules)
        await self._service.create_role(call.principal, call.body.name, rules)
        item = RoleItem(name=call.body.name, rules=rules, built_in=False)
        return Answer(item, status=201, location=f"/api/v1/roles/{call.body.name}")

    async def change_role(self, call: Call[None, RulesBody]) -> RoleItem:
        name, rules = _named(call, "update"), _rules(call.body.rules)
        await self._service.change_role(call.principal, name, rules)
        return RoleItem(name=name, rules=rules, built_in=False)

    async def delete_role(self, call: Call[None, None]) -> None:
        await self._service.delete_role(call.principal, _named(call, "delete"))

    # Bindings

    async def bindings(self, call: Call[BindingQuery, None]) -> Items[BindingItem]:
        page = await self._service.bindings(
            call.principal.org,
            subject_kind=call.query.subject_kind,
            subject_id=call.query.subject_id,
            role=call.query.role,
            cursor=call.query.cursor,
            limit=call.query.limit,
        )
        return Items([_binding(row) for row in page.items], page.next)

    async def bind(self, call: Call[None, BindingBody]) -> Answer:
        body = call.body
        row = await self._service.bind(
            call.principal,
            body.role,
            SubjectRef(body.subject.kind, body.subject.id),
            _scope_of(body.scope),
        )
        return Answer(_binding(row), status=201, location=f"/api/v1/role-bindings/{row.binding_id}")

    async def unbind(self, call: Call[None, None]) -> None:
        await self._service.unbind(call.principal, call.path("id"))

    # Teams

    async def teams(self, call: Call[ListQuery, None]) -> Items[TeamItem]:
        page = await self._service.teams(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_team(row) for row in page.items], page.next)

    async def team(self, call: Call[None, None]) -> TeamItem:
        return _team(await self._service.team(call.principal.org, call.path("id")))

    async def create_team(self, call: Call[None, TeamBody]) -> Answer:
        team = await self._service.create_team(call.principal, call.body.name)
        return Answer(_team(team), status=201, location=f"/api/v1/teams/{team.team_id}")

    async def rename_team(self, call: Call[None, TeamBody]) -> TeamItem:
        return _team(
            await self._service.rename_team(call.principal, call.path("id"), call.body.name)
        )

    async def delete_team(self, call: Call[None, None]) -> None:
        await self._service.delete_team(call.principal, call.path("id"))

    async def team_members(self, call: Call[None, None]) -> list[TeamMemberItem]:
        members = await self._service.team_members(call.principal.org, call.path("id"))
        return [TeamMemberItem(user_id=user_id) for user_id in members]

    async def add_to_team(self, call: Call[None, TeamMembersBody]) -> TeamItem:
        return _team(
            await self._service.add_to_team(call.principal, call.path("id"), call.body.user_ids)
        )

    async def remove_from_team(self, call: Call[None, TeamMembersBody]) -> TeamItem:
        return _team(
            await self._service.remove_from_team(
                call.principal, call.path("id"), call.body.user_ids
            )
        )


def _may(call: Call[Any, Any], verb: str, name: str) -> bool:
    return call.principal.rights.anywhere(f"roles:{verb}", name)


def _named(call: Call[Any, Any], verb: str) -> str:
    """The role of the path. Raises `NotFound` where the caller's rights are for others."""
    name = call.path("name")
    if not _may(call, verb, name):
        raise NotFound("no such role")
    return name


def _in_order(verbs: frozenset[str]) -> list[str]:
    return [verb for verb in VERBS if verb in verbs]


def _rules(bodies: list[RuleBody]) -> list[RoleRule]:
    return [RoleRule(body.resources, body.verbs, body.names) for body in bodies]


def _role(name: str, rules: object) -> RoleItem:
    return RoleItem(name=name, rules=msgspec.convert(rules, list[RoleRule]), built_in=False)


def _scope_of(item: ScopeItem) -> Scope:
    """Raises `Invalid`."""
    if item.kind == "org":
        if item.id is not None:
            raise invalid("scope.id", "the organisation is named by its kind alone")
        return ORG
    if item.id is None:
        raise invalid("scope.id", f"is missing: which {item.kind}?")
    return Scope(item.kind, item.id)


def _scope(scope: Scope) -> ScopeItem:
    return ScopeItem(kind=scope.kind, id=scope.id or None)


def _binding(row: BindingRow) -> BindingItem:
    return BindingItem(
        id=row.binding_id,
        role=row.role,
        subject=SubjectItem(kind=row.subject.kind, id=row.subject.id),
        scope=_scope(row.scope),
        created_at=rfc3339(row.created_at),
    )


def _team(row: TeamRow) -> TeamItem:
    return TeamItem(
        id=row.team_id,
        name=row.name,
        member_count=row.member_count,
        created_at=rfc3339(row.created_at),
    )
