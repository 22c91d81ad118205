from datetime import timedelta

import pytest

from hub.campaigns.penalty import Failure, penalties
from protocol.ids import DeviceId
from tests.factories import MOMENT

D1, D2 = DeviceId("d1"), DeviceId("d2")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def failure(digest: str, ago: timedelta, device_id: DeviceId = D1) -> Failure:
    return Failure(device_id, digest, MOMENT - ago)


@pytest.mark.parametrize(
    ("failures", "until"),
    [
        ([], None),
        ([failure("a", HOUR)], None),
        ([failure("a", HOUR), failure("a", 2 * HOUR), failure("a", 3 * HOUR)], None),
        ([failure("a", HOUR), failure("b", 2 * HOUR)], MOMENT + DAY - HOUR),
        ([failure("b", 2 * HOUR), failure("a", HOUR)], MOMENT + DAY - HOUR),
        ([failure("a", HOUR), failure("b", HOUR)], MOMENT + DAY - HOUR),
        ([failure("a", HOUR), failure("b", 7 * DAY + HOUR)], MOMENT + DAY - HOUR),
        ([failure("a", HOUR), failure("b", 7 * DAY + 2 * HOUR)], None),
        ([failure("a", DAY), failure("b", 2 * DAY)], None),
        ([failure("a", HOUR), failure("b", HOUR, D2)], None),
    ],
)
def test_two_failures_with_two_artifacts_hold_a_device_back(
    failures: list[Failure], until: object
) -> None:
    assert penalties(failures, MOMENT) == ({} if until is None else {D1: until})
