from itertools import pairwise

import pytest

from hub.base.holding import Grant, Holding, Scope
from hub.base.principal import ANYONE, Role
from hub.rights.access import (
    FOR_DEVICES,
    MINIMUM,
    OPEN_TO_ALL,
    ROLES,
    Door,
    grant_of_role,
    is_secret,
    may,
    may_dispatch,
    may_everywhere,
    role_may_dispatch,
    rules_of_role,
    without_sessions,
)
from hub.rights.catalogue import BY_BINDING, BY_SESSION, CATALOGUE, DISPATCH, grants_of
from hub.routes import ROUTES
from protocol.commands import COMMANDS
from protocol.sessions import KINDS
from tests.factories import make_principal

DEVICE = make_principal(None, kind="device")
ACTIONS = {*Door, *MINIMUM, *FOR_DEVICES}


def test_each_role_has_the_rights_of_the_one_before_it_and_more() -> None:
    rights = list(ROLES.values())
    assert all(less < more for less, more in pairwise(rights))


@pytest.mark.parametrize("role", ROLES)
def test_a_user_may_what_his_role_has_and_come_in_by_every_door_for_users(role: Role) -> None:
    allowed = {action for action in ACTIONS if may(make_principal(role), action)}
    assert allowed == {*OPEN_TO_ALL, Door.ANY_USER, Door.SESSION, *ROLES[role]}


def test_who_administers_the_installation_may_come_in_where_it_is_administered() -> None:
    assert may(make_principal("NONE", instance_admin=True), Door.INSTANCE)
    assert not may(make_principal("ADMIN"), Door.INSTANCE)
    assert not may(make_principal("ADMIN", kind="api_key", instance_admin=True), Door.INSTANCE)


def test_an_api_key_may_nothing_that_needs_a_sign_in() -> None:
    user, key = make_principal("ADMIN"), make_principal("ADMIN", kind="api_key")
    refused = {action for action in ACTIONS if may(user, action) and not may(key, action)}
    assert refused == {Door.SESSION, *BY_SESSION, *BY_BINDING}


def test_a_binding_of_its_own_gives_a_key_what_no_built_in_role_does() -> None:
    granted = without_sessions(grant_of_role("ADMIN"))
    assert granted.rights >= BY_BINDING
    assert not granted.rights & BY_SESSION


def test_a_device_may_its_own_routes_and_artifacts_only() -> None:
    allowed = {action for action in ACTIONS if may(DEVICE, action)}
    assert allowed == {Door.OPEN, Door.ENROLL, Door.DEVICE, "artifacts:get"}
    assert not any(may_dispatch(DEVICE.rights, kind) for kind in COMMANDS)


def test_anyone_may_what_is_open_only() -> None:
    assert {action for action in ACTIONS if may(ANYONE, action)} == OPEN_TO_ALL


def test_each_route_names_a_door_or_a_right_that_somebody_has() -> None:
    assert {route.action for route in ROUTES} <= ACTIONS


def test_the_catalogue_is_what_routes_and_commands_ask_for() -> None:
    asked = {route.action for route in ROUTES if not isinstance(route.action, Door)} - {DISPATCH}
    commands = {f"commands/{name}:create" for name in COMMANDS if name != "custom"}
    of_others = {"sessions:list", "sessions:delete", "api-keys:list", "api-keys:delete"}
    known = {f"{name}:{verb}" for name, found in CATALOGUE.items() for verb in found.verbs}
    by_content = {"workloads/privileged:create", "workloads/privileged:update"}
    of_streams = {
        f"sessions/{kind}:{verb}" for kind in KINDS for verb in ("list", "create", "delete")
    }
    assert known == asked | commands | of_others | by_content | of_streams | {"secrets:use"}


@pytest.mark.parametrize("role", ROLES)
def test_a_built_in_role_is_what_its_rules_say(role: Role) -> None:
    granted = frozenset[str]().union(*(grant.rights for grant in grants_of(rules_of_role(role))))
    assert granted == ROLES[role]


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
            {
                "force_sync", "pull_logs", "enable_device", "clear_queue", "push_config",
                "restart_workload",
            },
        ),
        ("ADMIN", set(COMMANDS)),
    ],
)  # fmt: skip
def test_commands_by_role(role: Role, kinds: set[str]) -> None:
    rights = make_principal(role).rights
    assert {kind for kind in COMMANDS if may_dispatch(rights, kind)} == kinds
    assert may_dispatch(rights, "from_the_future") is (role == "ADMIN")


def test_a_devices_own_command_is_a_right_of_its_own() -> None:
    kind = "custom.calibrate"
    may_it = [role for role in ROLES if may_dispatch(make_principal(role).rights, kind)]
    assert may_it == ["ADMIN"]
    rights = Holding((Grant(frozenset({f"commands/{kind}:create"})),))
    assert may_dispatch(rights, kind)
    assert not may_dispatch(rights, "custom.paint")


def test_a_role_over_a_group_gives_nothing_that_is_of_the_whole_organisation() -> None:
    granted = grant_of_role("ADMIN", Scope("group", "g1"))
    over = granted.rights
    assert {"devices:update", DISPATCH, "telemetry:list"} <= over
    assert may_dispatch(Holding((granted,)), "exec_shell")
    assert not over & {"users:create", "devices:create", "settings:get", "health:get"}


def test_what_is_secret_is_what_a_shell_or_a_command_of_the_owner_writes() -> None:
    secret = {kind for kind in (*COMMANDS, "custom.paint") if is_secret(kind)}
    assert secret == {"exec_shell", "custom.paint"}


def test_the_hub_itself_may_everything_everywhere() -> None:
    assert may_everywhere(make_principal(None, kind="hub"), "users:create")
    assert may_everywhere(make_principal("ADMIN"), "users:create")
    assert not may_everywhere(make_principal("VIEWER"), "users:create")
