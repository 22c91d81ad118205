import pytest

from hub.accounts.access import (
    COMMAND_MINIMUM,
    MINIMUM,
    OPEN_TO_ALL,
    ROLES,
    Action,
    is_secret_from,
    may,
    may_dispatch,
    role_covers,
)
from hub.base.principal import ANYONE, Role
from protocol.commands import COMMANDS
from tests.factories import make_principal

DEVICE = make_principal(None, kind="device")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_its_place_allows(role: Role) -> None:
    who = make_principal(role)
    for action in Action:
        least = MINIMUM.get(action)
        allowed = action in OPEN_TO_ALL or (
            least is not None and ROLES.index(role) >= ROLES.index(least)
        )
        assert may(who, action) is allowed
    assert not may(who, Action.DEVICE)


def test_an_api_key_may_nothing_that_needs_a_sign_in() -> None:
    user, key = make_principal("ADMIN"), make_principal("ADMIN", kind="api_key")
    refused = {action for action in Action if may(user, action) and not may(key, action)}
    assert refused == {Action.SESSION, Action.LIST_USERS, Action.ADMINISTER_BY_SESSION}


def test_a_device_may_its_own_routes_and_artifacts_only() -> None:
    allowed = {action for action in Action if may(DEVICE, action)}
    assert allowed == {Action.OPEN, Action.ENROLL, Action.DEVICE, Action.FETCH_ARTIFACT}
    assert not any(may_dispatch(DEVICE, kind) for kind in COMMANDS)


def test_anyone_may_what_is_open_only() -> None:
    assert {action for action in Action if may(ANYONE, action)} == OPEN_TO_ALL


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


def test_the_tables_name_what_there_is() -> None:
    assert COMMAND_MINIMUM.keys() <= COMMANDS.keys()
    assert role_covers("ADMIN", "ADMIN")
    assert not role_covers("VIEWER", "OPERATOR")


def test_what_a_shell_wrote_is_for_those_who_may_send_it() -> None:
    readers = [role for role in ROLES if not is_secret_from(make_principal(role), "exec_shell")]
    assert readers == ["ADMIN"]
    assert not is_secret_from(make_principal("VIEWER"), "pull_logs")
