from itertools import pairwise

import pytest
from msgspec import structs

from hub.accounts.access import (
    BY_SESSION,
    DISPATCH,
    FOR_DEVICES,
    MINIMUM,
    OPEN_TO_ALL,
    ROLES,
    Door,
    covers,
    is_secret_from,
    may,
    may_dispatch,
    role_may_dispatch,
)
from hub.base.principal import ANYONE, Role
from hub.routes import ROUTES
from protocol.commands import COMMANDS
from tests.factories import make_principal

DEVICE = make_principal(None, kind="device")
ACTIONS = {*Door, *MINIMUM, *FOR_DEVICES}


def test_each_role_has_the_rights_of_the_one_before_it_and_more() -> None:
    rights = list(ROLES.values())
    assert all(less < more for less, more in pairwise(rights))
    assert covers("ADMIN", "ADMIN")
    assert covers("MANAGER", "VIEWER")
    assert not covers("VIEWER", "OPERATOR")


@pytest.mark.parametrize("role", ROLES)
def test_a_user_may_what_his_role_has_and_come_in_by_every_door_for_users(role: Role) -> None:
    allowed = {action for action in ACTIONS if may(make_principal(role), action)}
    assert allowed == {*OPEN_TO_ALL, Door.ANY_USER, Door.SESSION, *ROLES[role]}


def test_an_api_key_may_nothing_that_needs_a_sign_in() -> None:
    user, key = make_principal("ADMIN"), make_principal("ADMIN", kind="api_key")
    refused = {action for action in ACTIONS if may(user, action) and not may(key, action)}
    assert refused == {Door.SESSION, *BY_SESSION}


def test_a_device_may_its_own_routes_and_artifacts_only() -> None:
    allowed = {action for action in ACTIONS if may(DEVICE, action)}
    assert allowed == {Door.OPEN, Door.ENROLL, Door.DEVICE, "artifacts:get"}
    assert not any(may_dispatch(DEVICE, kind) for kind in COMMANDS)


def test_anyone_may_what_is_open_only() -> None:
    assert {action for action in ACTIONS if may(ANYONE, action)} == OPEN_TO_ALL


def test_each_route_names_a_door_or_a_right_that_somebody_has() -> None:
    assert {route.action for route in ROUTES} <= ACTIONS


def test_whoever_may_dispatch_anything_may_call_what_dispatches() -> None:
    for role, rights in ROLES.items():
        assert (DISPATCH in rights) is any(role_may_dispatch(role, kind) for kind in COMMANDS)


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        ("VIEWER", set[str]()),
        ("OPERATOR", {"force_sync", "pull_logs", "enable_device"}),
        (
            "MANAGER",
            {"force_sync", "pull_logs", "enable_device", "clear_queue", "push_config"},
        ),
        ("ADMIN", set(COMMANDS)),
    ],
)
def test_commands_by_role(role: Role, kinds: set[str]) -> None:
    assert {kind for kind in COMMANDS if may_dispatch(make_principal(role), kind)} == kinds
    assert may_dispatch(make_principal(role), "from_the_future") is (role == "ADMIN")


def test_who_has_no_role_may_dispatch_nothing() -> None:
    assert not any(role_may_dispatch(None, kind) for kind in COMMANDS)


def test_what_a_shell_wrote_is_for_those_who_may_send_it() -> None:
    readers = [role for role in ROLES if not is_secret_from(make_principal(role), "exec_shell")]
    assert readers == ["ADMIN"]
    assert not is_secret_from(make_principal("VIEWER"), "pull_logs")


def test_a_devices_own_command_is_a_right_of_its_own() -> None:
    kind = "custom.calibrate"
    assert [role for role in ROLES if may_dispatch(make_principal(role), kind)] == ["ADMIN"]
    given = structs.replace(make_principal(), rights=frozenset({f"commands/{kind}:create"}))
    assert may_dispatch(given, kind)
    assert not may_dispatch(given, "custom.paint")
    assert not is_secret_from(given, kind)
    assert is_secret_from(given, "custom.paint")
