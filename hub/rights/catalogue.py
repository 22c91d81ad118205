"""What there is to have a right to: resources and their verbs. Pure.

A test holds it to the table of routes and the registry of commands. GET `/permissions` shows it.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, get_args

from msgspec import Struct

from hub.base.errors import invalid
from hub.base.holding import ANY_COMMAND, ORG, Grant, Right, Rights, Scope
from protocol.commands import COMMANDS
from protocol.sessions import KINDS

Verb = Literal["get", "list", "create", "update", "delete", "use"]
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
EACH: Final = "*"
_COMMANDS: Final = "commands/"
_OWN: Final = re.compile(r"commands/custom\.[a-z][a-z0-9_-]{0,39}\Z")
DISPATCH: Final = "commands:create"
"""Whether something may be dispatched: by its type it is asked again. Nobody grants it alone."""


class Resource(Struct, frozen=True):
    verbs: frozenset[str]
    scoped: frozenset[str] = frozenset()
    """Verbs that can be granted for the devices of a group, or one device: the others need the
    whole organisation."""
    names: str | None = None
    """What the names of a rule mean; None where there are none."""


def _of(verbs: str, scoped: str = "", names: str | None = None) -> Resource:
    return Resource(frozenset(verbs.split()), frozenset(scoped.split()), names)


_TEMPLATES: Final = {"exec_shell": "template", "update_firmware": "channel"}

CATALOGUE: Final[dict[str, Resource]] = {
    "devices": _of("get list create update delete", "get list update delete"),
    "devices/quarantine": _of("update", "update"),
    "device-groups": _of("get list create update delete", "get list update", "group"),
    "telemetry": _of("list", "list"),
    "events": _of("list", "list"),
    "configurations": _of("get list update", "get list update"),
    "config-schema": _of("get update delete", "get"),
    "commands": _of("get list", "get list"),
    **{
        f"{_COMMANDS}{name}": _of("create", "create", _TEMPLATES.get(name))
        for name in COMMANDS
        if name != "custom"
    },
    "campaigns": _of("get list create update", "get list create update"),
    "approvals": _of("get list update"),
    "pins": _of("update", "update"),
    "penalties": _of("list delete", "list delete"),
    "releases": _of("get list create update delete", "get list"),
    "signing-keys": _of("list create delete", "list"),
    "artifacts": _of("get", "get"),
    "cloud-sync": _of("get"),
    "edge-records": _of("get list", "get list"),
    "dead-letters": _of("list update delete", "list"),
    "health": _of("get"),
    "settings": _of("get update"),
    "usage": _of("get"),
    "audit-log": _of("list", "list"),
    "users": _of("get list create update delete"),
    "sessions": _of("list delete"),
    **{f"sessions/{kind}": _of("list create delete", "list create delete") for kind in KINDS},
    "sessions/recordings": _of("get", "get"),
    "api-keys": _of("list delete"),
    "service-accounts": _of("list create delete"),
    "invitations": _of("list create delete"),
    "teams": _of("get list create update delete"),
    "roles": _of("get list create update delete", names="role"),
    "role-bindings": _of("list create delete"),
    "providers": _of("get create update delete"),
    "enrollment-keys": _of("create"),
    "enrollment-tokens": _of("list create update delete"),
    "certificates": _of("list update", "list update"),
    "secrets": _of("get list create update delete use", names="secret"),
    "config-maps": _of("get list create update delete", names="config map"),
    "registries": _of("get list create update delete"),
    "applications": _of("get list create update delete", names="application"),
    "workloads": _of("get list update", "get list update"),
    "workloads/privileged": _of("create update"),
    "schedules": _of("get list create update delete", "get list create update delete"),
    "alerts": _of("get list update", "get list update"),
    "alert-rules": _of("get list create update delete", "get list create update delete"),
    "notification-channels": _of("get list create update delete"),
    "silences": _of("get list create delete", "get list create delete"),
    "webhooks": _of("get list create update delete", "get list create update delete"),
}


def listed(table: str) -> Rights:
    """Lines of `resource: verb verb`."""
    rows = (line.split(":") for line in table.strip().splitlines())
    return frozenset(f"{name.strip()}:{verb}" for name, verbs in rows for verb in verbs.split())


BY_SESSION: Final = listed("""
    enrollment-keys: create
    providers: get create update delete
    signing-keys: create delete
    service-accounts: create delete
""")
"""No API key has these, whatever it was granted."""

BY_BINDING: Final = listed("""
    users: list get create update delete
    invitations: list create delete
    teams: list get create update delete
    roles: list get create update delete
    role-bindings: list create delete
    service-accounts: list
    settings: update
    enrollment-tokens: list create update delete
""")
"""A key has these by a binding of its own: no built-in role gives them to one."""


class RoleRule(Struct, frozen=True, forbid_unknown_fields=True):
    """`names` counts for get, create, update and delete."""

    resources: list[str]
    verbs: list[str]
    names: list[str] | None = None


def check(rules: Iterable[RoleRule]) -> None:
    """Raises `Invalid` for what is not in the catalogue, and for names where there are none."""
    for at, rule in enumerate(rules):
        for verb in rule.verbs:
            if verb != EACH and verb not in VERBS:
                raise invalid(f"rules[{at}].verbs", f"{verb} is not one of {', '.join(VERBS)}")
        for name in rule.resources:
            if not _resources(name):
                raise invalid(f"rules[{at}].resources", f"there is no resource {name}")
            if rule.names is not None and not _is_named(name):
                raise invalid(f"rules[{at}].names", f"{name} has no names")


def is_command(resource: str) -> bool:
    """Whether it stands for commands: of a type, or of each."""
    return resource.startswith(_COMMANDS) and bool(_resources(resource))


def grants_of(rules: Iterable[RoleRule], scope: Scope = ORG) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            dispatching(narrowed(_expanded(rule), scope)),
            None if rule.names is None else frozenset(rule.names),
            scope,
        )
        for rule in rules
    )


def narrowed(rights: Rights, scope: Scope) -> Rights:
    """Those that can be had in a scope."""
    if scope == ORG:
        return rights
    return frozenset(right for right in rights if _is_scoped(right))


def dispatching(rights: Rights) -> Rights:
    """With the right to dispatch, where some command may be."""
    some = any(right.startswith(_COMMANDS) for right in rights)
    return rights | {DISPATCH} if some else rights - {DISPATCH}


def _is_scoped(right: Right) -> bool:
    resource, _, verb = right.partition(":")
    if right == DISPATCH or resource.startswith(_COMMANDS):
        return True
    return verb in CATALOGUE[resource].scoped


def _expanded(rule: RoleRule) -> Rights:
    wanted = set(VERBS) if EACH in rule.verbs else set(rule.verbs)
    return frozenset(
        f"{name}:{verb}"
        for each in rule.resources
        for name, verbs in _resources(each).items()
        for verb in verbs & wanted
    )


def _is_named(name: str) -> bool:
    resource = CATALOGUE.get(name)
    return resource is not None and resource.names is not None


_ANY_COMMAND_RESOURCE: Final = ANY_COMMAND.partition(":")[0]


def _resources(name: str) -> dict[str, frozenset[str]]:
    """What a name of a rule stands for, with verbs; nothing for what there is not."""
    create = frozenset({"create"})
    if name == EACH:
        known = {each: resource.verbs for each, resource in CATALOGUE.items()}
        return {**known, _ANY_COMMAND_RESOURCE: create}
    if name == _ANY_COMMAND_RESOURCE or _OWN.match(name):
        return {name: create}
    return {name: CATALOGUE[name].verbs} if name in CATALOGUE else {}
