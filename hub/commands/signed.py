"""Commands with a signature: whether it counts, and what goes along with the command. Pure.

The hub checks early what the device decides: so a mistake is said to whoever made it. A device
trusts the keys in its own file, and neither the hub's keys nor its check.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct

from hub.base.errors import BadSignature, HubError, invalid
from protocol.commands import Command, params_of, type_of, wire_type
from protocol.ids import CommandId, DeviceId, OrgId, new_command_id
from protocol.signing import (
    Signature,
    SignatureRefused,
    SignedCommand,
    command_of,
    moment_of,
    require_timely,
)
from protocol.trusted_keys import TrustedKeys


class AttachedSignature(Struct, frozen=True):
    """`text` goes beside the command to its device. `until`: when it ends, in seconds since 1970;
    None where that cannot be read, and the command is refused."""

    text: str
    key_id: str
    until: float | None


class ShownSignature(Struct, frozen=True, rename="camel"):
    """What a record says of it: the parameters are the record's own."""

    kind: str
    key_id: str
    not_after: str


def attached(signature: Signature) -> AttachedSignature:
    bare = msgspec.structs.replace(signature, command_id=UNSET)
    try:
        until = moment_of(signature.not_after)
    except SignatureRefused:
        until = None
    return AttachedSignature(msgspec.json.encode(bare).decode(), signature.key_id, until)


_shown = msgspec.json.Decoder(ShownSignature)


def shown(text: str) -> ShownSignature:
    return _shown.decode(text)


def id_of_one(command: Command, signature: Signature | None) -> CommandId:
    """The caller's, or a new one. Whoever signs a command has made its id. Raises `Invalid`."""
    if signature is None:
        return CommandId(command.id or new_command_id())
    if not command.id:
        raise invalid("command.id", "is missing: whoever signs a command makes its id")
    if signature.command_id not in (UNSET, command.id):
        raise invalid("signature.commandId", "is another than that of the command")
    return CommandId(command.id)


def ids_of_many(
    targets: Sequence[str], signatures: Mapping[DeviceId, Signature]
) -> dict[DeviceId, CommandId]:
    """Each target has its own signature, with the id in it. Raises `Invalid`."""
    for device_id in signatures.keys() ^ set(targets):
        raise invalid(f"signatures.{device_id}", "there is one signature for each target")
    ids: dict[DeviceId, CommandId] = {}
    for device_id, signature in signatures.items():
        if not signature.command_id:
            raise invalid(f"signatures.{device_id}.commandId", "is missing")
        ids[device_id] = CommandId(signature.command_id)
    return ids


class SignatureJudge:
    """Of the signatures of one call. `now` in seconds since 1970."""

    def __init__(self, org: OrgId, command: Command, keys: TrustedKeys, now: float) -> None:
        self._org = org
        self._kind = wire_type(type_of(command))
        self._params = params_of(command)
        self._keys = keys
        self._now = now

    def fault(
        self, device_id: DeviceId, command_id: CommandId, signature: Signature
    ) -> HubError | None:
        """Why it does not count. It takes some 0.2 ms."""
        try:
            self._check(device_id, command_id, signature)
        except SignatureRefused as error:
            return BadSignature(str(error))
        return None

    def _check(self, device_id: DeviceId, command_id: CommandId, signature: Signature) -> None:
        signed = SignedCommand(
            org=self._org,
            device_id=device_id,
            command_id=command_id,
            type=self._kind,
            params=signature.params,
            not_after=signature.not_after,
        )
        if params_of(command_of(self._kind, command_id, signature.params)) != self._params:
            raise SignatureRefused("the signed parameters are others than those of the command")
        self._keys.check(signature, signed.to_bytes())
        require_timely(signature.not_after, self._now, "the hub's")
