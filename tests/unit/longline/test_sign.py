"""`longline sign`: what it prints and what it refuses; that a hub and a device take it is in
tests/acceptance/hub/test_signed_end_to_end.py."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from longline import sign
from longline.errors import UserError
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.signing import Signature, SignedCommand
from protocol.trusted_keys import TrustedKey, TrustedKeys
from tests.signing import Signer

ANNA = Signer()
KEYS = TrustedKeys([TrustedKey(ANNA.public)])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_bytes(
        ANNA.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    return file


def counts(given: dict[str, Any], org: str, device: str, command: dict[str, Any]) -> None:
    signature = msgspec.convert(given, Signature)
    signed = SignedCommand(
        org=OrgId(org),
        device_id=DeviceId(device),
        command_id=CommandId(command["id"]),
        type=command["type"],
        params=signature.params,
        not_after=signature.not_after,
    )
    KEYS.check(signature, signed.to_bytes())


def test_the_body_for_one_device(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sign.command("reboot_os", ["edge-1"], key=key, params='{"delaySeconds":5}')
    body = msgspec.json.decode(capsys.readouterr().out)
    assert set(body) == {"command", "signature"}
    assert body["command"]["delaySeconds"] == 5
    counts(body["signature"], "default", "edge-1", body["command"])


def test_the_body_for_several(
    key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = tmp_path / "params.json"
    params.write_text('{"reason":"cleaning"}')
    sign.command("disable_device", ["a", "b"], key=key, params=f"@{params}", org="plant-2")
    body = msgspec.json.decode(capsys.readouterr().out)
    assert body["deviceIds"] == ["a", "b"]
    assert body["command"] == {"type": "disable_device", "reason": "cleaning"}
    for device, signature in body["signatures"].items():
        counts(signature, "plant-2", device, {**body["command"], "id": signature["commandId"]})


def test_mistakes_are_one_line(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    public, locked, junk = tmp_path / "key.pub", tmp_path / "locked", tmp_path / "junk"
    public.write_text(ANNA.line)
    junk.write_text("junk")
    closed = BestAvailableEncryption(b"secret")
    locked.write_bytes(ANNA.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    monkeypatch.setenv("LONGLINE_TOKEN", "t")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "by which key?"),
        ({"key": key, "agent_key": public}, "by which key?"),
        ({"key": tmp_path / "missing"}, "cannot read"),
        ({"key": junk}, "no Ed25519 private key"),
        ({"key": locked}, "let ssh-agent sign"),
        ({"agent_key": junk}, "no Ed25519 public key"),
        ({"agent_key": tmp_path / "missing"}, "cannot read"),
        ({"agent_key": public}, "SSH_AUTH_SOCK is not set"),
        ({"key": key, "params": "[]"}, "no JSON object"),
        ({"key": key, "params": "@/missing"}, "cannot read /missing"),
        ({"key": key, "params": '{"later":1}'}, "do not validate"),
        ({"key": key, "hub": "ftp://hub"}, "not the URL of a hub"),
        ({"key": key, "hub": "http://127.0.0.1:1"}, "no answer of a hub"),
    ]
    for options, said in wrong:
        with pytest.raises(UserError, match=said):
            sign.command("reboot_os", ["edge-1"], **options)
    with pytest.raises(UserError, match="no type of command"):
        sign.command("reboot", ["edge-1"], key=key)
    with pytest.raises(UserError, match="not a device id"):
        sign.command("reboot_os", ["-"], key=key)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    with pytest.raises(UserError, match="does not answer"):
        sign.command("reboot_os", ["edge-1"], agent_key=public)
