from hub.lines.budget import ConnectBudget
from protocol.ids import DEFAULT_ORG, DeviceId

D1 = (DEFAULT_ORG, DeviceId("d1"))
D2 = (DEFAULT_ORG, DeviceId("d2"))


def test_a_burst_is_taken_and_then_one_in_two_seconds() -> None:
    budget = ConnectBudget(burst=3, per_second=0.5)
    assert [budget.take(D1, 10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert budget.take(D1, 11.0) == 1.0
    assert budget.take(D1, 12.0) == 0.0
    assert budget.take(D1, 12.0) == 2.0
    assert budget.take(D2, 12.0) == 0.0


def test_a_device_that_comes_every_second_is_slowed_in_the_end() -> None:
    budget = ConnectBudget()
    taken = [budget.take(D1, float(second)) == 0.0 for second in range(2000)]
    assert all(taken[:590])
    assert 690 <= sum(taken[600:]) <= 710


def test_a_quiet_device_has_its_burst_again() -> None:
    budget = ConnectBudget(burst=2, per_second=1.0)
    assert [budget.take(D1, 0.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert [budget.take(D1, 60.0) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_g15_devices_whose_bucket_is_full_are_forgotten() -> None:
    budget = ConnectBudget()
    for number in range(5000):
        budget.take((DEFAULT_ORG, DeviceId(f"d{number}")), number / 100)
    assert len(budget) <= 250
