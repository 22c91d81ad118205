"""`longline firmware`: what it makes and what it refuses; uploads are in tests/acceptance/."""

import base64
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from device.update.signatures import fits
from longline import artifact, firmware, hub_token
from longline.errors import UserError


def test_an_artifact_is_the_agent_and_says_its_version(tmp_path: Path) -> None:
    one, other = tmp_path / "one.tar.gz", tmp_path / "other.tar.gz"
    firmware.build(one, version="2.0")
    firmware.build(other, version="2.0")

    assert one.read_bytes() == other.read_bytes()
    assert artifact.version_of(one) == "2.0"
    with tarfile.open(one) as archive:
        names = archive.getnames()
    assert {"release.json", "__main__.py", "device/agent.py", "longline/cli.py"} <= set(names)
    assert not [name for name in names if name.startswith(("hub/", "tests/"))]


def test_what_is_no_artifact_has_no_version(tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk")

    assert artifact.version_of(junk) is None
    assert artifact.version_of(tmp_path / "missing") is None


def test_a_key_signs_what_its_public_part_verifies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, file = tmp_path / "key.pem", tmp_path / "file"
    for content in (b"content", b""):
        file.write_bytes(content)
        key.unlink(missing_ok=True)
        firmware.keygen(key)
        public = capsys.readouterr().out.strip()
        firmware.sign(file, key=key)
        signature = base64.b64decode(capsys.readouterr().out)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(signature, content)
        assert fits(file, public, signature)
        assert not fits(file, public, signature[::-1])
        assert not fits(file, "AAAA", signature)
    assert key.stat().st_mode & 0o777 == 0o600


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hub_token.TOKEN_VARIABLE, raising=False)
    key, file, junk = tmp_path / "key.pem", tmp_path / "file", tmp_path / "junk"
    firmware.keygen(key)
    file.write_bytes(b"content")
    junk.write_bytes(b"junk")
    for mistake, said in (
        (lambda: firmware.keygen(key), "cannot write"),
        (lambda: firmware.sign(file, key=junk), "no Ed25519 private key"),
        (lambda: firmware.sign(tmp_path / "missing", key=key), "cannot read"),
        (lambda: firmware.build(tmp_path / "no" / "x", version="1"), "cannot write"),
        (lambda: firmware.upload(file, hub="hub:80"), "URL of a hub"),
        (lambda: firmware.upload(file, hub="http://127.0.0.1:9"), "no token"),
        (
            lambda: firmware.upload(file, hub="http://127.0.0.1:9", token_file=junk),
            "names no version",
        ),
        (
            lambda: firmware.upload(
                file, hub="http://127.0.0.1:9", token_file=junk, version="1", key=key
            ),
            "no upload",
        ),
        (
            lambda: firmware.upload(file, hub="https://h", token_file=tmp_path / "missing"),
            "cannot read",
        ),
        (
            lambda: firmware.upload(tmp_path / "missing", hub="https://h", token_file=junk),
            "cannot read",
        ),
    ):
        with pytest.raises(UserError, match=said):
            mistake()
