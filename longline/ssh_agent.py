"""Signatures by ssh-agent (draft-ietf-sshm-ssh-agent), which keeps the private keys."""

import os
import socket
import struct
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from longline.errors import UserError
from protocol.ssh_format import BadSshFormat, key_blob, read_strings, ssh_string

SOCKET_VARIABLE: Final = "SSH_AUTH_SOCK"
SECONDS: Final = 120.0
"""Long enough for somebody to touch a key or to type what the agent asks for."""
_SIGN_REQUEST: Final = 13
_SIGN_RESPONSE: Final = 14
_LONGEST_ANSWER: Final = 256 * 1024


def sign(key: Ed25519PublicKey, message: bytes) -> bytes:
    """64 bytes by the private part of `key`. Raises `UserError`."""
    path = os.environ.get(SOCKET_VARIABLE)
    if not path:
        raise UserError(f"no ssh-agent: {SOCKET_VARIABLE} is not set")
    flags = struct.pack(">I", 0)
    request = bytes([_SIGN_REQUEST]) + ssh_string(key_blob(key)) + ssh_string(message) + flags
    try:
        answer = _ask(path, ssh_string(request))
    except OSError as error:
        raise UserError(f"ssh-agent does not answer: {error}") from None
    if answer[:1] != bytes([_SIGN_RESPONSE]):
        raise UserError("ssh-agent does not sign with this key: is it loaded (ssh-add -l)?")
    try:
        (signature,) = read_strings(answer[1:], 1)
        _, value = read_strings(signature, 2)
    except BadSshFormat as error:
        raise UserError(f"ssh-agent has answered with no signature: {error}") from None
    return value


def _ask(path: str, request: bytes) -> bytes:
    """Raises `OSError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        agent.settimeout(SECONDS)
        agent.connect(path)
        agent.sendall(request)
        length = int.from_bytes(_read(agent, 4))
        if length > _LONGEST_ANSWER:
            raise OSError("its answer is too long")
        return _read(agent, length)


def _read(agent: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = agent.recv(length - len(found))
        if not part:
            raise OSError("it has closed the connection")
        found += part
    return found
