"""`[signed_commands]` of the agent's own file: which commands run only when a person has signed
them, and who may. Nothing that comes from the hub changes it. Pure.
"""

import re
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct

from protocol.commands import COMMANDS, CUSTOM, OWN_NAME, UpdateFirmware, is_own, own_type
from protocol.ids import OrgIdField
from protocol.ssh_format import BadSshFormat, PersonKey, key_of_line
from protocol.trusted_keys import PasskeyPlace, TrustedKey, TrustedKeys

UPDATE: Final = str(UpdateFirmware.__struct_config__.tag)
_OWN: Final = re.compile(re.escape(own_type("")) + OWN_NAME)


class SignedPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class OperatorSettings(SignedPart, frozen=True):
    """Somebody who may sign."""

    key: str
    """A public key as OpenSSH writes it: `ssh-ed25519 …`."""
    rp_id: str | None = None
    """Of a passkey: the name that it is bound to."""
    origin: str | None = None
    """Of a passkey: the page that may ask it, as `https://hub.example`."""


class SignedSettings(SignedPart, frozen=True):
    org: OrgIdField
    """The organisation that the device is in: a signature for another is none."""
    require: Annotated[tuple[str, ...], Meta(max_length=64)] = ()
    """Types of commands: of the device's own `custom.<name>`, or `custom` for all of them."""
    operators: Annotated[tuple[OperatorSettings, ...], Meta(max_length=64)] = ()

    def requires(self, kind: str) -> bool:
        """`kind` as records have it."""
        return kind in self.require or (is_own(kind) and CUSTOM.name in self.require)

    def trusted(self) -> TrustedKeys:
        """Of settings in which `problem_of` finds nothing."""
        return TrustedKeys([_trusted(each) for each in self.operators])


def problem_of(signed: SignedSettings | None, *, has_update_keys: bool) -> str | None:
    """Why the settings make no sense; None when they do."""
    if signed is None:
        return None
    for kind in signed.require:
        if kind not in COMMANDS and kind != CUSTOM.name and not _OWN.fullmatch(kind):
            return f"signed_commands.require: {kind!r} is no type of command"
    for number, operator in enumerate(signed.operators):
        problem = _problem(operator)
        if problem is not None:
            return f"signed_commands.operators[{number}]: {problem}"
    if not has_update_keys and UPDATE not in signed.require:
        return (
            "signed_commands: a hub could bring another agent that knows no such table: set "
            f"firmware.trusted_keys, or name {UPDATE} in require"
        )
    return None


def _problem(operator: OperatorSettings) -> str | None:
    if (operator.rp_id is None) != (operator.origin is None):
        return "a passkey has both rp_id and origin, another key neither"
    try:
        key = key_of_line(operator.key)
    except BadSshFormat as error:
        return str(error)
    if operator.rp_id is None and not isinstance(key, Ed25519PublicKey):
        return "a key that is in no passkey is an Ed25519 key"
    return None


def _trusted(operator: OperatorSettings) -> TrustedKey:
    key: PersonKey = key_of_line(operator.key)
    if operator.rp_id is None or operator.origin is None:
        return TrustedKey(key)
    return TrustedKey(key, PasskeyPlace(operator.rp_id, {operator.origin}))
