import pytest

from hub.approvals.deciding import (
    DECIDES,
    STEPS,
    ApprovalStatus,
    Reason,
    Verdict,
    decided,
    error_of,
    holds_all,
    is_counted,
    is_over,
    may_approve,
    need_of,
)
from hub.base.errors import Ended
from hub.base.holding import Grant, Holding, Scope
from hub.rights.guarded import UNGUARDED, ApprovalRules, BlastRadius, Guarded

REBOOT = "commands/reboot_os"
ON_REBOOT = Guarded(ApprovalRules((REBOOT,), over=0))


def need(
    guarded: Guarded = UNGUARDED,
    resource: str = REBOOT,
    *,
    dangerous: bool = True,
    targets: int = 1,
    asked: bool = False,
) -> Reason | None:
    return need_of(guarded, resource, dangerous=dangerous, targets=targets, asked=asked)


def test_nothing_waits_where_nothing_is_set_unless_it_is_asked() -> None:
    assert need() is None
    assert need(asked=True) is Reason.ASKED
    assert need(dangerous=False, asked=True) is Reason.ASKED


def test_a_rule_counts_for_its_commands_above_so_many_targets() -> None:
    assert need(ON_REBOOT) is Reason.RULE
    assert need(ON_REBOOT, asked=True) is Reason.RULE
    assert need(ON_REBOOT, "commands/force_sync") is None
    many = Guarded(ApprovalRules(("commands/*",), over=2))
    assert [need(many, targets=count) for count in (2, 3)] == [None, Reason.RULE]


def test_a_cap_counts_for_dangerous_calls() -> None:
    capped = Guarded(blast_radius=BlastRadius(per_call=2))
    assert need(capped, targets=2) is None
    assert need(capped, targets=3) is Reason.PER_CALL
    assert need(capped, targets=3, dangerous=False) is None


def test_the_hour_is_counted_where_it_is_capped() -> None:
    capped = Guarded(blast_radius=BlastRadius(per_hour=5))
    assert is_counted(capped, dangerous=True)
    assert not is_counted(capped, dangerous=False)
    assert not is_counted(UNGUARDED, dangerous=True)
    assert not is_over(capped, lately=4, targets=1)
    assert is_over(capped, lately=4, targets=2)
    assert not is_over(UNGUARDED, lately=10**6, targets=1)


def test_only_what_waits_is_decided_and_once() -> None:
    for verdict, status in STEPS[ApprovalStatus.AWAITING].items():
        assert decided(ApprovalStatus.AWAITING, verdict) is status
        for again in Verdict:
            with pytest.raises(Ended, match=f"it is {status} already"):
                decided(status, again)


def test_each_end_says_why() -> None:
    codes = {status: error["code"] for status in ApprovalStatus if (error := error_of(status))}
    assert codes == {
        ApprovalStatus.REJECTED: "approval_rejected",
        ApprovalStatus.EXPIRED: "approval_expired",
        ApprovalStatus.CANCELLED: "cancelled",
    }


def holding(*rights: str, names: frozenset[str] | None = None, scope: str = "org") -> Holding:
    where = Scope("org") if scope == "org" else Scope("group", scope)
    return Holding((Grant(frozenset({DECIDES})), Grant(frozenset(rights), names, where)))


def test_an_approver_has_the_right_to_decide_and_that_of_the_call() -> None:
    reboots = [f"{REBOOT}:create"]
    assert may_approve(holding(*reboots), reboots, None)
    assert may_approve(holding(*reboots, scope="g1"), reboots, None)
    assert not may_approve(holding("devices:get"), reboots, None)
    assert not may_approve(Holding((Grant(frozenset(reboots)),)), reboots, None)


def test_names_count_for_commands_alone() -> None:
    rights = ["commands/update_firmware:create", "campaigns:create"]
    held = Holding(
        (
            Grant(frozenset({"commands/update_firmware:create"}), frozenset({"beta"})),
            Grant(frozenset({"campaigns:create"})),
        )
    )
    assert holds_all(held, rights, "beta")
    assert not holds_all(held, rights, "stable")
