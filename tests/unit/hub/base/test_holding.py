"""What somebody may do, and where."""

import pytest

from hub.base.holding import ANY_COMMAND, ORG, Grant, Holding, Reach, Scope

GET, PAINT, SHELL = "devices:get", "commands/paint:create", "commands/exec_shell:create"
HALL, DESK = Scope("group", "hall"), Scope("device", "desk-1")


def holding(*grants: Grant, within: Holding | None = None) -> Holding:
    return Holding(grants, within)


def grant(*rights: str, names: set[str] | None = None, scope: Scope = ORG) -> Grant:
    return Grant(frozenset(rights), None if names is None else frozenset(names), scope)


def test_who_was_granted_nothing_may_nothing_anywhere() -> None:
    nobody = holding()
    assert not nobody.everywhere(GET)
    assert not nobody.anywhere(GET)
    assert nobody.reaches(GET) == (Reach(),)
    assert not nobody.reaches(GET)[0]


def test_in_the_whole_organisation_there_is_no_limit() -> None:
    has = holding(grant(GET))
    assert has.everywhere(GET)
    assert has.everywhere(GET, "any name")
    assert has.anywhere(GET)
    assert has.reaches(GET) == ()
    assert not has.anywhere("devices:delete")


def test_rights_of_several_scopes_add_up() -> None:
    has = holding(grant(GET, scope=HALL), grant(GET, scope=DESK), grant(PAINT, scope=HALL))
    assert not has.everywhere(GET)
    assert has.anywhere(GET)
    (reach,) = has.reaches(GET)
    assert reach == Reach(frozenset({"hall"}), frozenset({"desk-1"}))
    assert reach.covers("desk-1", ())
    assert reach.covers("other", ("yard", "hall"))
    assert not reach.covers("other", ("yard",))
    assert has.reaches(PAINT) == (Reach(frozenset({"hall"})),)


def test_names_count_for_what_has_that_name() -> None:
    has = holding(grant(SHELL, names={"uptime"}))
    assert has.anywhere(SHELL)
    assert has.anywhere(SHELL, "uptime")
    assert not has.anywhere(SHELL, "reboot")
    assert not has.everywhere(SHELL)
    assert has.everywhere(SHELL, "uptime")
    assert has.names(SHELL) == {"uptime"}
    assert holding(grant(SHELL)).names(SHELL) is None
    assert has.reaches(SHELL) == ()
    assert has.reaches(SHELL, "uptime") == ()
    assert has.reaches(SHELL, "reboot") == (Reach(),)


def test_the_right_to_each_command_is_the_right_to_one() -> None:
    has = holding(grant(ANY_COMMAND, scope=HALL))
    assert has.anywhere(PAINT)
    assert not has.anywhere("devices:create")
    assert has.reaches(PAINT) == (Reach(frozenset({"hall"})),)


def test_a_key_has_no_more_than_its_owner() -> None:
    key = holding(grant(GET, PAINT), within=holding(grant(GET, scope=HALL)))
    assert not key.everywhere(GET)
    assert key.anywhere(GET)
    assert not key.anywhere(PAINT)
    assert key.reaches(GET) == (Reach(frozenset({"hall"})),)
    assert key.effective() == (grant(GET),)
    narrow = holding(grant(GET, scope=DESK), within=holding(grant(GET, scope=HALL)))
    assert narrow.reaches(GET) == (
        Reach(frozenset[str](), frozenset({"desk-1"})),
        Reach(frozenset({"hall"})),
    )
    assert holding(grant(GET), within=holding(grant(GET))).everywhere(GET)
    named = holding(grant(SHELL, names={"a"}), within=holding(grant(SHELL, names={"a", "b"})))
    assert named.everywhere(SHELL, "a")
    assert not named.everywhere(SHELL, "b")
    assert holding(grant(GET)).effective() == (grant(GET),)


@pytest.mark.parametrize(
    ("given", "around", "covered"),
    [
        (grant(GET), frozenset[Scope](), True),
        (grant(GET, scope=HALL), frozenset[Scope](), True),
        (grant(PAINT, scope=HALL), frozenset[Scope](), True),
        (grant(PAINT, scope=DESK), frozenset[Scope](), False),
        (grant(PAINT, scope=DESK), frozenset({HALL}), True),
        (grant(GET, PAINT), frozenset[Scope](), False),
        (grant(SHELL, names={"uptime"}), frozenset[Scope](), True),
        (grant(SHELL, names={"uptime", "reboot"}), frozenset[Scope](), False),
        (grant(SHELL), frozenset[Scope](), False),
        (grant(), frozenset[Scope](), True),
    ],
)
def test_what_covers_a_grant(given: Grant, around: frozenset[Scope], *, covered: bool) -> None:
    has = holding(grant(GET), grant(PAINT, scope=HALL), grant(SHELL, names={"uptime"}))
    assert has.covers(given, around) is covered
    within_itself = Holding(has.grants, has)
    assert within_itself.covers(given, around) is covered
    assert not Holding(has.grants, Holding()).covers(grant(GET))
