from hub.lines.registry import Registry
from hub.lines.session import LineSession
from protocol.ids import DeviceId, Generation, OrgId
from tests.factories import make_line


def line(generation: int, device_id: str = "d1", org: str = "o1") -> LineSession:
    return make_line(
        generation=Generation(generation), device_id=DeviceId(device_id), org=OrgId(org)
    )


def test_g6_the_newest_generation_wins_in_whatever_order_they_come() -> None:
    registry: Registry[LineSession] = Registry()
    older, newer = line(1), line(2)
    assert registry.add(older) is None
    assert registry.add(newer) is older
    assert registry.add(older) is older
    assert registry.get(OrgId("o1"), DeviceId("d1")) is newer


def test_a_superseded_line_takes_nothing_away() -> None:
    registry: Registry[LineSession] = Registry()
    older, newer = line(1), line(2)
    registry.add(older)
    registry.add(newer)
    assert not registry.remove(older)
    assert len(registry) == 1
    assert registry.remove(newer)
    assert not registry.remove(newer)
    assert registry.get(OrgId("o1"), DeviceId("d1")) is None


def test_devices_of_different_organisations_do_not_meet() -> None:
    registry: Registry[LineSession] = Registry()
    lines = [line(1), line(1, org="o2"), line(1, "d2")]
    for each in lines:
        assert registry.add(each) is None
    for each in registry:  # which may change meanwhile
        registry.remove(each)
    assert len(registry) == 0
