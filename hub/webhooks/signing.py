"""Signatures of deliveries, as Standard Webhooks 1.0 has them. Pure."""

import base64
import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


def secret_of(chance: bytes) -> str:
    return _PREFIX + base64.b64encode(chance).decode()


def signatures(secrets: Iterable[str], delivery_id: str, timestamp: int, body: bytes) -> str:
    """One for each of the secrets, as `webhook-signature` holds them. `timestamp`: seconds since
    1970."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, sha256)).decode()
