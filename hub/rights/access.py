"""Who may do what: rights, and roles, which are named sets of them. Nothing else decides.

A right is `resource:verb`. A route of `hub/routes.py` names the one that it takes, or a door that
needs none. A command is allowed by its type: `commands/<type>:create`.
"""

from enum import StrEnum
from typing import Final

from msgspec import structs

from hub.base.holding import ANY_COMMAND, ORG, Grant, Holding, Right, Rights, Scope
from hub.base.principal import Principal, Role
from hub.rights.catalogue import BY_BINDING, BY_SESSION, DISPATCH, RoleRule, listed, narrowed
from protocol.commands import COMMANDS, Danger, is_own


class Door(StrEnum):
    """What a route takes instead of a right."""

    OPEN = "open"
    """No authentication: signing in, documents."""
    ENROLL = "enroll"
    """The endpoint itself judges what a device shows: a key, or a token."""
    ANY_USER = "any user"
    SESSION = "own session"
    """For whoever has signed in: an API key is refused."""
    INSTANCE = "instance administrator"
    """Who administers the installation, and has signed in."""
    DEVICE = "device"


Action = Door | Right
"""What a route takes."""

OPEN_TO_ALL: Final = frozenset({Door.OPEN, Door.ENROLL})

_VIEWER: Final = listed("""
    devices: get list
    device-groups: get list
    telemetry: list
    events: list
    configurations: get list
    config-schema: get
    commands: get list
    campaigns: get list
    approvals: get list
    penalties: list
    releases: get list
    signing-keys: list
    cloud-sync: get
    edge-records: get list
    settings: get
    usage: get
    health: get
    audit-log: list
    certificates: list
    applications: get list
    workloads: get list
    schedules: get list
    webhooks: get list
    alerts: get list
    alert-rules: get list
    notification-channels: get list
    silences: get list
""")
_OPERATOR: Final = _VIEWER | listed("""
    commands: create
    commands/force_sync: create
    commands/pull_logs: create
    commands/enable_device: create
    sessions/logs: list create
    alerts: update
    silences: create delete
""")
_MANAGER: Final = _OPERATOR | listed("""
    devices: update
    device-groups: create update delete
    configurations: update
    users: list
    commands/clear_queue: create
    commands/push_config: create
    commands/restart_workload: create
    applications: create update delete
    config-maps: get list create update delete
    registries: get list create update delete
    workloads: update
""")
_ADMIN: Final = _MANAGER | listed("""
    devices: create delete
    devices/quarantine: update
    config-schema: update delete
    commands/*: create
    campaigns: create update
    approvals: update
    penalties: delete
    pins: update
    releases: create update delete
    signing-keys: create delete
    artifacts: get
    dead-letters: list update delete
    users: get create update delete
    sessions: list delete
    sessions/exec: list create delete
    sessions/shell: list create delete
    sessions/logs: delete
    sessions/forward: list create delete
    sessions/file: list create delete
    sessions/recordings: get
    api-keys: list delete
    service-accounts: list create delete
    invitations: list create delete
    teams: list get create update delete
    roles: list get create update delete
    role-bindings: list create delete
    providers: get create update delete
    settings: update
    enrollment-keys: create
    enrollment-tokens: list create update delete
    certificates: update
    secrets: get list create update delete use
    workloads/privileged: create update
    schedules: create update delete
    webhooks: create update delete
    alert-rules: create update delete
    notification-channels: create update delete
""")

ROLES: Final[dict[Role, Rights]] = {
    "NONE": frozenset(),
    "VIEWER": _VIEWER,
    "OPERATOR": _OPERATOR,
    "MANAGER": _MANAGER,
    "ADMIN": _ADMIN,
}
"""The weakest first. `sessions` and `api-keys` are those of others."""

_OF_KEYS: Final = {role: rights - BY_SESSION - BY_BINDING for role, rights in ROLES.items()}
_ARTIFACTS: Final = listed("artifacts: get")
OF_DEVICES: Final = Holding((Grant(_ARTIFACTS),))
FOR_DEVICES: Final = frozenset[Action]({Door.DEVICE}) | _ARTIFACTS


def grant_of_role(role: Role, scope: Scope = ORG) -> Grant:
    return Grant(narrowed(ROLES[role], scope), scope=scope)


def rules_of_role(role: Role) -> list[RoleRule]:
    """As rules are given: a resource with its verbs each."""
    verbs: dict[str, list[str]] = {}
    for right in sorted(ROLES[role] - {DISPATCH}):
        resource, _, verb = right.partition(":")
        verbs.setdefault(resource, []).append(verb)
    return [RoleRule([resource], of) for resource, of in verbs.items()]


def grant_to_key(role: Role) -> Grant:
    """What a built-in role gives to an API key."""
    return Grant(_OF_KEYS[role])


def without_sessions(grant: Grant) -> Grant:
    """What of a grant an API key can have."""
    return structs.replace(grant, rights=grant.rights - BY_SESSION)


def weakest(right: Right) -> Role:
    """The first role that has a right."""
    return next(role for role, rights in ROLES.items() if right in rights)


MINIMUM: Final[dict[Action, Role]] = {
    Door.ANY_USER: "NONE",
    Door.SESSION: "NONE",
    Door.INSTANCE: "ADMIN",
    **{right: weakest(right) for right in _ADMIN},
}
"""The least role for each action of a user; actions that are not here are not for users."""

SECRET: Final = frozenset({"exec_shell"})
"""Commands whose parameters and output are only for those who may dispatch them; so are those of
devices' own commands."""

DANGEROUS: Final = frozenset(
    name for name, spec in COMMANDS.items() if spec.danger is not Danger.NO
)
"""Commands that a replica whose view may be old does not send."""


def may(principal: Principal, action: Action) -> bool:
    """Whether it may come in: for something at least. Over which devices, its `reach` says."""
    match action:
        case Door.OPEN | Door.ENROLL:
            return True
        case Door.ANY_USER:
            return principal.kind in ("user", "api_key")
        case Door.SESSION:
            return principal.kind == "user"
        case Door.INSTANCE:
            return principal.kind == "user" and principal.instance_admin
        case Door.DEVICE:
            return principal.kind == "device"
        case _:
            return principal.rights.anywhere(action)


def may_everywhere(principal: Principal, right: Right, name: str | None = None) -> bool:
    return principal.kind == "hub" or principal.rights.everywhere(right, name)


def right_to_dispatch(command_type: str) -> Right:
    return f"commands/{command_type}:create"


def may_dispatch(rights: Holding, command_type: str, name: str | None = None) -> bool:
    """To some device at least."""
    return rights.anywhere(right_to_dispatch(command_type), name)


def role_may_dispatch(role: Role, command_type: str) -> bool:
    """By a built-in role alone."""
    return not ROLES[role].isdisjoint({right_to_dispatch(command_type), ANY_COMMAND})


COMMAND_MINIMUM: Final[dict[str, Role]] = {
    name: next(role for role in ROLES if role_may_dispatch(role, name)) for name in COMMANDS
}
"""The least role that may dispatch a command."""


def is_secret(command_type: str) -> bool:
    """Whether what such a command was given and wrote is hidden from readers who may not dispatch
    it."""
    return command_type in SECRET or is_own(command_type)
