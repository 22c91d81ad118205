"""What to do about a firmware artifact: fetch it or not, from where on, and is it right.

The artifact is fetched into `<name>.part` in the staging directory, and counts only after size,
SHA-256 and, when the device has keys to trust, the signature fit. A part left by an interrupted
download is continued with `Range`; if the hub answers with the whole file, it is begun again.

An artifact of this agent is a gzipped tar of a directory that Python can run: `__main__.py`, the
packages, and `release.json`, which says what it is and which version. What is not of this product,
is another version than announced, or is older than what runs (unless the command allows it) is
refused. What becomes of it after that is `device.update.trial`'s business.
"""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct

from protocol.answers import PAGES, WEB_PAGE, media_of
from protocol.codec import decode
from protocol.commands import AGENT_TYPE, UpdateFirmware
from protocol.errors import InvalidMessage
from protocol.versions import is_downgrade

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+-]")
_UNSAFE_NAME: Final = re.compile(r"[^A-Za-z0-9._ +()@=-]")
SPARE_BYTES: Final = 16 * 1024 * 1024
"""To be left on the disk after the download."""
PRODUCT: Final = "longline-device"
MANIFEST: Final = "release.json"
ENTRY: Final = "__main__.py"
MOST_FILES: Final = 20_000
MOST_UNPACKED: Final = 2 * 1024**3
MOST_MANIFEST: Final = 64 * 1024
_LATER: Final = frozenset({407, 408, 429, 500, 502, 503, 504, 511})


class UpdateRefused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Manifest(Struct, frozen=True, kw_only=True):
    """`release.json` in an artifact."""

    product: str
    version: str
    floor: str | None = None
    """The device shall never again take a version of its agent below this one."""


_manifest: Final = msgspec.json.Decoder(Manifest)


class StagedArtifact(Struct, frozen=True, kw_only=True, rename="camel"):
    """`staged.json` beside the artifact, for whatever else takes it into use."""

    version: str
    release_id: str
    path: str
    sha256: str
    size: int
    signature_base64: str | None = None
    type: str = AGENT_TYPE


def staged_name(version: str) -> str:
    """A file name for `version`, whatever it contains; never hidden, never a path."""
    return f"{PRODUCT}-" + _UNSAFE.sub("_", version)


STAGED: Final = "staged.json"


def staged_place(software: str, version: str, filename: str) -> str:
    """Where software that is no agent is staged, below the staging directory. What the hub names
    is never a path of its own, hidden, or the note that lies beside it."""
    name = _plain(filename)
    return f"{_plain(software)}/{_plain(version)}/{'artifact' if name == STAGED else name}"


def _plain(name: str) -> str:
    return _UNSAFE_NAME.sub("_", name).lstrip(".") or "_"


def part_name(sha256: str) -> str:
    """Of an artifact on its way: what comes later under the same name is never taken for its
    rest."""
    return f".part-{sha256}"


def check_version(update: UpdateFirmware, *, present: str) -> None:
    """Raise `UpdateRefused` for a version older than `present`, unless that is wanted."""
    older = is_downgrade(present=present, wanted=update.version)
    if older and update.allow_downgrade is not True:
        raise UpdateRefused("downgrade", f"{update.version} is older than {present}")


def resume_at(update: UpdateFirmware, *, part_size: int, free_bytes: int, most_bytes: int) -> int:
    """The offset from which to fetch. Raises `UpdateRefused` when it cannot fit."""
    if update.size > most_bytes:
        raise UpdateRefused(
            "too_large", f"{update.size} bytes; this device accepts at most {most_bytes}"
        )
    offset = part_size if part_size < update.size else 0
    if update.size - offset + SPARE_BYTES > free_bytes:
        raise UpdateRefused("disk_full", f"not enough room for {update.size} bytes")
    return offset


def doubt_of_answer(status: int, media: str | None) -> str | None:
    """Why the answer to a request for an artifact is none of the hub's, or one to ask for again
    later; None when it is worth reading. `media` is its `Content-Type`."""
    if status in _LATER or 300 <= status < 400:
        return f"the hub answered {status}"
    return WEB_PAGE if media_of(media) in PAGES else None


def accepted_offset(asked: int, *, status: int) -> int:
    """Where the answer's body begins. Raises `UpdateRefused` for anything but 200 and 206."""
    if status == 206 and asked:
        return asked
    if status == 200:
        return 0
    raise UpdateRefused("download_failed", f"the hub answered {status}")


def verify(update: UpdateFirmware, *, size: int, sha256: str) -> None:
    """Raise `UpdateRefused` when what was fetched is not what was announced."""
    if size != update.size:
        raise UpdateRefused("size_mismatch", f"{size} bytes instead of {update.size}")
    if sha256 != update.sha256:
        raise UpdateRefused("sha256_mismatch", f"SHA-256 is {sha256}")


def check_keys(keys: Sequence[str], *, unsigned: bool) -> None:
    """Raise `UpdateRefused` when nothing could ever tell who made what is to be installed, and
    that is not said to be well."""
    if not keys and not unsigned:
        raise UpdateRefused(
            "no_trusted_key",
            "this device installs nothing of this type without firmware.trusted_keys",
        )


def verify_signature(
    update: UpdateFirmware,
    keys: Sequence[str],
    fits: Callable[[str, bytes], bool],
    *,
    unsigned: bool = False,
) -> None:
    """Raise `UpdateRefused` unless one of `keys` signed the artifact; without keys all is well, and
    with `unsigned` an artifact without a signature. `fits(key, signature)` looks at the artifact
    itself."""
    if not keys or (unsigned and update.signature_base64 is UNSET):
        return
    if update.signature_base64 is UNSET:
        raise UpdateRefused("signature_missing", "this device accepts only signed artifacts")
    try:
        signature = base64.b64decode(update.signature_base64, validate=True)
    except ValueError:
        signature = b""
    if not any(fits(key, signature) for key in keys):
        raise UpdateRefused("signature_mismatch", "the signature matches no trusted key")


class UnpackLimits:
    """How much an artifact may hold, asked of each of its members before anything is made of it:
    a small archive can be endless."""

    def __init__(self, *, free_bytes: int) -> None:
        self._room = free_bytes - SPARE_BYTES
        self._files = 0
        self._bytes = 0

    def add(self, size: int) -> None:
        """One more, of so many bytes. Raises `UpdateRefused`."""
        self._files += 1
        self._bytes += size
        if self._files > MOST_FILES:
            raise UpdateRefused("bad_artifact", f"over {MOST_FILES} files")
        if self._bytes > MOST_UNPACKED:
            raise UpdateRefused("bad_artifact", f"over {MOST_UNPACKED} bytes unpacked")
        if self._bytes > self._room:
            raise UpdateRefused("disk_full", f"not enough room for {self._bytes} bytes")


def check_manifest(update: UpdateFirmware, raw: bytes) -> None:
    """Raise `UpdateRefused` unless an artifact is what the command says."""
    try:
        manifest = decode(_manifest, raw)
    except InvalidMessage:
        raise UpdateRefused("bad_artifact", f"{MANIFEST} does not say what it is") from None
    if manifest.product != PRODUCT:
        raise UpdateRefused("other_product", f"it is {manifest.product}, not {PRODUCT}")
    if manifest.version != update.version:
        raise UpdateRefused("version_mismatch", f"it is version {manifest.version}")
    if manifest.floor is not None and is_downgrade(present=manifest.floor, wanted=update.version):
        raise UpdateRefused("bad_artifact", f"its floor {manifest.floor} is above itself")
