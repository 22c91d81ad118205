from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import structs

from hub.certificates.judging import CertificateStanding, CertificateVerdict, judge
from hub.certificates.making import BACKDATED
from hub.certificates.memory import CertificateMemory, Remembered
from hub.certificates.reading import read_shown
from protocol.ids import OrgId
from tests.unit.hub.certificates.some import AUTHORITY, NOW, device_certificate

SHOWN = read_shown(device_certificate().public_bytes(Encoding.DER), [AUTHORITY.certificate])
STANDING = CertificateStanding(
    fingerprint=SHOWN.fingerprint, ended=False, disabled=False, deleted=False, good_until=None
)
T = NOW.timestamp()
DAY = timedelta(days=1).total_seconds()


@pytest.mark.parametrize(
    ("changes", "now", "verdict"),
    [
        ({}, T, CertificateVerdict.GOOD),
        ({"good_until": T + 1}, T, CertificateVerdict.GOOD),
        ({"good_until": T}, T, CertificateVerdict.SUPERSEDED),
        ({"ended": True}, T, CertificateVerdict.REVOKED),
        ({"disabled": True}, T, CertificateVerdict.REVOKED),
        ({"deleted": True, "ended": True}, T, CertificateVerdict.UNKNOWN),
        ({"fingerprint": "another"}, T, CertificateVerdict.UNKNOWN),
        ({}, T + 90 * DAY, CertificateVerdict.EXPIRED),
        ({}, T + 90 * DAY - 1, CertificateVerdict.GOOD),
        ({}, T - BACKDATED.total_seconds() - 1, CertificateVerdict.EXPIRED),
        ({"ended": True}, T + 91 * DAY, CertificateVerdict.REVOKED),
        ({"good_until": T}, T + 91 * DAY, CertificateVerdict.EXPIRED),
    ],
)
def test_a_certificate_is_judged_by_its_row_and_the_databases_time(
    changes: dict[str, Any], now: float, verdict: CertificateVerdict
) -> None:
    assert judge(SHOWN, structs.replace(STANDING, **changes), now) is verdict


def test_what_has_no_row_is_unknown() -> None:
    assert judge(SHOWN, None, T) is CertificateVerdict.UNKNOWN


def remembered(serial: str) -> Remembered:
    return Remembered(structs.replace(SHOWN, serial=serial), STANDING)


def test_what_was_found_is_remembered_and_the_least_used_forgotten() -> None:
    memory = CertificateMemory(2)
    one, two, three = remembered("1"), remembered("2"), remembered("3")
    memory.put(b"1", one)
    memory.put(b"2", two)
    assert memory.get(b"1") is one
    memory.put(b"3", three)
    assert memory.get(b"2") is None
    assert memory.of_serial(SHOWN.org, "2") is None
    assert memory.of_serial(SHOWN.org, "3") is three
    memory.forget(SHOWN.org, "3")
    memory.forget(OrgId("other"), "1")
    assert (memory.get(b"3"), len(memory)) == (None, 1)
    memory.put(b"2", two)
    memory.forget_device(SHOWN.org, SHOWN.device_id)
    assert (memory.get(b"1"), memory.get(b"2"), len(memory)) == (None, None, 0)
    memory.forget_device(SHOWN.org, SHOWN.device_id)
    memory.put(b"1", one)
    memory.clear()
    assert (memory.get(b"1"), memory.of_serial(SHOWN.org, "1"), len(memory)) == (None, None, 0)
