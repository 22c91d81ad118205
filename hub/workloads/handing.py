"""Hands over to devices what they shall run, and hears what they use.

The version is a hash of what a device shall have, so nothing compares two: what a device names at
`hello` is the present one, or it is told. A change may be made on any replica; a hint, or the watch
of desired state, has each look.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from hub.base.batch import Batcher
from hub.base.errors import Unavailable
from hub.base.principal import Principal
from hub.devices.service import DeviceService
from hub.lines.service import LineRef, LineService
from hub.lines.session import LineSession
from hub.secrets.service import SecretService, SecretVersion
from hub.workloads.assignment_store import AssignmentStore
from hub.workloads.data_store import WorkloadDataStore
from hub.workloads.documents import (
    Data,
    RegistryLogin,
    Section,
    document,
    section,
    section_hash,
)
from hub.workloads.store import ApplicationStore
from protocol.frames import DESIRED, Hello
from protocol.ids import DeviceId, DeviceKey, OrgId
from protocol.telemetry import WorkloadStatus
from protocol.workloads import WORKLOADS

AT_ONCE: Final = 100
"""Sections that are made at once."""

Logins = Mapping[tuple[OrgId, str], RegistryLogin]


class WorkloadsSection(Struct, frozen=True, kw_only=True):
    """What the calling device shall run. `version` is opaque; `hash` is SHA-256 in hex of the
    document as canonical JSON (RFC 8785), without the data of config maps and secrets."""

    version: str
    hash: str
    document: dict[str, Any]


class HandingService:
    def __init__(
        self,
        store: AssignmentStore,
        applications: ApplicationStore,
        data: WorkloadDataStore,
        secrets: SecretService,
        lines: LineService,
        devices: DeviceService,
    ) -> None:
        self._store = store
        self._applications = applications
        self._data = data
        self._secrets = secrets
        self._lines = lines
        self._devices = devices
        self._usage: Batcher[tuple[DeviceKey, WorkloadStatus], None] = Batcher(self._note_usage)

    async def run(self) -> None:
        """What services use; for ever."""
        await self._usage.run()

    # To devices

    async def said_hello(self, said: list[tuple[LineRef, Hello]]) -> None:
        """Raises `Unavailable`."""
        named: list[DeviceKey] = []
        for ref, hello in said:
            line = self._lines.registry.get(ref.org, ref.device_id)
            told = (hello.sections or {}).get(WORKLOADS)
            if told is None or DESIRED not in (hello.accepts or ()) or line is None:
                continue
            if line.generation == ref.generation:
                line.workloads = told.version or ""
                named.append((ref.org, ref.device_id))
        await self.look(named)

    async def look(self, places: Sequence[DeviceKey]) -> None:
        """Hand over what is another than their lines know. Raises `Unavailable`."""
        here = [place for place in places if self._line(place) is not None]
        if not here:
            return
        async with self._store.database.connection() as connection:
            wanted = await self._store.wanted(connection, here)
        differing: list[DeviceKey] = []
        for place in here:
            line, found = self._line(place), wanted.get(place)
            version = "" if found is None else found.version
            if line is not None and line.workloads != version:
                differing.append(place)
        await self._hand_over(differing, report=False)

    async def _hand_over(self, places: Sequence[DeviceKey], *, report: bool) -> None:
        for start in range(0, len(places), AT_ONCE):
            some = places[start : start + AT_ONCE]
            sections, logins = await self._sections(some)
            hashes = await asyncio.to_thread(_hashes, sections, logins)
            for place in some:
                line = self._line(place)
                if line is not None:
                    line.workloads = sections[place].version
                    version, digest = sections[place].version, hashes[place]
                    self._lines.hand_over(place, WORKLOADS, version, digest, report=report)

    def _line(self, place: DeviceKey) -> LineSession | None:
        """That takes applications."""
        line = self._lines.registry.get(*place)
        return line if line is not None and WORKLOADS in line.sections else None

    async def version(self, device: Principal) -> str:
        """Raises `QuarantinedCaller`."""
        await self._devices.require_released(device)
        return await self._store.version(device.org, DeviceId(device.subject))

    async def section(self, device: Principal) -> WorkloadsSection:
        """With the values of what it names."""
        place = (device.org, DeviceId(device.subject))
        sections, logins = await self._sections([place])
        of = sections[place]
        data = await self._values(device.org, of, logins)
        digest = section_hash(of, data.registries)
        return WorkloadsSection(version=of.version, hash=digest, document=document(of, data))

    async def _sections(
        self, places: Sequence[DeviceKey]
    ) -> tuple[dict[DeviceKey, Section], Logins]:
        """The version is read first: a document may be newer than it, and never older."""
        async with self._store.database.transaction() as connection:
            wanted = await self._store.wanted(connection, places)
            assigned = await self._store.documents(connection, places)
            names = {
                (each.org, each.application, each.revision)
                for rows in assigned.values()
                for each in rows
            }
            found = await self._applications.compositions(connection, names)
            hosts = {(key[0], host) for key, each in found.items() for host in each.hosts}
            logins = await self._data.logins(connection, hosts)
        revisions = {
            org: {key[1:]: each for key, each in found.items() if key[0] == org}
            for org in {org for org, _ in places}
        }
        sections: dict[DeviceKey, Section] = {}
        for place in places:
            version = wanted.get(place)
            sections[place] = section(
                "" if version is None else version.version,
                assigned.get(place, []),
                revisions[place[0]],
                [] if version is None else version.remove_volumes,
            )
        return sections, logins

    async def _values(self, org: OrgId, of: Section, logins: Logins) -> Data:
        async with self._store.database.connection() as connection:
            maps = await self._data.versions(
                connection, {(org, name, version) for name, version in of.config_maps.items()}
            )
            opened = await self._secrets.versions(
                connection,
                {SecretVersion(org, name, version) for name, version in of.secrets.items()},
            )
        return Data(
            config_maps={key[1:]: values for key, values in maps.items()},
            secrets={(key.name, key.version): values for key, values in opened.items()},
            registries={host: login for (_, host), login in logins.items()},
        )

    # From devices

    def used(self, line: LineSession, said: WorkloadStatus) -> None:
        """A taker of frames. Raises `Overloaded`."""
        self._usage.put(((line.org, line.device_id), said))

    async def _note_usage(self, said: list[tuple[DeviceKey, WorkloadStatus]]) -> list[None]:
        """What a database that is away misses, the next minute says again."""
        with contextlib.suppress(Unavailable):
            await self._note(said)
        return [None] * len(said)

    async def _note(self, said: Collection[tuple[DeviceKey, WorkloadStatus]]) -> None:
        latest = {(place, each.application): each for place, each in said}
        unknown = await self._store.use([_used(place, each) for (place, _), each in latest.items()])
        values = [value for place, each in said for value in _figures(place, each)]
        if values:
            await self._store.roll_up(values)
        here = [place for place in sorted(unknown) if self._line(place) is not None]
        await self._hand_over(here, report=True)


def _hashes(sections: Mapping[DeviceKey, Section], logins: Logins) -> dict[DeviceKey, str]:
    return {
        place: section_hash(
            of,
            {host: logins[place[0], host] for host in of.hosts if (place[0], host) in logins},
        )
        for place, of in sections.items()
    }


def _used(place: DeviceKey, said: WorkloadStatus) -> dict[str, Any]:
    usage = said.usage or {}
    return {
        "org_id": place[0],
        "device_id": place[1],
        "application": said.application,
        "version": said.version,
        "hash": said.hash,
        "usage": {
            name: {"cpuPercent": each.cpu_percent, "memoryBytes": each.memory_bytes}
            for name, each in usage.items()
        },
    }


def _figures(place: DeviceKey, said: WorkloadStatus) -> list[dict[str, Any]]:
    common = {"org_id": place[0], "device_id": place[1], "application": said.application}
    return [
        {**common, "service": name, "figure": figure, "value": value}
        for name, each in (said.usage or {}).items()
        for figure, value in (("cpu", each.cpu_percent), ("memory", each.memory_bytes))
    ]
