"""What is signed of a command, byte by byte. The vectors are the console's as well."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from protocol.commands import Custom, RebootOs
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.signing import (
    SignatureRefused,
    SignedCommand,
    command_of,
    moment_of,
    require_timely,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "signed_commands.json").read_text()
)
NOON = 1_764_417_600.0  # 2025-11-29T12:00:00Z


def command(**fields: Any) -> SignedCommand:
    return SignedCommand(
        org=OrgId(fields.pop("org", "default")),
        device_id=DeviceId(fields.pop("deviceId", "edge-1")),
        command_id=CommandId(fields.pop("commandId", "c1")),
        type=fields.pop("type", "reboot_os"),
        params=fields.pop("params", {}),
        not_after=fields.pop("notAfter", "2025-11-29T12:00:00Z"),
        **fields,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_the_bytes_that_are_signed(vector: dict[str, Any]) -> None:
    found = command(**vector["command"]).to_bytes()
    assert found == vector["bytes"].encode()
    assert hashlib.sha256(found).hexdigest() == vector["sha256"]


def test_parameters_are_taken_as_they_are_given() -> None:
    bare, filled = command().to_bytes(), command(params={"delaySeconds": 0}).to_bytes()
    assert bare != filled
    secret = command(type="exec_shell", params={"args": {"a": {"$secret": "wifi"}}})
    assert b'{"$secret":"wifi"}' in secret.to_bytes()


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63])
def test_an_integer_that_no_double_holds_is_not_signed(number: int) -> None:
    with pytest.raises(SignatureRefused, match=r"params\.patch\.0\.big"):
        command(params={"patch": [{"big": number}]}).to_bytes()


@pytest.mark.parametrize("number", [2**53 - 1, 1 - 2**53, True, 1e300, 0.5])
def test_what_a_double_holds_is(number: float) -> None:
    assert command(params={"patch": [{"n": number}]}).to_bytes()


@pytest.mark.parametrize(
    "text",
    ["2025-11-29T12:00:00Z", "2025-11-29t12:00:00.000z", "2025-11-29T13:00:00.0000001+01:00"],
)
def test_moments_of_rfc_3339(text: str) -> None:
    assert moment_of(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-11-29",
        "2025-11-29T12:00:00",
        "2025-W48-6T12:00:00Z",
        "2025-13-29T12:00:00Z",
        "2025-11-29 12:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2025-11-29T12:00:00Z\n",
        "٢٠٢٥-11-29T12:00:00Z",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(SignatureRefused):
        require_timely(text, NOON, "the hub's")


def test_from_now_until_a_day_ahead() -> None:
    text = "2025-11-29T12:00:00Z"
    require_timely(text, NOON - 86_400, "the hub's")
    require_timely(text, NOON - 0.001, "the hub's")
    with pytest.raises(SignatureRefused, match="has passed, by this device's clock"):
        require_timely(text, NOON, "this device's")
    with pytest.raises(SignatureRefused, match="more than 24 h ahead"):
        require_timely(text, NOON - 86_401, "the hub's")


def test_the_command_that_was_signed() -> None:
    c1 = CommandId("c1")
    assert command_of("reboot_os", c1, {}) == RebootOs(id=c1)
    assert command_of("reboot_os", c1, {"delaySeconds": 5}) == RebootOs(id=c1, delay_seconds=5)
    own = command_of("custom", c1, {"name": "calibrate", "args": {"axis": "x"}})
    assert own == Custom(id=c1, name="calibrate", args={"axis": "x"})


@pytest.mark.parametrize(
    "params", [{"later": 1}, {"delaySeconds": -1}, {"type": "reboot_os"}, {"id": "c2"}]
)
def test_what_is_no_command(params: dict[str, Any]) -> None:
    with pytest.raises(SignatureRefused):
        command_of("reboot_os", CommandId("c1"), params)
