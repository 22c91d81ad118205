"""The software of this device beside its agent: what is installed, and what proves it.

What a proof says is kept, because a program that reports its version may not run yet at the next
start of the agent; files and programs are asked again then. So an installation that the end of the
agent cut off is told by what there is, whatever became of its command.
"""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct, structs

from device import process
from device.base.database import Database, get_meta, set_meta
from device.base.errors import JournalUnavailable
from device.base.installers import Installers, InstallerSettings
from device.base.text import decode
from device.update.floors import Floor, Floors, raised, taken_up

_log = structlog.stdlib.get_logger()

LOOK_SECONDS: Final = 10.0
"""How long proofs may hold up the first line of an agent."""
AGAIN_SECONDS: Final = 0.5
"""Between two looks at a proof that names another version."""
MOST_BYTES: Final = 4096
MOST_CHARACTERS: Final = 128
META: Final = "software"


class KeptSoftware(Struct, frozen=True, kw_only=True):
    """As it is in the agent's database."""

    floors: Floors = {}
    versions: Mapping[str, str] = {}


_kept: Final = msgspec.json.Decoder(KeptSoftware)


class ReportedVersions:
    """What local programs have said of their versions: the seam to the agent's socket."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._count = 0
        self._changed = asyncio.Event()

    def note(self, program: str, version: str) -> None:
        """A program reports itself."""
        if self._said.get(program) == version:
            return
        self._said[program] = version
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self, seen: int) -> int:
        """Until there are other versions than the first `seen`; how many there are then."""
        while self._count == seen:
            await self._changed.wait()
        return self._count

    def last(self, program: str) -> str | None:
        return self._said.get(program)

    async def wait(self, program: str, version: str) -> None:
        """Until this program reports this version; for ever if it does not."""
        while self._said.get(program) != version:
            await self._changed.wait()


class InstalledSoftware:
    def __init__(
        self, installers: Installers, floors: Mapping[str, str], *, database: Database
    ) -> None:
        """`floors` as the device's file has them. Raises `StateUnavailable`."""
        self._installers = installers
        self._database = database
        kept = database.now(_read)
        self._kept = structs.replace(
            kept,
            floors=taken_up(kept.floors, floors),
            versions={name: each for name, each in kept.versions.items() if name in installers},
        )
        if self._kept != kept:
            database.now(_writer(self._kept))
        self.staged: dict[str, str] = {}
        """Versions on their way, by type."""
        self.reports: Final = ReportedVersions()
        self.changed: Final[list[Callable[[], None]]] = []
        """To be called when another version is there, or on its way."""

    @property
    def types(self) -> list[str]:
        return sorted(self._installers)

    @property
    def versions(self) -> dict[str, str]:
        """What is installed, by type, as far as that is known."""
        return dict(self._kept.versions)

    @property
    def floors(self) -> dict[str, Floor]:
        return dict(self._kept.floors)

    def installer(self, software: str) -> InstallerSettings | None:
        return self._installers.get(software)

    async def raise_floor(self, software: str, to: str) -> None:
        """Raises `JournalUnavailable`."""
        await self._keep(
            structs.replace(self._kept, floors=raised(self._kept.floors, software, to))
        )

    def stage(self, software: str, version: str | None) -> None:
        """A version is on its way; None: none any more."""
        if version is None:
            self.staged.pop(software, None)
        else:
            self.staged[software] = version
        self._tell()

    async def look(self) -> None:
        """Ask every proof, before the hub is told."""
        found = await asyncio.gather(*(self._ask(each) for each in self.types))
        versions = {
            software: version
            for software, version in zip(self.types, found, strict=True)
            if version is not None
        }
        await self._take(versions)

    async def follow(self) -> None:
        """Take up what programs report by themselves; for ever."""
        reporting = [name for name, each in self._installers.items() if each.proof.report]
        seen = 0
        while True:
            seen = await self.reports.news(seen)
            for software in reporting:
                await self.found(software)

    async def found(self, software: str) -> str | None:
        """What is installed now."""
        version = await self._ask(software)
        others = {name: each for name, each in self.versions.items() if name != software}
        await self._take(others if version is None else {**others, software: version})
        return version

    async def prove(self, software: str, version: str) -> str | None:
        """What is installed, as soon as that is `version`, or when the time for it is over."""
        installer = self._installers[software]
        try:
            async with asyncio.timeout(installer.proof_seconds):
                while await self._ask(software) != version:
                    await self._may_have_changed(installer, version)
        except TimeoutError:
            pass
        return await self.found(software)

    async def _may_have_changed(self, installer: InstallerSettings, version: str) -> None:
        if installer.proof.report is None:
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            await self.reports.wait(installer.proof.report, version)

    async def _ask(self, software: str) -> str | None:
        """What the proof says; None where it says nothing."""
        proof = self._installers[software].proof
        if proof.version_file is not None:
            return await asyncio.to_thread(_first_line, Path(proof.version_file))
        if proof.argv is not None:
            return await _printed(proof.argv)
        program = proof.report or ""
        return self.reports.last(program) or self._kept.versions.get(software)

    async def _take(self, versions: dict[str, str]) -> None:
        if versions != self._kept.versions:
            try:
                await self._keep(structs.replace(self._kept, versions=versions))
            except JournalUnavailable as error:
                _log.error("versions_not_kept", reason=str(error))
            self._tell()

    async def _keep(self, kept: KeptSoftware) -> None:
        """True at once; raises `JournalUnavailable` when it is not on disk."""
        self._kept = kept
        await self._database.write(_writer(kept))

    def _tell(self) -> None:
        for each in self.changed:
            each()


def _read(connection: sqlite3.Connection) -> KeptSoftware:
    text = get_meta(connection, META)
    try:
        return KeptSoftware() if text is None else _kept.decode(text)
    except msgspec.MsgspecError:
        _log.error("software_not_understood")
        return KeptSoftware()


def _writer(kept: KeptSoftware) -> Callable[[sqlite3.Connection], None]:
    text = msgspec.json.encode(kept).decode()
    return lambda connection: set_meta(connection, META, text)


def _first_line(file: Path) -> str | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return _version_in(opened.read(MOST_BYTES)) if is_file else None
    except OSError:
        return None


async def _printed(argv: tuple[str, ...]) -> str | None:
    try:
        done = await process.run(
            argv, timeout_seconds=LOOK_SECONDS, stdout_limit=MOST_BYTES, stderr_limit=0
        )
    except (process.CannotRun, process.TimedOut) as error:
        _log.warning("proof_not_run", program=argv[0], reason=str(error))
        return None
    return _version_in(done.stdout.head) if done.exit_code == 0 else None


def _version_in(content: bytes) -> str | None:
    """The first line, as the wire can carry it."""
    first = decode(content).partition("\n")[0].strip()
    return first[:MOST_CHARACTERS] or None
