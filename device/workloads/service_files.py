"""Files of secrets and config maps: one directory a service, on tmpfs, which its container mounts.

A file is replaced by another of its name, and the directory stays: so a container that runs sees
the new one. What a change asks of the container is noted before it is made, and forgotten when it
has been done, so that no change is lost with the agent.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from device.workloads.claims import ServiceKey
from device.workloads.compose import OnChange, Signal
from device.workloads.mount_table import is_in_memory
from device.workloads.plan import FileKind, Folder
from device.workloads.reconcile import Container
from device.workloads.users import Owner

IN_MEMORY: Final = ("/run", "/dev/shm")  # noqa: S108 - tmpfs, where they are there
NAME: Final = "longline"
DUE: Final = "due.json"
_KINDS: Final[tuple[FileKind, ...]] = ("secrets", "configs")
_OURS: Final = 0o700
_THEIRS: Final = 0o755
"""Of the directories that a container sees; those above let nobody else through."""


class Due(Struct, frozen=True, kw_only=True):
    """What a change asks of a container: `started_at` is its start that has not seen it."""

    container: str
    started_at: str | None
    restart: bool = False
    signals: list[str] = []

    def is_of(self, container: Container) -> bool:
        """Whether that has not been started since."""
        return (self.container, self.started_at) == (container.id, container.started_at)


class CannotWrite(Exception):
    pass


def runtime_folder(configured: str, device: str) -> str:
    """Where the files of all services of this device lie."""
    if configured:
        return str(Path(configured, device))
    mounts = _mountinfo()
    parent = next((each for each in IN_MEMORY if is_in_memory(each, mounts)), IN_MEMORY[0])
    return str(Path(parent, NAME, device))


class ServiceFiles:
    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def write(self, key: ServiceKey, folders: Sequence[Folder], owner: Owner) -> list[OnChange]:
        """What is there becomes `folders`; what each that has changed asks for. Raises
        `CannotWrite`."""
        try:
            self._prepare(key)
            return [
                folder.on_change
                for kind in _KINDS
                for folder in self._write_kind(key, kind, folders, owner)
            ]
        except OSError as error:
            raise CannotWrite(f"files of {'/'.join(key)}: {error.strerror}") from None

    def prepare(self, key: ServiceKey) -> None:
        """The directories are there. Raises `CannotWrite`."""
        try:
            self._prepare(key)
        except OSError as error:
            raise CannotWrite(f"files of {'/'.join(key)}: {error.strerror}") from None

    def due(self, key: ServiceKey) -> Due | None:
        try:
            return msgspec.json.decode((self._of(key) / DUE).read_bytes(), type=Due)
        except (OSError, msgspec.MsgspecError):
            return None

    def note(self, key: ServiceKey, due: Due | None) -> None:
        """Raises `CannotWrite`."""
        path = self._of(key) / DUE
        try:
            if due is None:
                path.unlink(missing_ok=True)
            else:
                _put(path, msgspec.json.encode(due), 0o600, Owner(os.geteuid(), os.getegid()))
        except OSError as error:
            raise CannotWrite(f"files of {'/'.join(key)}: {error.strerror}") from None

    def differs(self, key: ServiceKey, folders: Sequence[Folder]) -> list[OnChange]:
        """What the folders that would be changed ask for; what only goes, or is shown to others,
        asks for nothing."""
        root, names = self._of(key), {(each.kind, each.name) for each in folders}
        found: list[OnChange] = []
        for each in folders:
            path = root / each.kind / each.name
            if _contents(path) != each.files:
                found.append(each.on_change)
            elif _modes(path) - {each.mode}:
                found.append("none")
        there = {(kind, path.name) for kind in _KINDS for path in (root / kind).glob("*")}
        return [*found, "none"] if there - names else found

    def forget(self, wanted: set[ServiceKey]) -> None:
        """Files of services that are no more."""
        for path in self._folder.glob("*/*"):
            if ServiceKey(path.parent.name, path.name) not in wanted:
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _of(self, key: ServiceKey) -> Path:
        return self._folder / key.application / key.service

    def _prepare(self, key: ServiceKey) -> None:
        """Raises `OSError`, `CannotWrite`."""
        of = self._of(key)
        _require_trusted(self._folder.parent)
        for path in (self._folder, of.parent, of):
            _make(path, _OURS)
        if not is_in_memory(str(self._folder.resolve()), _mountinfo()):
            raise CannotWrite(f"{self._folder} is on no tmpfs: set workloads.runtime_dir")
        for kind in _KINDS:
            _make(of / kind, _THEIRS)

    def _write_kind(
        self, key: ServiceKey, kind: FileKind, folders: Sequence[Folder], owner: Owner
    ) -> list[Folder]:
        root = self._of(key) / kind
        wanted = {each.name: each for each in folders if each.kind == kind}
        changed = [each for each in wanted.values() if _write_folder(root, each, owner)]
        for path in root.iterdir():
            if path.name not in wanted:
                shutil.rmtree(path)
        return changed


def _write_folder(root: Path, folder: Folder, owner: Owner) -> bool:
    """Whether something in it has changed."""
    path = root / folder.name
    of = Owner(
        owner.uid if folder.uid is None else folder.uid,
        owner.gid if folder.gid is None else folder.gid,
    )
    before = _contents(path)
    _make(path, _THEIRS)
    for name, content in folder.files.items():
        if before.get(name) != content or not _is_as(path / name, folder.mode, of):
            _put(path / name, content, folder.mode, of)
    for name in before.keys() - folder.files.keys():
        (path / name).unlink()
    return before != folder.files


def _contents(path: Path) -> Mapping[str, bytes]:
    with contextlib.suppress(FileNotFoundError):
        return {
            each.name: each.read_bytes() for each in path.iterdir() if not each.name.startswith(".")
        }
    return {}


def _modes(path: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in path.glob("[!.]*")}


def _is_as(path: Path, mode: int, owner: Owner) -> bool:
    found = path.stat()
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, *owner)


def _put(path: Path, content: bytes, mode: int, owner: Owner) -> None:
    """Whole, whoever reads it: written beside, then renamed."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
    beside.replace(path)


def _make(path: Path, mode: int) -> None:
    """A directory of our own. Raises `OSError`, `CannotWrite`."""
    path.mkdir(mode=mode, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise CannotWrite(f"{path} belongs to somebody else")
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)


def _require_trusted(parent: Path) -> None:
    """Nobody else may put another directory in the place of ours. Raises `OSError`,
    `CannotWrite`."""
    parent.mkdir(mode=_OURS, parents=True, exist_ok=True)
    if parent.stat().st_uid not in (0, os.geteuid()):
        raise CannotWrite(f"{parent} belongs to somebody else")


def _mountinfo() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text()
    except OSError:
        return ""


def asked(changes: Sequence[OnChange]) -> tuple[bool, list[str]]:
    """Whether a restart is, and which signals are, asked for: a restart says it all."""
    if "restart" in changes:
        return True, []
    return False, sorted({each.signal for each in changes if isinstance(each, Signal)})
