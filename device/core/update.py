"""What to do about a firmware artifact: fetch it or not, from where on, and is it right.

The artifact is fetched into `<name>.part` in the staging directory, and gets its name only after
size and SHA-256 fit. A part left by an interrupted download is continued with `Range`; if the hub
answers with the whole file, it is begun again. Staging is all that happens here: taking it into use
is the supervisor's work at the next start.
"""

import re
from typing import Final

from msgspec import Struct

from protocol.commands import UpdateFirmware

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+-]")
SPARE_BYTES: Final = 16 * 1024 * 1024
"""To be left on the disk after the download."""


class UpdateRefused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Staged(Struct, frozen=True, kw_only=True, rename="camel"):
    """`staged.json` beside the artifact, for the supervisor that takes it into use."""

    version: str
    release_id: str
    path: str
    sha256: str
    size: int
    signature_base64: str | None = None


def staged_name(version: str) -> str:
    """A file name for `version`, whatever it contains; never hidden, never a path."""
    return "longline-device-" + _UNSAFE.sub("_", version)


def resume_at(update: UpdateFirmware, *, part_size: int, free_bytes: int, most_bytes: int) -> int:
    """The offset from which to fetch. Raises `UpdateRefused` when it cannot fit."""
    if update.size > most_bytes:
        raise UpdateRefused("too_large", f"{update.size} bytes; this device takes {most_bytes}")
    offset = part_size if part_size < update.size else 0
    if update.size - offset + SPARE_BYTES > free_bytes:
        raise UpdateRefused("disk_full", f"not enough room for {update.size} bytes")
    return offset


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
