from hub.config.defaults import GroupDefault, defaults_of, due, sources_of

LOW = GroupDefault(group_id="z", priority=1, document={"a": {"x": 1, "y": 1}, "b": 1})
HIGH = GroupDefault(group_id="a", priority=9, document={"a": {"y": 2}, "b": None, "c": [1]})


def test_groups_are_merged_by_rising_priority_then_id() -> None:
    assert defaults_of([HIGH, LOW]) == {"a": {"x": 1, "y": 2}, "c": [1]}
    first = GroupDefault(group_id="g1", priority=5, document={"a": 1})
    second = GroupDefault(group_id="g2", priority=5, document={"a": 2})
    assert defaults_of([second, first]) == {"a": 2}
    assert defaults_of([]) == {}


def test_each_leaf_has_a_source() -> None:
    assert sources_of([HIGH, LOW], {"c": [2], "d": {}}) == {
        "a.x": "z", "a.y": "a", "c": "own", "d": "own",
    }  # fmt: skip
    assert sources_of([LOW], {"a": 3}) == {"a": "own", "b": "z"}
    assert sources_of([GroupDefault(group_id="g", priority=1, document={"a": 1})],
                      {"a": {"x": 1}}) == {"a.x": "own"}  # fmt: skip


def test_turns_are_spread_over_the_minute() -> None:
    for rate in (1, 7, 60, 61, 6000):
        assert sum(due(rate, second) for second in range(60)) == rate
    assert due(60, 0) == 1
    assert {due(6000, second) for second in range(60)} == {100}
