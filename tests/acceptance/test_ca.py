"""`longline ca` on a hub that is at work."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.certificates.making import pem
from tests.acceptance.hub.certified import Certified, certify, renew
from tests.acceptance.hub.clients import new_id, until
from tests.acceptance.hub.process import HubProcess
from tests.unit.hub.certificates.some import signed_by


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"), device_port="0")
    process.start()
    yield process
    assert process.stop() == 0


def ca(up: HubProcess, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "longline", "ca", *arguments, "--data-dir", up.folder / "data"],
        capture_output=True, text=True, check=False, env=inherited, timeout=60,
    )  # fmt: skip


def signs(up: HubProcess) -> str:
    """The id of the one that signs."""
    shown = ca(up, "show")
    assert shown.returncode == 0, shown.stderr
    (line, *_) = shown.stdout.splitlines()
    assert line.startswith("signs")
    return line.split()[1]


def issuer_of(device: Certified) -> str:
    """The id of the authority."""
    return _named(device.certificate.extensions)


def issuer_of_list(made: x509.CertificateRevocationList) -> str:
    return _named(made.extensions)


def _named(extensions: x509.Extensions) -> str:
    found = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert found.key_identifier is not None
    return found.key_identifier.hex()


def test_the_greeting_names_the_listener_of_devices(up: HubProcess) -> None:
    assert str(up.ready["deviceUrl"]) in up.log()


async def test_the_one_before_is_trusted_beside_a_new_authority(
    up: HubProcess, tmp_path: Path
) -> None:
    former = await certify(up, new_id("d"), tmp_path)
    assert ca(up, "rotate").returncode == 0
    new = signs(up)

    async def gives_by_the_new_one() -> bool:
        made = await certify(up, new_id("d"), tmp_path)
        if issuer_of(made) != new:
            return False
        async with made.line(up):
            return True

    await until(gives_by_the_new_one, seconds=10)
    async with former.line(up):
        pass  # it knows the one before only, and the listener goes by that
    renewed = await renew(up, former, tmp_path)
    assert renewed.chain.read_text() == ca(up, "show", "--pem").stdout
    async with renewed.line(up):
        pass
    async with httpx.AsyncClient(trust_env=False) as proxy:
        url = f"{up.url}/.well-known/longline.crl"
        lists = (await proxy.get(url, params={"format": "pem"})).text
        assert lists.count("BEGIN X509 CRL") == 2
        other = await proxy.get(url, params={"ca": issuer_of(former)})
        assert issuer_of_list(x509.load_der_x509_crl(other.content)) == issuer_of(former)
        assert (await proxy.get(url, params={"ca": "none"})).status_code == 404


def test_an_owners_authority_signs_once_it_is_imported(up: HubProcess, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = signed_by(key)
    certificate, private = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_text(pem(own.certificate))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    assert ca(up, "import", certificate, private).returncode == 0
    assert signs(up) == own.id


def test_what_cannot_sign_is_refused_in_one_line(up: HubProcess, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for arguments, why in (
        (("import", nothing, nothing), "holds no certificate"),
        (("import", tmp_path / "none", nothing), "cannot read"),
    ):
        found = ca(up, *arguments)
        assert found.returncode != 0
        assert why in found.stderr
        assert len(found.stderr.splitlines()) == 1
