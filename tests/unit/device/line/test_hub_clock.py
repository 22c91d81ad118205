from device.line.hub_clock import HubClock


def test_the_hub_clock_counts_from_what_the_hub_said() -> None:
    clock = HubClock()
    deadline = "2030-01-01T12:00:10Z"
    assert not clock.is_past(deadline, 1e9)
    for nonsense in ("yesterday", "2030-01-01T12:00:00"):
        clock.set(nonsense, 100.0)
    assert not clock.is_past(deadline, 1e9)
    clock.set("2030-01-01T12:00:00Z", 100.0)
    assert not clock.is_past(deadline, 110.0)
    assert clock.is_past(deadline, 110.1)
    assert not clock.is_past(None, 1e9)
    assert not clock.is_past("soon", 1e9)


def test_an_http_answer_says_the_time_until_a_line_does() -> None:
    clock = HubClock()
    assert clock.time(5.0) is None
    clock.suppose(1000.0, 100.0)
    clock.suppose(9000.0, 100.0)
    assert clock.time(101.0) == 1001.0
    clock.set("1970-01-01T00:00:07Z", 100.0)
    clock.suppose(9000.0, 100.0)
    assert clock.time(101.0) == 8.0
