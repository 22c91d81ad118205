"""`[signed_commands]`: what of it makes no sense."""

import tomllib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from device.base.signed_settings import SignedSettings, problem_of
from protocol.ssh_format import line_of_key
from tests.signing import Signer, make_command

ANNA = Signer()
P256 = line_of_key(generate_private_key(SECP256R1()).public_key())
PLACE = 'rp_id = "hub.example", origin = "https://hub.example"'


def settings(rest: str) -> SignedSettings:
    return msgspec.convert(tomllib.loads(f'org = "default"\n{rest}'), SignedSettings)


def problem(rest: str, *, has_update_keys: bool = True) -> str | None:
    return problem_of(settings(rest), has_update_keys=has_update_keys)


def test_as_the_page_has_it() -> None:
    found = settings(
        'require = ["reboot_os", "custom.calibrate"]\n'
        f'operators = [{{ key = "{ANNA.line} anna" }}, {{ key = "{P256}", {PLACE} }}]'
    )
    assert problem_of(found, has_update_keys=True) is None
    assert found.requires("reboot_os")
    assert found.requires("custom.calibrate")
    assert not found.requires("custom.print")
    assert not found.requires("force_sync")
    found.trusted().check(ANNA.sign(make_command()), make_command().to_bytes())


def test_all_of_the_devices_own() -> None:
    found = settings('require = ["custom"]')
    assert found.requires("custom.print")
    assert not found.requires("reboot_os")


def test_an_agent_that_a_hub_could_replace_has_no_such_table() -> None:
    assert problem_of(None, has_update_keys=False) is None
    said = problem('require = ["reboot_os"]', has_update_keys=False)
    assert said is not None
    assert "firmware.trusted_keys" in said
    assert problem('require = ["update_firmware"]', has_update_keys=False) is None


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('require = ["reboot"]', "'reboot' is no type of command"),
        ('require = ["custom.Calibrate"]', "no type of command"),
        ('operators = [{ key = "ssh-ed25519 AAAA" }]', "operators[0]: not a public key"),
        (f'operators = [{{ key = "{P256}" }}]', "is an Ed25519 key"),
        (f'operators = [{{ key = "{P256}", rp_id = "hub.example" }}]', "both rp_id and origin"),
        (f'operators = [{{ key = "{P256}", origin = "https://h" }}]', "both rp_id and origin"),
    ],
)
def test_what_makes_no_sense(rest: str, said: str) -> None:
    assert said in (problem(rest) or "")
