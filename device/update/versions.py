"""The versions of the agent on disk, as `device.update.trial` decides about them.

a/ b/          the slots: unpacked artifacts
current        a link to the slot that runs; not there when it is what was installed
trial.log      what a version on trial writes to standard error
barred.json    artifacts that are taken no more
update.json    the record of the last update, which decides
unpacking/     an artifact on its way into a slot; whatever is found there is rubbish

The directory is private to the agent and its launcher. Everything that counts is flushed to disk
before the record that names it is written.
"""

import contextlib
import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

import msgspec

from device.base.files import put_in_place, write_atomically
from device.update.artifact import (
    ENTRY,
    MANIFEST,
    MOST_MANIFEST,
    Manifest,
    UnpackLimits,
    UpdateRefused,
    check_manifest,
)
from device.update.bars import Bar
from device.update.own_version import HOME
from device.update.trial import SLOTS, Slot, UpdateRecord, ended_well, free_slot
from protocol.codec import encode
from protocol.commands import UpdateFirmware

_FOLDER_MODE: Final = 0o700
_NO_ARCHIVE: Final = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    RecursionError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
)
MOST_READ: Final = 1024 * 1024
"""Of an archive at one time."""


class Versions:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._record = root / "update.json"
        self._bars = root / "barred.json"
        self.trial_log = root / "trial.log"
        self._link = root / "current"

    # The record and the link

    def read(self) -> UpdateRecord | None:
        """The last update; None when there was none, or when it cannot be understood."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=UpdateRecord)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def write(self, record: UpdateRecord) -> None:
        """Raises `OSError`; then the one before still counts."""
        self.root.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        write_atomically(self._record, encode(record))

    def linked(self) -> Slot | None:
        """Where `current` points."""
        try:
            name = self._link.readlink().name
        except OSError:
            return None
        return next((slot for slot in SLOTS if slot == name), None)

    def link(self, slot: Slot | None) -> None:
        """Point `current` at `slot`, in one step. Raises `OSError`."""
        if slot is None:
            self._link.unlink(missing_ok=True)
            return
        beside = self._link.with_name(".current.new")
        beside.unlink(missing_ok=True)
        beside.symlink_to(slot)
        put_in_place(beside, self._link)

    # What is barred

    def bars(self) -> list[Bar]:
        """Oldest first; none when the file cannot be understood."""
        try:
            return msgspec.json.decode(self._bars.read_bytes(), type=list[Bar])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return []

    def write_bars(self, bars: list[Bar]) -> None:
        """For the agent, whoever writes it. Raises `OSError`."""
        write_atomically(self._bars, encode(bars))
        if os.geteuid() == 0:
            owner = self.root.stat()
            os.chown(self._bars, owner.st_uid, owner.st_gid)

    # The slots

    def path(self, slot: Slot) -> Path:
        return self.root / slot

    def usable(self) -> frozenset[Slot]:
        """The slots that are complete."""
        return frozenset(
            slot
            for slot in SLOTS
            if (self.path(slot) / ENTRY).is_file() and (self.path(slot) / MANIFEST).is_file()
        )

    def floor_of(self, slot: Slot) -> str | None:
        """What the version in a slot says of the versions after it."""
        content = (self.path(slot) / MANIFEST).read_bytes()
        return msgspec.json.decode(content, type=Manifest).floor

    def running(self) -> Slot | None:
        """The slot whose code this process runs; None: what was installed."""
        return next((slot for slot in SLOTS if self.path(slot).resolve() == HOME), None)

    def unpack(self, artifact: Path, update: UpdateFirmware) -> Slot:
        """Put an artifact that was verified into the slot that is free, and say which.

        Raises `UpdateRefused`, `OSError`; then no slot that counts has changed."""
        slot = free_slot(self.read(), running=self.running())
        if slot is None:
            raise UpdateRefused("update_in_progress", "another update is on trial")
        aside = self.root / "unpacking"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True, mode=_FOLDER_MODE)
        try:
            _extract(artifact, aside)
            check_manifest(update, _manifest_in(aside))
            _flush(aside)
            self._fill(slot, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return slot

    def _fill(self, slot: Slot, aside: Path) -> None:
        doomed = self.path(slot)
        if doomed.exists():
            # It loses its entry first: half a tree is never taken for a version.
            (doomed / ENTRY).unlink(missing_ok=True)
            shutil.rmtree(doomed)
        put_in_place(aside, doomed)


def note_end(root: str | None) -> None:
    """The version that runs ends in order, or for a reason that is none of its own: its next start
    follows no crash. `root` is where versions are, None without a launcher."""
    if root is None:
        return
    versions = Versions(Path(root).resolve())
    record = ended_well(versions.read(), running=versions.running())
    if record is not None:
        with contextlib.suppress(OSError):  # then it counts as a crash, of which it takes five
            versions.write(record)


def _extract(artifact: Path, folder: Path) -> None:
    """Raises `UpdateRefused` for what is no archive, holds too much, or reaches out of its
    directory."""
    unpacking = UnpackLimits(free_bytes=shutil.disk_usage(folder).free)
    members: list[tarfile.TarInfo] = []
    try:
        with (
            gzip.open(artifact) as content,
            tarfile.open(fileobj=cast("IO[bytes]", _Headers(content)), mode="r:") as archive,
        ):
            for member in archive:
                _check(member)
                unpacking.add(member.size)
                members.append(member)
            for member in members:
                _write(archive, member, folder / member.name)
    except _NO_ARCHIVE as error:
        raise UpdateRefused("bad_artifact", str(error) or type(error).__name__) from None


def _check(member: tarfile.TarInfo) -> None:
    """No links, not even inside, and no name that leads out. tarfile is not trusted with that: it
    has no filters before Python 3.11.4, and until 3.11.13 links lead past them (CVE-2024-12718,
    CVE-2025-4138, -4330, -4517). No artifact of ours has any."""
    if not member.isreg() and not member.isdir():
        raise UpdateRefused(
            "bad_artifact", f"{member.name[:200]} is neither a file nor a directory"
        )
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts:
        raise UpdateRefused("bad_artifact", f"{member.name[:200]} leads out of its directory")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    """Whatever else its header says, only its owner may write to it."""
    content = archive.extractfile(member)
    if content is None:  # a directory
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with content, place.open("wb") as file:
        shutil.copyfileobj(content, file)
    place.chmod(0o755 if member.mode & 0o100 else 0o644)


class _Headers:
    """A stream of which nobody reads much at once: the size that a header names for its own
    extension would otherwise be read into memory."""

    def __init__(self, content: gzip.GzipFile) -> None:
        self._content = content
        self.seek = content.seek
        self.tell = content.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MOST_READ:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._content.read(size)


def _manifest_in(folder: Path) -> bytes:
    manifest = folder / MANIFEST
    if not (folder / ENTRY).is_file() or not manifest.is_file():
        raise UpdateRefused("bad_artifact", f"no {ENTRY} or no {MANIFEST} in it")
    if manifest.stat().st_size > MOST_MANIFEST:
        raise UpdateRefused("bad_artifact", f"{MANIFEST} has over {MOST_MANIFEST} bytes")
    return manifest.read_bytes()


def _flush(folder: Path) -> None:
    """Every file and directory below `folder`, to disk."""
    for place, _, names in os.walk(folder):
        for path in (*(Path(place) / name for name in names), Path(place)):
            if path.is_symlink():
                continue
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
