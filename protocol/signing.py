"""Commands that a person signs outside the hub: the bytes that are signed, and the signature as it
travels beside a command. Pure.

The signature carries what it is about and the command's frame does not show: the parameters as they
were signed (a frame has defaults filled in) and `notAfter`, as text. Who signed is decided in
`protocol.trusted_keys`.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, cast

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, field

from protocol.canonical import canonical_json
from protocol.commands import PARAMS, Command
from protocol.ids import CommandId, CommandIdField, DeviceId, OrgId

NAMESPACE: Final = "longline-command-v1"
"""The first line of what is signed, and the namespace of an SSHSIG."""
LONGEST_SECONDS: Final = 86_400
"""How far ahead `notAfter` may be."""
MOST_INTEGER: Final = 2**53 - 1
"""Beyond it two integers are one double, which is what canonical JSON writes."""
BAD_SIGNATURE: Final = "bad_signature"

Base64Url = Annotated[str, Meta(max_length=8192, pattern=r"^[A-Za-z0-9_-]*={0,2}$(?!\n)")]
KeyId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)",
        description="SHA-256 of the public key's bytes, in base64url without padding.",
    ),
]
NotAfter = Annotated[str, Meta(max_length=64, description="RFC 3339; at most 24 h ahead.")]


class SignatureRefused(Exception):
    """The signature is none, or not of this command, or by nobody who is trusted with it."""


class CommandSignature(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", forbid_unknown_fields=True
):
    """What every signature has. `command_id` is given in bulk calls, which have no other place for
    it."""

    key_id: KeyId
    not_after: NotAfter
    params: dict[str, Any]
    """As they were signed: without defaults, and with what stands for a secret as it is."""
    value: Base64Url
    command_id: CommandIdField | UnsetType = UNSET


class Ed25519Signature(CommandSignature, frozen=True, tag="ed25519"):
    """`value`: 64 bytes over the bytes themselves."""


class SshSignature(CommandSignature, frozen=True, tag="sshsig"):
    """`value`: what OpenSSH makes, without its armor."""


class PasskeySignature(CommandSignature, frozen=True, tag="webauthn"):
    """The answer of a passkey whose challenge was SHA-256 of the bytes."""

    authenticator_data: Base64Url
    client_data_json: Base64Url = field(name="clientDataJSON")


Signature = Ed25519Signature | SshSignature | PasskeySignature


class SignedCommand(Struct, frozen=True, kw_only=True):
    """All that is signed. `type` is that of the frame; `params` are as given."""

    org: OrgId
    device_id: DeviceId
    command_id: CommandId
    type: str
    params: dict[str, Any]
    not_after: str

    def to_bytes(self) -> bytes:
        """Raises `SignatureRefused` for what has no canonical form."""
        beyond = next(_beyond(self.params, "params"), None)
        if beyond is not None:
            raise SignatureRefused(f"{beyond}: an integer beyond 2^53 - 1 cannot be signed")
        document = {
            "org": self.org,
            "deviceId": self.device_id,
            "commandId": self.command_id,
            "type": self.type,
            "params": self.params,
            "notAfter": self.not_after,
        }
        return f"{NAMESPACE}\n".encode() + canonical_json(document)


def _beyond(value: object, path: str) -> Iterator[str]:
    """Where an integer is that no double holds."""
    match value:
        case bool():
            pass
        case int():
            if abs(value) > MOST_INTEGER:
                yield path
        case list():
            for number, each in enumerate(cast("list[object]", value)):
                yield from _beyond(each, f"{path}.{number}")
        case dict():
            for name, each in cast("dict[str, object]", value).items():
                yield from _beyond(each, f"{path}.{name}")
        case _:
            pass


_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


def moment_of(not_after: str) -> float:
    """In seconds since 1970. Raises `SignatureRefused`."""
    if _RFC_3339.fullmatch(not_after):
        try:
            return datetime.fromisoformat(not_after.upper()).timestamp()
        except (ValueError, OverflowError):
            pass
    raise SignatureRefused("notAfter is no moment of RFC 3339")


def require_timely(not_after: str, now: float, whose: str) -> None:
    """By one clock; `now` in seconds since 1970. Raises `SignatureRefused`."""
    ahead = moment_of(not_after) - now
    if ahead <= 0:
        raise SignatureRefused(f"notAfter has passed, by {whose} clock")
    if ahead > LONGEST_SECONDS:
        raise SignatureRefused(f"notAfter is more than 24 h ahead, by {whose} clock")


def command_of(kind: str, command_id: CommandId, params: dict[str, Any]) -> Command:
    """The command that was signed, defaults filled in; `kind` as in its frame. A member that is
    none of its parameters was signed for nothing. Raises `SignatureRefused`."""
    if not {"type", "id"}.isdisjoint(params):
        raise SignatureRefused("type and id are no parameters")
    try:
        return convert({**params, "type": kind, "id": command_id}, PARAMS[kind])  # pyright: ignore[reportReturnType]
    except ValidationError as error:
        raise SignatureRefused(f"the signed parameters do not validate: {error}") from None
