"""What there is to have a right to, and what rules stand for."""

import pytest

from hub.base.errors import Invalid
from hub.base.holding import ANY_COMMAND, ORG, Scope
from hub.rights.catalogue import (
    DISPATCH,
    RoleRule,
    check,
    grants_of,
    is_command,
    narrowed,
)

HALL = Scope("group", "hall")


def rights(*rules: RoleRule, scope: Scope = ORG) -> set[str]:
    return {right for grant in grants_of(rules, scope) for right in grant.rights}


def test_a_rule_is_each_verb_that_each_resource_has() -> None:
    assert rights(RoleRule(["devices", "telemetry"], ["list", "create"])) == {
        "devices:list", "devices:create", "telemetry:list",
    }  # fmt: skip


def test_a_star_is_everything() -> None:
    everything = rights(RoleRule(["*"], ["*"]))
    assert {ANY_COMMAND, DISPATCH, "users:delete", "commands/exec_shell:create"} <= everything
    assert rights(RoleRule(["devices"], ["*"])) == {
        f"devices:{verb}" for verb in ("get", "list", "create", "update", "delete")
    }


def test_who_may_dispatch_something_may_call_what_dispatches_and_nobody_else() -> None:
    assert rights(RoleRule(["commands/force_sync"], ["create"])) == {
        "commands/force_sync:create", DISPATCH,
    }  # fmt: skip
    assert rights(RoleRule(["commands/custom.paint"], ["create"])) == {
        "commands/custom.paint:create", DISPATCH,
    }  # fmt: skip
    assert rights(RoleRule(["commands/*"], ["*"])) == {ANY_COMMAND, DISPATCH}
    assert rights(RoleRule(["commands"], ["*"])) == {"commands:get", "commands:list"}


def test_over_a_group_there_is_only_what_is_about_devices() -> None:
    rule = RoleRule(["devices", "users", "releases", "commands/force_sync"], ["*"])
    assert rights(rule, scope=HALL) == {
        "devices:get", "devices:list", "devices:update", "devices:delete", "releases:get",
        "releases:list", "commands/force_sync:create", DISPATCH,
    }  # fmt: skip
    assert narrowed(frozenset({"users:get"}), ORG) == {"users:get"}


def test_names_go_with_what_they_were_given_for() -> None:
    (grant,) = grants_of([RoleRule(["commands/exec_shell"], ["create"], ["uptime"])])
    assert grant.names == {"uptime"}
    check([RoleRule(["device-groups"], ["get"], ["hall"])])


@pytest.mark.parametrize(
    "rule",
    [
        RoleRule(["nothing"], ["get"]),
        RoleRule(["commands/nothing"], ["create"]),
        RoleRule(["commands/custom.Paint"], ["create"]),
        RoleRule(["devices"], ["fly"]),
        RoleRule(["devices"], ["get"], ["edge-1"]),
        RoleRule(["*"], ["get"], ["edge-1"]),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused(rule: RoleRule) -> None:
    with pytest.raises(Invalid):
        check([rule])


@pytest.mark.parametrize("resource", ["commands/*", "commands/reboot_os", "commands/custom.drain"])
def test_what_stands_for_commands(resource: str) -> None:
    assert is_command(resource)


@pytest.mark.parametrize("resource", ["*", "commands", "commands/none", "commands/", "devices"])
def test_what_does_not(resource: str) -> None:
    assert not is_command(resource)
