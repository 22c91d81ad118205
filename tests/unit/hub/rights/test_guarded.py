import pytest
from msgspec import UNSET

from hub.rights.guarded import (
    NO_PATCH,
    UNGUARDED,
    ApprovalRules,
    BlastRadius,
    Guarded,
    GuardedPatch,
    adds,
    guarded_of,
    patched,
    weakens,
)

REBOOT, SHUTDOWN = "commands/reboot_os", "commands/shutdown_os"


def rules(*resources: str, over: int = 0) -> Guarded:
    return Guarded(ApprovalRules(resources, over))


def caps(per_call: int | None = None, per_hour: int | None = None) -> Guarded:
    return Guarded(blast_radius=BlastRadius(per_call, per_hour))


def test_nothing_stored_is_nothing_guarded_and_can_be_told_at_a_glance() -> None:
    assert guarded_of({}) is UNGUARDED
    assert guarded_of({"approvals": {"resources": [], "over": 0}, "blast_radius": {}}) is UNGUARDED


def test_what_is_stored_is_read_as_it_is_shown() -> None:
    stored = {
        "approvals": {"resources": [REBOOT], "over": 3},
        "blast_radius": {"perCall": 5, "perHour": None},
        "admin_factor": "passkey",
    }
    expected = Guarded(ApprovalRules((REBOOT,), 3), BlastRadius(5, None))
    assert guarded_of(stored) == expected


def test_a_patch_changes_what_it_names() -> None:
    old = Guarded(ApprovalRules((REBOOT,), 3), BlastRadius(5, 50))
    assert patched(old, NO_PATCH) == old
    assert patched(old, GuardedPatch(resources=())) == Guarded(
        ApprovalRules((), 3), BlastRadius(5, 50)
    )
    assert patched(old, GuardedPatch(over=0, per_call=None, per_hour=9)) == Guarded(
        ApprovalRules((REBOOT,), 0), BlastRadius(None, 9)
    )
    assert GuardedPatch().per_call is UNSET


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rules(REBOOT), rules()),
        (rules(REBOOT, SHUTDOWN), rules(REBOOT)),
        (rules("commands/*"), rules(REBOOT)),
        (rules(REBOOT, over=1), rules(REBOOT, over=2)),
        (caps(1), caps()),
        (caps(1), caps(2)),
        (caps(1, 5), caps(1, 6)),
        (caps(per_hour=0), caps(per_hour=1)),
    ],
)
def test_what_lets_more_be_done_alone_weakens_and_the_reverse_does_not(
    old: Guarded, new: Guarded
) -> None:
    assert weakens(old, new)
    assert not weakens(new, old)
    assert not weakens(old, old)


def test_each_command_stands_for_all() -> None:
    assert not weakens(rules(REBOOT), rules("commands/*"))
    assert not weakens(rules(over=1), rules(over=2))  # of nothing


def test_what_is_new_needs_somebody_who_could_approve_it() -> None:
    assert adds(UNGUARDED, rules(REBOOT))
    assert adds(rules(REBOOT), rules(REBOOT, SHUTDOWN))
    assert not adds(rules(REBOOT), rules(REBOOT, over=0))
    assert not adds(rules("commands/*"), rules(REBOOT))
    assert not adds(rules(REBOOT), rules())
