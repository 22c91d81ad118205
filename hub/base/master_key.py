"""Envelope encryption: each value under a key of its own, and that key under the master key.

A stored value is text. `plain.<value>` lies open, for want of a master key.
`sealed.<id>.<key>.<value>` names the master key, and holds both parts in base64url: each is
AES-256-GCM, as 12 random bytes, ciphertext and tag (NIST SP 800-38D). Associated data is the place
(whose value it is), so that what is copied into another row does not open. A new master key wraps
the small key anew; the value stays.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PLAIN: Final = "plain."
_SEALED: Final = "sealed."
_STANDARD_ALPHABET: Final = str.maketrans("+/", "-_")

KeyId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Place = tuple[str, ...]
"""Whose value it is: the kind, then the ids of the row."""
Random = Callable[[int], bytes]


class BadKeyFile(ValueError):
    """The message says in which line, and nothing of what stands there."""


class KeyMissing(Exception):
    """It was sealed under a master key that is not in the file; the argument is its id."""


class NotOpened(Exception):
    """Another key of the same id, or the value is not what was stored in this place."""


class MasterKey(Struct, frozen=True):
    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"


class _Line(Struct, forbid_unknown_fields=True):
    id: KeyId
    key: str


_DECODE_LINE: Final = msgspec.json.Decoder(_Line).decode


class Keyring(Struct, frozen=True):
    """The newest first; at least one."""

    keys: tuple[MasterKey, ...]

    @property
    def newest(self) -> MasterKey:
        return self.keys[0]

    @property
    def ids(self) -> list[str]:
        return [key.id for key in self.keys]

    def get(self, key_id: str) -> MasterKey:
        """Raises `KeyMissing`."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise KeyMissing(key_id)


def parse(text: str) -> Keyring:
    """Lines of `{"id","key"}`; `key` is base64 of 32 bytes, in either alphabet. Raises
    `BadKeyFile`."""
    found = tuple(_key_of(number, line) for number, line in _lines(text))
    if not found:
        raise BadKeyFile("it holds no key")
    if len({key.id for key in found}) < len(found):
        raise BadKeyFile("two of its keys have the same id")
    return Keyring(found)


def new_line(random: Random) -> str:
    """A line with a new key. The id only has to differ from those before it."""
    line = {"id": random(8).hex(), "key": _text(random(KEY_BYTES))}
    return msgspec.json.encode(line).decode()


def plain(value: str) -> str:
    return _PLAIN + value


def key_of(stored: str) -> str | None:
    """The id of the master key that it lies under; None for what lies open. Raises `NotOpened`."""
    return None if stored.startswith(_PLAIN) else _parts(stored)[0]


def under(key_id: str) -> str:
    """How all that lies under it begins."""
    return f"{_SEALED}{key_id}."


def seal(ring: Keyring, place: Place, value: str, random: Random) -> str:
    small = random(KEY_BYTES)
    body = _encrypted(small, place, "value", value.encode("utf-8", "surrogatepass"), random)
    return _joined(ring.newest, place, small, body, random)


def open_sealed(ring: Keyring, place: Place, stored: str) -> str:
    """Also what lies open. Raises `KeyMissing`, `NotOpened`."""
    if stored.startswith(_PLAIN):
        return stored.removeprefix(_PLAIN)
    key_id, wrapped, body = _parts(stored)
    small = _decrypted(ring.get(key_id).key, place, "key", wrapped)
    return _decrypted(small, place, "value", body).decode("utf-8", "surrogatepass")


def wrapped_anew(ring: Keyring, place: Place, stored: str, random: Random) -> str:
    """The same value under the newest master key. Raises `KeyMissing`, `NotOpened`."""
    if stored.startswith(_PLAIN):
        return seal(ring, place, stored.removeprefix(_PLAIN), random)
    key_id, wrapped, body = _parts(stored)
    small = _decrypted(ring.get(key_id).key, place, "key", wrapped)
    return _joined(ring.newest, place, small, body, random)


def _joined(master: MasterKey, place: Place, small: bytes, body: bytes, random: Random) -> str:
    wrapped = _encrypted(master.key, place, "key", small, random)
    return f"{under(master.id)}{_text(wrapped)}.{_text(body)}"


def _parts(stored: str) -> tuple[str, bytes, bytes]:
    found = re.fullmatch(r"sealed\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", stored)
    if found is None:
        raise NotOpened("it is not what this program stores")
    return found[1], _bytes(found[2]), _bytes(found[3])


def _encrypted(key: bytes, place: Place, part: str, value: bytes, random: Random) -> bytes:
    nonce = random(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, _associated(place, part))


def _decrypted(key: bytes, place: Place, part: str, sealed: bytes) -> bytes:
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, rest, _associated(place, part))
    except (InvalidTag, ValueError):
        raise NotOpened("it does not open in this place") from None


def _associated(place: Place, part: str) -> bytes:
    return msgspec.json.encode((part, *place))


def _lines(text: str) -> Iterable[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), start=1)
    return ((number, line) for number, line in numbered if line.strip())


def _key_of(number: int, line: str) -> MasterKey:
    """Errors of the decoder are not shown: they may quote the line."""
    try:
        found = _DECODE_LINE(line)
        key = _bytes(found.key.rstrip("=").translate(_STANDARD_ALPHABET))
    except (msgspec.MsgspecError, UnicodeError, NotOpened):
        key = b""
    else:
        if len(key) == KEY_BYTES:
            return MasterKey(found.id, key)
    raise BadKeyFile(f'line {number} is not {{"id", "key"}} with a key of 32 bytes in base64')


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotOpened("it is not base64") from None
