from typing import Any

import pytest

from device.base.signed_settings import OperatorSettings, SignedSettings
from device.base.workload_settings import WorkloadSettings, problem_of
from protocol.ids import OrgId
from tests.signing import Signer

SIGNED = SignedSettings(org=OrgId("default"), operators=(OperatorSettings(key=Signer().line),))


@pytest.mark.parametrize(
    ("table", "signed"),
    [
        ({}, None),
        ({"engine": "", "runtime_dir": "", "binds": ("/data",)}, None),
        ({"signed": True, "runtime_dir": "/run/x"}, SIGNED),
    ],
)
def test_a_table_that_makes_sense(table: dict[str, Any], signed: SignedSettings | None) -> None:
    assert problem_of(WorkloadSettings(**table), signed) is None
    assert problem_of(None, signed) is None


@pytest.mark.parametrize(
    ("table", "signed", "problem"),
    [
        ({"engine": "docker.sock"}, None, "workloads.engine"),
        ({"runtime_dir": "x"}, None, "workloads.runtime_dir"),
        ({"binds": ("/a/../b",)}, None, "workloads.binds"),
        ({"devices": ("tty",)}, None, "workloads.devices"),
        ({"signed": True}, None, "workloads.signed"),
        ({"signed": True}, SignedSettings(org=OrgId("default")), "workloads.signed"),
    ],
)
def test_one_that_makes_none(
    table: dict[str, Any], signed: SignedSettings | None, problem: str
) -> None:
    assert (problem_of(WorkloadSettings(**table), signed) or "").startswith(problem)
