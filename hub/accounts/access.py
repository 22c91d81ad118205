"""Roles and what they may do: two tables and two look-ups, nothing else decides.

A route of `hub/routes.py` names an `Action`; a command is allowed by its type. Roles are ordered:
each may do what the one before it may.
"""

from enum import StrEnum
from typing import Final

from hub.base.principal import Principal, Role
from protocol.commands import COMMANDS, Danger

ROLES: Final[tuple[Role, ...]] = ("VIEWER", "OPERATOR", "MANAGER", "ADMIN")


class Action(StrEnum):
    """What a route requires of its caller."""

    OPEN = "open"
    """No authentication: signing in, documents."""
    ENROLL = "enroll"
    """The endpoint itself judges what a device shows: a key, or a token."""
    ANY_USER = "any user"
    SESSION = "own session"
    """For whoever has signed in: an API key is refused."""
    READ = "read"
    DISPATCH = "dispatch"
    """Whether this command may be sent is asked again, by its type."""
    MANAGE = "manage"
    LIST_USERS = "list users"
    ADMINISTER = "administer"
    ADMINISTER_BY_SESSION = "administer, by session"
    """Users, keys and settings: no role gives them to an API key."""
    FETCH_ARTIFACT = "fetch artifact"
    DEVICE = "device"


OPEN_TO_ALL: Final = frozenset({Action.OPEN, Action.ENROLL})

MINIMUM: Final[dict[Action, Role]] = {
    Action.ANY_USER: "VIEWER",
    Action.SESSION: "VIEWER",
    Action.READ: "VIEWER",
    Action.DISPATCH: "OPERATOR",
    Action.MANAGE: "MANAGER",
    Action.LIST_USERS: "MANAGER",
    Action.ADMINISTER: "ADMIN",
    Action.ADMINISTER_BY_SESSION: "ADMIN",
    Action.FETCH_ARTIFACT: "ADMIN",
}
"""The least role for each action of a user; actions that are not here are not for users."""

BY_SESSION: Final = frozenset({Action.SESSION, Action.LIST_USERS, Action.ADMINISTER_BY_SESSION})

FOR_DEVICES: Final = frozenset({Action.DEVICE, Action.FETCH_ARTIFACT})

COMMAND_MINIMUM: Final[dict[str, Role]] = {
    "force_sync": "OPERATOR",
    "pull_logs": "OPERATOR",
    "enable_device": "OPERATOR",
    "clear_queue": "MANAGER",
    "push_config": "MANAGER",
}
"""The least role that may dispatch a command; what is not here is for ADMIN."""


SECRET: Final = frozenset({"exec_shell"})
"""Commands whose parameters and output are only for those who may dispatch them."""

DANGEROUS: Final = frozenset(
    name for name, spec in COMMANDS.items() if spec.danger is not Danger.NO
)
"""Commands that a replica whose view may be old does not send."""


def role_covers(role: Role, minimum: Role) -> bool:
    return ROLES.index(role) >= ROLES.index(minimum)


def may(principal: Principal, action: Action) -> bool:
    if action in OPEN_TO_ALL:
        return True
    if principal.kind == "device":
        return action in FOR_DEVICES
    if principal.kind == "api_key" and action in BY_SESSION:
        return False
    minimum = MINIMUM.get(action)
    return (
        principal.role is not None and minimum is not None and role_covers(principal.role, minimum)
    )


def may_dispatch(principal: Principal, command_type: str) -> bool:
    return role_may_dispatch(principal.role, command_type)


def is_secret_from(principal: Principal, command_type: str) -> bool:
    """Whether what a command was given and wrote is not for this reader."""
    return command_type in SECRET and not may_dispatch(principal, command_type)


def role_may_dispatch(role: Role | None, command_type: str) -> bool:
    """The same of a role alone; None = somebody who has none."""
    return role is not None and role_covers(role, COMMAND_MINIMUM.get(command_type, "ADMIN"))
