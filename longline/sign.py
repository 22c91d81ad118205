"""`longline sign`: sign a command outside the hub, for devices that run it only then.

It prints the body of the request, for whoever sends it: `POST /devices/{id}/commands`, or with
several devices `POST /commands/bulk`. With `--hub` it sends it itself. The private key never leaves
its file, or ssh-agent.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from longline import ssh_agent
from longline.calling import HubCaller
from longline.errors import USAGE, UserError
from longline.hub_token import TokenFile, token_of
from longline.outward import CaFile, Insecure, way_out_to
from longline.signing import key_in
from protocol.base64url import base64url
from protocol.codec import rfc3339
from protocol.commands import PARAMS
from protocol.ids import DEFAULT_ORG, DEVICE_ID_RULE, DeviceId, OrgId, is_device_id, new_command_id
from protocol.signing import (
    NAMESPACE,
    Ed25519Signature,
    Signature,
    SignatureRefused,
    SignedCommand,
    SshSignature,
    command_of,
)
from protocol.ssh_format import BadSshFormat, key_id_of, key_of_line, sshsig, sshsig_message

Sign = Callable[[SignedCommand], Signature]
MOST_MINUTES: Final = 1430
"""Devices take 24 hours by their own clock, which may be some minutes slow."""


def command(
    type: Annotated[str, typer.Argument(help="The type of the command, as reboot_os.")],  # noqa: A002
    devices: Annotated[list[str], typer.Argument(help="The device, or several.")],
    *,
    key: Annotated[
        Path | None, typer.Option(help="Private key: a file of ssh-keygen -t ed25519, or PEM.")
    ] = None,
    agent_key: Annotated[
        Path | None, typer.Option(help="Public key (.pub): ssh-agent has the private part.")
    ] = None,
    params: Annotated[
        str, typer.Option(help="Parameters as JSON; @FILE reads a file, @- standard input.")
    ] = "{}",
    org: Annotated[str, typer.Option(help="The organisation of the devices.")] = DEFAULT_ORG,
    minutes: Annotated[
        int, typer.Option(min=1, max=MOST_MINUTES, help="How long the signature counts.")
    ] = 10,
    hub: Annotated[
        str | None, typer.Option(envvar="LONGLINE_HUB_URL", help="Send it to this hub.")
    ] = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Sign a command for a device, and print the body of the request."""
    sign = _signer(key, agent_key)
    until = rfc3339(datetime.now(UTC) + timedelta(minutes=minutes))
    commands = [_command(OrgId(org), each, type, _given(params), until) for each in devices]
    body = _body(commands, [sign(each) for each in commands])
    if hub is None:
        _print(body)
        return
    one = f"/devices/{quote(devices[0], safe='')}/commands"
    path = one if len(devices) == 1 else "/commands/bulk"
    caller = HubCaller(hub, way_out_to(hub, ca_file, insecure=insecure), token_of(token_file))
    _print(caller.post(path, body))


def _given(params: str) -> dict[str, Any]:
    try:
        text = _read(params[1:]) if params.startswith("@") else params.encode()
        return msgspec.json.decode(text, type=dict[str, Any])
    except OSError as error:
        raise UserError(f"cannot read {params[1:]}: {error.strerror}", USAGE) from None
    except msgspec.MsgspecError as error:
        raise UserError(f"the parameters are no JSON object: {error}", USAGE) from None


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _command(
    org: OrgId, device: str, kind: str, params: dict[str, Any], until: str
) -> SignedCommand:
    """Raises `UserError` for what no hub would take."""
    if not is_device_id(device):
        raise UserError(f"{device!r} is not a device id: {DEVICE_ID_RULE}", USAGE)
    if kind not in PARAMS:
        raise UserError(f"{kind!r} is no type of command: {', '.join(PARAMS)}", USAGE)
    made = SignedCommand(
        org=org,
        device_id=DeviceId(device),
        command_id=new_command_id(),
        type=kind,
        params=params,
        not_after=until,
    )
    try:
        command_of(kind, made.command_id, params)
        made.to_bytes()
    except SignatureRefused as error:
        raise UserError(str(error), USAGE) from None
    return made


def _signer(key: Path | None, agent_key: Path | None) -> Sign:
    """Raises `UserError`."""
    if (key is None) == (agent_key is None):
        raise UserError("by which key? give --key or --agent-key", USAGE)
    if key is not None:
        private = key_in(key)
        return lambda command: _by_key(private.public_key(), private.sign, command)
    public = _public_key(agent_key or Path())
    return lambda command: _by_agent(public, command)


def _public_key(file: Path) -> Ed25519PublicKey:
    try:
        key = key_of_line(file.read_text())
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None
    except (BadSshFormat, UnicodeDecodeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UserError(f"{file} is no Ed25519 public key", USAGE)
    return key


def _by_key(
    public: Ed25519PublicKey, sign: Callable[[bytes], bytes], command: SignedCommand
) -> Signature:
    return Ed25519Signature(
        key_id=key_id_of(public),
        not_after=command.not_after,
        params=command.params,
        value=base64url(sign(command.to_bytes())),
    )


def _by_agent(public: Ed25519PublicKey, command: SignedCommand) -> Signature:
    signed = ssh_agent.sign(public, sshsig_message(command.to_bytes(), NAMESPACE))
    return SshSignature(
        key_id=key_id_of(public),
        not_after=command.not_after,
        params=command.params,
        value=base64url(sshsig(public, NAMESPACE, signed)),
    )


def _body(commands: list[SignedCommand], signatures: list[Signature]) -> dict[str, Any]:
    first = commands[0]
    named = {"type": first.type, **first.params}
    if len(commands) == 1:
        named["id"] = first.command_id
        return {"command": named, "signature": signatures[0]}
    by_device = {
        command.device_id: msgspec.structs.replace(signature, command_id=command.command_id)
        for command, signature in zip(commands, signatures, strict=True)
    }
    return {"deviceIds": list(by_device), "command": named, "signatures": by_device}


def _print(found: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
