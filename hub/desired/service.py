"""Hands over to devices what they should have and have not: after `hello`, and when it changes.

A change may be made on any replica: a hint has each look at once, and without Redis each looks for
changes of the last seconds by itself. A section may be handed over more than once, which changes
nothing. The configuration is a section, too, and `hub/config` has its rules.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from msgspec import UNSET, Struct, UnsetType

from hub.base.batch import Batcher
from hub.base.database import Connection
from hub.base.errors import HubError, NotFound, Unavailable
from hub.base.principal import Principal
from hub.commands.service import CommandRow, NewCommand
from hub.config.service import ConfigService
from hub.desired.sections import (
    STEERING,
    SectionRow,
    after_hello,
    after_taking,
    is_to_hand_over,
)
from hub.desired.store import SectionStore
from hub.devices.service import DeviceService, WantedSection
from hub.lines.service import LineRef, LineService
from hub.lines.session import LineSession
from protocol.canonical import hash_of
from protocol.commands import AGENT_TYPE, UpdateFirmware
from protocol.frames import DESIRED, DesiredStatus, Hello
from protocol.ids import CommandKey, DeviceId, DeviceKey, OrgId
from protocol.lifecycle import State
from protocol.sections import (
    CONFIG,
    PRODUCTION,
    SMALL,
    SOFTWARE,
    PinnedArtifact,
    SmallKind,
    production_document,
    software_document,
)

LOOK_SECONDS: Final = 2.0
BACK_SECONDS: Final = 10.0
"""Longer than a look takes, and than a line takes from its registration to its first frame."""
AGAIN_SECONDS: Final = 1.0
UPDATE: Final = str(UpdateFirmware.__struct_config__.tag)
NO_SUCH_SECTION: Final = "no such section"


class WantedDocument(Struct, frozen=True, kw_only=True):
    """What a device should have of one section. `version` is opaque, `hash` SHA-256 in hex of the
    document as canonical JSON (RFC 8785)."""

    version: str
    hash: str
    document: dict[str, Any]
    artifacts: dict[str, PinnedArtifact] | UnsetType = UNSET
    """Of `software`, by type: where the hub has the pinned version. No part of what is hashed."""


Proven = Mapping[tuple[OrgId, DeviceId, str], str]
"""The version that is there, by device and type of software."""
OnPinned = Callable[[Proven], Awaitable[None]]
Looker = Callable[[Sequence[DeviceKey]], Awaitable[None]]


class DesiredService:
    """A listener of the commands that move production, and of what devices say at the start."""

    types = STEERING[PRODUCTION] | {UPDATE}

    def __init__(
        self,
        store: SectionStore,
        lines: LineService,
        devices: DeviceService,
        config: ConfigService,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lines = lines
        self._devices = devices
        self._config = config
        self._clock = clock
        self._on_pinned: list[OnPinned] = []
        self._lookers: list[Looker] = []
        self._reports: Batcher[tuple[LineRef, DesiredStatus], None] = Batcher(self._note_reports)

    async def run(self) -> None:
        """What devices report; for ever."""
        await self._reports.run()

    def on_pinned(self, listener: OnPinned) -> None:
        """To hear which pinned versions devices have taken."""
        self._on_pinned.append(listener)

    def look_with(self, looker: Looker) -> None:
        """Another section, of a floor above: it is given devices whose lines are here, and of which
        something may be wanted that they have not."""
        self._lookers.append(looker)

    # The listener of commands

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandKey, HubError]:
        return {}

    async def accepted(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        await self._pin_forced(connection, commands)

    async def ended(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        """A success is what is wanted from now on; of another end it is not known what it did."""
        await self._pin_forced(connection, commands)
        steering = [each for each in commands if each.type in STEERING[PRODUCTION]]
        wanted: dict[DeviceKey, WantedSection] = {}
        unknown: set[DeviceKey] = set()
        for command in sorted(steering, key=lambda each: each.seq):
            place = (command.org, command.device_id)
            if command.status is State.SUCCESS:
                wanted[place] = _production(command)
                unknown.discard(place)
            elif command.sent_at is not None:
                unknown.add(place)
        if wanted:
            await self._devices.want(connection, list(wanted.values()))
        if unknown:
            await self._store.doubt(connection, sorted(unknown), PRODUCTION)

    async def _pin_forced(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        """Forced updates that were not sent, because the device updates itself."""
        for command in sorted(filter(_became_a_pin, commands), key=lambda each: each.seq):
            row = await self._store.lock(connection, command.org, command.device_id)
            software = command.params.get("installer", AGENT_TYPE)
            pins = {**row.document["pins"], software: command.params["version"]}
            wanted = WantedSection(
                org=command.org,
                device_id=command.device_id,
                kind=SOFTWARE,
                document=software_document(pins, row.document["allow"]),
                is_taken=False,
            )
            await self._devices.want(connection, [wanted])

    # The listener of lines

    async def said_hello(self, said: list[tuple[LineRef, Hello]]) -> None:
        """Raises `Unavailable`."""
        telling = {line: hello for line, hello in said if _takes_sections(hello)}
        if not telling:
            return
        found = await self._store.of([_key(line) for line in telling])
        changed: dict[LineRef, list[SectionRow]] = {}
        differing: list[tuple[DeviceKey, SectionRow]] = []
        for line, hello in telling.items():
            for kind, row in found[_key(line)].items():
                if (section := (hello.sections or {}).get(kind)) is None:
                    continue
                now = after_hello(row, section)
                if now != row:
                    changed.setdefault(line, []).append(now)
                if is_to_hand_over(now):
                    differing.append((_key(line), now))
        if changed:
            await self._store.note(changed)
        await self._hand_over(differing)

    # Reports

    def reported(self, line: LineSession, report: DesiredStatus) -> None:
        """A taker of frames. Raises `Overloaded`."""
        self._reports.put((LineRef(line.org, line.device_id, line.generation), report))

    async def _note_reports(self, reports: list[tuple[LineRef, DesiredStatus]]) -> list[None]:
        """However long the database is away: the next report may be hours off."""
        while True:
            try:
                await self._note(reports)
            except Unavailable:
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return [None] * len(reports)

    async def _note(self, reports: Sequence[tuple[LineRef, DesiredStatus]]) -> None:
        of_config = [(line, each) for line, each in reports if each.kind == CONFIG]
        if of_config:
            await self._config.took(of_config)
        small = [(line, each) for line, each in reports if each.kind in SMALL]
        if not small:
            return
        found = await self._store.of(sorted({_key(line) for line, _ in small}))
        changed: dict[LineRef, dict[SmallKind, SectionRow]] = {}
        for line, report in small:
            kind = cast("SmallKind", report.kind)
            row = found[_key(line)][kind]
            now = found[_key(line)][kind] = after_taking(row, report)
            if now != row:
                changed.setdefault(line, {})[kind] = now
        if changed:
            await self._store.note({line: list(rows.values()) for line, rows in changed.items()})
        pinned = _newly_pinned(changed)
        if pinned:
            for listener in self._on_pinned:
                await listener(pinned)

    # Handing over

    async def watch(self) -> None:
        """For ever; however long the database is away, no change is missed, and each is handed over
        once."""
        seen = self._clock()
        before: dict[DeviceKey, datetime] = {}
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            began = self._clock()
            try:
                changed = await self._store.changed(began - seen + BACK_SECONDS)
                await self.look({place for place, at in changed.items() if before.get(place) != at})
            except Unavailable:
                continue
            seen, before = began, changed

    async def look(self, places: set[DeviceKey]) -> None:
        """Hand over what differs to those whose line is here. Of what was never wanted only `hello`
        tells whether it differs. Raises `Unavailable`."""
        here = sorted(place for place in places if self._has_line(place))
        if not here:
            return
        rows = await self._store.rows(here)
        await self._hand_over([(place, row) for place, row in rows if is_to_hand_over(row)])
        await self._config.look(here)
        for looker in self._lookers:
            await looker(here)

    def _has_line(self, place: DeviceKey) -> bool:
        line = self._lines.registry.get(*place)
        return line is not None and bool(line.sections)

    async def _hand_over(self, differing: Sequence[tuple[DeviceKey, SectionRow]]) -> None:
        steered = await self._steered(differing)
        for place, row in differing:
            if (place, row.kind) not in steered:
                self._lines.hand_over(place, row.kind, str(row.version), row.hash)

    async def _steered(
        self, differing: Sequence[tuple[DeviceKey, SectionRow]]
    ) -> set[tuple[DeviceKey, SmallKind]]:
        """What a command is about to move."""
        found: set[tuple[DeviceKey, SmallKind]] = set()
        for kind, types in STEERING.items():
            places = [place for place, row in differing if row.kind == kind]
            if places:
                steered = await self._store.steered(places, sorted(types))
                found |= {(place, kind) for place in steered}
        return found

    # Reading

    async def document(self, device: Principal, kind: str) -> WantedDocument:
        """What the device should have. Raises `NotFound`, `QuarantinedCaller`."""
        await self._devices.require_released(device)
        org, device_id = device.org, DeviceId(device.subject)
        if kind == CONFIG:
            config = await self._config.get(org, device_id)
            return WantedDocument(
                version=str(config.desired_version),
                hash=hash_of(config.desired),
                document=config.desired,
            )
        if kind not in SMALL:
            raise NotFound(NO_SUCH_SECTION)
        row = await self._store.get(org, device_id, kind)
        pins: dict[str, str] = row.document.get("pins", {})
        return WantedDocument(
            version=str(row.version),
            hash=row.hash,
            document=row.document,
            artifacts=await self._store.artifacts(org, pins) if pins else UNSET,
        )


def _newly_pinned(changed: Mapping[LineRef, Mapping[SmallKind, SectionRow]]) -> Proven:
    """Its agent says its version by itself, when it restarts."""
    return {
        (line.org, line.device_id, software): version
        for line, rows in changed.items()
        if (row := rows.get(SOFTWARE)) is not None and row.taken_hash == row.hash
        for software, version in row.document["pins"].items()
        if software != AGENT_TYPE
    }


def _key(line: LineRef) -> DeviceKey:
    return line.org, line.device_id


def _takes_sections(hello: Hello) -> bool:
    sections: Mapping[str, object] = hello.sections or {}
    return DESIRED in (hello.accepts or ()) and not sections.keys().isdisjoint(SMALL)


def _became_a_pin(command: CommandRow) -> bool:
    return (
        command.type == UPDATE
        and command.status is State.SUCCESS
        and command.sent_at is None
        and command.params.get("force") is True
    )


def _production(command: CommandRow) -> WantedSection:
    enabled = command.type == "enable_device"
    reason = None if enabled else command.params["reason"]
    document = production_document(enabled=enabled, reason=reason)
    return WantedSection(
        org=command.org,
        device_id=command.device_id,
        kind=PRODUCTION,
        document=document,
        is_taken=True,
    )
