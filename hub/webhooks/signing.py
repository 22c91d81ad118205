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


def is_secret(text: str) -> bool:
    """Whether somebody else has made it as the standard says: of 24 to 64 bytes."""
    try:
        return text.startswith(_PREFIX) and 24 <= len(_key(text)) <= 64
    except ValueError:
        return False


def signatures(secrets: Iterable[str], delivery_id: str, timestamp: int, body: bytes) -> str:
    """One for each of the secrets, as `webhook-signature` holds them. `timestamp`: seconds since
    1970."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def _signature(secret: str, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(_key(secret), signed, sha256)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
