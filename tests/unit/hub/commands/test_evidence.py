import hashlib
import json
from typing import Any

import msgspec
import pytest

from hub.commands.evidence import MOST_BYTES, evidence_of, refused_entries
from protocol.commands import DisableDevice, params_of
from tests.factories import make_principal

LONG = {"args": {f"n{number}": "x" for number in range(1000)}, "template": "t"}
SHELL = {"template": "t", "args": {"a": "hidden"}}
HIDDEN_LONG = {**LONG, "args": dict.fromkeys(LONG["args"], "hidden")}


def digest(document: dict[str, Any]) -> dict[str, Any]:
    written = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return {"sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written)}


@pytest.mark.parametrize(
    ("kind", "params", "kept"),
    [
        ("force_sync", {}, {}),
        ("reboot_os", {"delaySeconds": 5}, {"delaySeconds": 5}),
        ("exec_shell", {"template": "t", "args": {"a": "1"}}, SHELL),
        ("exec_shell", LONG, digest(HIDDEN_LONG)),
        (
            "custom.calibrate",
            {"name": "calibrate", "args": {"axis": "x", "n": 5}},
            {"name": "calibrate", "args": {"axis": "hidden", "n": "hidden"}},
        ),
        (
            "push_config",
            {"patch": {"a": 1}, "expectVersion": 3},
            {"patch": digest({"a": 1}), "expectVersion": 3},
        ),
    ],
)  # fmt: skip
def test_the_audit_keeps_what_was_asked_for_without_secrets_and_bounded(
    kind: str, params: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert evidence_of(kind, params) == kept


@pytest.mark.parametrize("letter", ["x", "\U0001f4a7", "\x01"])
def test_the_longest_reason_is_kept(letter: str) -> None:
    params = params_of(DisableDevice(reason=letter * 1024))
    assert evidence_of("disable_device", params) == params
    assert len(msgspec.json.encode(params)) <= MOST_BYTES


def test_what_was_refused_is_a_row_for_each_target() -> None:
    by = make_principal("VIEWER")
    one, two = refused_entries(by, "command.reboot_os", ["edge-1", "edge-2"])
    assert (one.target, two.target) == ("edge-1", "edge-2")
    assert (one.action, one.outcome) == ("command.reboot_os", "refused")
    (nobody,) = refused_entries(by, "command.reboot_os", [])
    assert nobody.target is None
