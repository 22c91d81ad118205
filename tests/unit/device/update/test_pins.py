import pytest

from device.update.pins import met, unmet, went_back
from device.update.trial import UpdateRecord, confirmed, failed
from tests.unit.device.update.test_trial import make_record

DIGEST = "ab" * 32
PINS = {"agent": "2.0", "jar": "1.1", "plc": "7"}


def test_a_pin_is_met_by_what_is_installed() -> None:
    present = {"agent": "2.0", "jar": "1.0", "other": "3"}
    assert met(PINS, present) == {"agent": "2.0"}
    assert unmet(PINS, present) == ["jar", "plc"]
    assert (met({}, present), unmet({}, present)) == ({}, [])


def test_the_agent_comes_last() -> None:
    assert unmet(PINS, {}) == ["jar", "plc", "agent"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, None),
        (make_record(sha256=DIGEST), None),
        (confirmed(make_record(sha256=DIGEST)), None),
        (failed(make_record(sha256="another"), "no hub"), None),
        (failed(make_record(sha256=DIGEST), "no hub"), "version 2 was rolled back: no hub"),
        (
            failed(make_record(sha256=DIGEST), "no hub", "its last words"),
            "version 2 was rolled back: no hub\nits last words",
        ),
    ],
)
def test_the_agent_went_back_from_this_artifact_alone(
    record: UpdateRecord | None, why: str | None
) -> None:
    assert went_back(record, DIGEST) == why
