"""What is kept of a secret, and what is told of it. Pure."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from hub.base.errors import TooLarge, invalid
from protocol.ids import OrgId
from protocol.secret_values import SECRET_KEY

MOST_BYTES: Final = 64 * 1024
"""Of all names and values of a secret."""
_KEY: Final = re.compile(SECRET_KEY)


class SecretRow(Struct, frozen=True, kw_only=True):
    """Without its values."""

    org: OrgId
    name: str
    version: int
    keys: list[str]
    hash: str
    created_at: datetime
    created_by: str
    updated_at: datetime


class SecretVersion(NamedTuple):
    org: OrgId
    name: str
    version: int


class SecretContent(Struct, frozen=True):
    """What lies sealed. Each version has a salt of its own."""

    salt: str
    data: dict[str, str]

    def __repr__(self) -> str:
        return "SecretContent()"

    @property
    def hash(self) -> str:
        """Of one version: another when values are replaced. Nothing can be guessed by it."""
        text = msgspec.json.encode([self.salt, self.data], order="deterministic")
        return hashlib.sha256(text).hexdigest()


def check(data: Mapping[str, str]) -> None:
    """Raises `Invalid`, `TooLarge`."""
    if not data:
        raise invalid("data", "holds no value")
    for key in data:
        if _KEY.fullmatch(key) is None:
            raise invalid("data", f"names are 1 to 128 letters, digits, '.', '_' or '-': {key!r}")
    if sum(len(key) + len(value.encode()) for key, value in data.items()) > MOST_BYTES:
        raise TooLarge(f"data: over {MOST_BYTES} bytes")


def is_there(reference: str, keys: Mapping[str, list[str]]) -> bool:
    """Whether a reference names one value, of secrets and their keys; a name alone does for a
    secret of one key."""
    name, slash, key = reference.partition("/")
    found = keys.get(name)
    if found is None:
        return False
    return key in found if slash else len(found) == 1


def value_of(reference: str, contents: Mapping[str, SecretContent]) -> str | None:
    """None where `is_there` would say no."""
    name, slash, key = reference.partition("/")
    content = contents.get(name)
    if content is None:
        return None
    if slash:
        return content.data.get(key)
    return next(iter(content.data.values())) if len(content.data) == 1 else None
