"""Writes the anchor of the audit, and finds where it is."""

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from hub.audit.anchor_book import AnchorLine
from hub.base.errors import ConfigurationError

SCHEME: Final = "file:"
WRITE_SECONDS: Final = 2.0
"""Whoever drops a partition holds up the audit meanwhile."""
HANGS: Final = "the disk does not answer"


class Anchor:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing: asyncio.Future[None] | None = None

    async def write(self, lines: Sequence[AnchorLine]) -> None:
        """Append, to the disk. Raises `OSError`; `TimeoutError` is one, of a disk that hangs: until
        it has ended, nothing more is begun."""
        if self._writing is not None and not self._writing.done():
            raise TimeoutError(errno.ETIMEDOUT, HANGS)
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        self._writing = asyncio.ensure_future(asyncio.to_thread(_append, self._path, text))
        done, _ = await asyncio.wait([self._writing], timeout=WRITE_SECONDS)
        if not done:
            raise TimeoutError(errno.ETIMEDOUT, HANGS)
        self._writing.result()


def anchor_of(setting: str) -> Anchor | None:
    """Of LONGLINE_AUDIT_ANCHOR. Raises `ConfigurationError`."""
    if not setting:
        return None
    path = setting.removeprefix(SCHEME)
    if path == setting or not path:
        raise ConfigurationError(f"LONGLINE_AUDIT_ANCHOR must be file:<path>, not {setting!r}")
    return Anchor(Path(path))


def _append(path: Path, text: bytes) -> None:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(file, "r+b", buffering=0) as anchor:
        size = anchor.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        anchor.write(b"\n" + text if torn else text)
        os.fsync(file)
