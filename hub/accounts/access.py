"""Who may do what: rights, and roles, which are named sets of them. Nothing else decides.

A right is `resource:verb`. A route of `hub/routes.py` names the one that it takes, or a door that
needs none. A command is allowed by its type: `commands/<type>:create`.
"""

from enum import StrEnum
from typing import Final

from hub.base.principal import Principal, Right, Rights, Role
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
    DEVICE = "device"


Action = Door | Right
"""What a route takes."""

OPEN_TO_ALL: Final = frozenset({Door.OPEN, Door.ENROLL})
DISPATCH: Final = "commands:create"
"""Whether this command may be sent is asked again, by its type."""
_ANY_COMMAND: Final = "commands/*:create"


def _rights(table: str) -> Rights:
    """Lines of `resource: verb verb`."""
    rows = (line.split(":") for line in table.strip().splitlines())
    return frozenset(f"{name.strip()}:{verb}" for name, verbs in rows for verb in verbs.split())


_VIEWER: Final = _rights("""
    devices: get list
    device-groups: get list
    telemetry: list
    configurations: get list
    config-schema: get
    commands: get list
    campaigns: get list
    penalties: list
    releases: get list
    signing-keys: list
    cloud-sync: get
    settings: get
    health: get
    audit-log: list
""")
_OPERATOR: Final = _VIEWER | _rights("""
    commands: create
    commands/force_sync: create
    commands/pull_logs: create
    commands/enable_device: create
""")
_MANAGER: Final = _OPERATOR | _rights("""
    devices: update
    device-groups: create update delete
    configurations: update
    users: list
    commands/clear_queue: create
    commands/push_config: create
""")
_ADMIN: Final = _MANAGER | _rights("""
    devices: create delete
    config-schema: update delete
    commands/*: create
    campaigns: create update
    penalties: delete
    releases: create update delete
    signing-keys: create delete
    artifacts: get
    dead-letters: list update delete
    users: get create update delete
    sessions: list delete
    api-keys: list delete
    settings: update
    enrollment-keys: create
""")

ROLES: Final[dict[Role, Rights]] = {
    "VIEWER": _VIEWER,
    "OPERATOR": _OPERATOR,
    "MANAGER": _MANAGER,
    "ADMIN": _ADMIN,
}
"""The weakest first. `sessions` and `api-keys` are those of others."""

BY_SESSION: Final = _rights("""
    users: list get create update delete
    settings: update
    enrollment-keys: create
    signing-keys: create delete
""")
"""No role gives these to an API key."""

_OF_KEYS: Final = {role: rights - BY_SESSION for role, rights in ROLES.items()}
OF_DEVICES: Final = _rights("artifacts: get")
FOR_DEVICES: Final = frozenset[Action]({Door.DEVICE}) | OF_DEVICES


def rights_of_user(role: Role) -> Rights:
    return ROLES[role]


def rights_of_key(role: Role) -> Rights:
    return _OF_KEYS[role]


def weakest(right: Right) -> Role:
    """The first role that has a right."""
    return next(role for role, rights in ROLES.items() if right in rights)


MINIMUM: Final[dict[Action, Role]] = {
    Door.ANY_USER: "VIEWER",
    Door.SESSION: "VIEWER",
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
    match action:
        case Door.OPEN | Door.ENROLL:
            return True
        case Door.ANY_USER:
            return principal.kind in ("user", "api_key")
        case Door.SESSION:
            return principal.kind == "user"
        case Door.DEVICE:
            return principal.kind == "device"
        case _:
            return action in principal.rights


def covers(role: Role, other: Role) -> bool:
    """Whether one role has every right of the other."""
    return ROLES[role] >= ROLES[other]


def may_dispatch(principal: Principal, command_type: str) -> bool:
    return _dispatches(principal.rights, command_type)


def role_may_dispatch(role: Role | None, command_type: str) -> bool:
    """The same of a role alone; None = somebody who has none."""
    return role is not None and _dispatches(ROLES[role], command_type)


def right_to_dispatch(command_type: str) -> Right:
    return f"commands/{command_type}:create"


def _dispatches(rights: Rights, command_type: str) -> bool:
    return right_to_dispatch(command_type) in rights or _ANY_COMMAND in rights


COMMAND_MINIMUM: Final[dict[str, Role]] = {
    name: next(role for role in ROLES if role_may_dispatch(role, name)) for name in COMMANDS
}
"""The least role that may dispatch a command."""


def is_secret_from(principal: Principal, command_type: str) -> bool:
    """Whether what a command was given and wrote is not for this reader."""
    return is_secret(command_type) and not may_dispatch(principal, command_type)


def is_secret(command_type: str) -> bool:
    """Whether there are readers of whom `is_secret_from` is true."""
    return command_type in SECRET or is_own(command_type)
