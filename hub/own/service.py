"""Devices' own commands: each description is asked for once and kept, and dispatch goes by it.

A description is what all devices of an organisation have that name its hash, so it never changes.
Which there are is remembered, so a device of a known hash costs no statement when it connects.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

import structlog
from msgspec import structs

from hub.base.errors import Unavailable
from hub.lines.service import LineRef, LineService
from hub.lines.session import LineSession
from hub.own.asking import Asking, DescriptionKey
from hub.own.common import Can, CommandTypeItem, types_in_common
from hub.own.description import UNDESCRIBED, Description, OwnTerms, fault_of
from hub.own.store import OwnSaid, OwnStore, Whose
from protocol.codec import encode
from protocol.commands import CUSTOM, Custom, Danger
from protocol.frames import Describe, Hello, own_of
from protocol.ids import DeviceId, OrgId
from protocol.own import CustomCommands

__all__ = ["OwnService", "OwnTerms"]

log = structlog.get_logger(__name__)

WAIT_SECONDS: Final = 5.0
"""How long a dispatch waits for the description of what it sends."""
LOOK_SECONDS: Final = 0.1
"""Other replicas may have it, and tell nobody."""
RETRY_SECONDS: Final = 1.0
BELIEVED_SECONDS: Final = 600.0
"""How long it is believed that a description is there: unused ones go after a day."""
MOST_BELIEVED: Final = 10_000
MOST_KEPT: Final = 500
_ASK: Final = encode(Describe(what=CUSTOM.name))


class OwnService:
    """`least` is the least danger that the hub sees in any of them; `clock` gives monotonic
    seconds; `spawn` runs what a frame began."""

    def __init__(
        self,
        store: OwnStore,
        lines: LineService,
        *,
        least: Danger,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lines = lines
        self._least = least
        self._spawn = spawn
        self._clock = clock
        self._asking: Asking[LineRef] = Asking()
        self._keeping: set[DescriptionKey] = set()
        """What is on its way into the database."""
        self._believed: dict[DescriptionKey, float] = {}
        self._kept: dict[DescriptionKey, Description] = {}

    # What lines bring

    async def said_hello(self, said: Sequence[tuple[LineRef, Hello]]) -> None:
        """Ask for what is not known yet. Raises `Unavailable`."""
        now = self._clock()
        named = {
            ref: (ref.org, own.hash) for ref, hello in said if (own := own_of(hello)) is not None
        }
        unsure = {key for key in named.values() if not self._believes(key, now)}
        if not unsure:
            return
        known = await self._store.known(sorted(unsure))
        for key in known:
            self._believe(key)
        for ref, key in named.items():
            if key in unsure - known:
                self._ask(key, ref)

    def described(self, line: LineSession, said: CustomCommands) -> None:
        """A device answers."""
        key = (line.org, said.hash)
        if key in self._keeping or self._believes(key, self._clock()):
            return
        fault = fault_of(said, line.own, line.commands)
        if fault:
            log.warning("own_commands_refused", device_id=line.device_id, reason=fault)
            line.refuse_frame(f"custom_commands: {fault}")
            return
        self._keeping.add(key)
        self._spawn(self._keep(key, said, line.device_id))

    async def ask_again(self) -> None:
        """Ask others where nobody has answered."""
        for key, ref in self._asking.overdue(self._clock()):
            log.info("own_commands_not_described", org=key[0], hash=key[1])
            self._send(ref)

    async def clean_up(self) -> None:
        await self._store.forget()

    async def _keep(self, key: DescriptionKey, said: CustomCommands, device_id: DeviceId) -> None:
        """However long the database is away: it was asked for once."""
        while True:
            try:
                await self._store.add(key, said.commands, device_id)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                break
        self._keeping.discard(key)
        self._believe(key)
        self._asking.answered(key)

    def _ask(self, key: DescriptionKey, ref: LineRef) -> None:
        if self._asking.asks(key, ref, self._clock()):
            self._send(ref)

    def _send(self, ref: LineRef) -> None:
        line = self._lines.registry.get(ref.org, ref.device_id)
        if line is not None and line.generation == ref.generation and not line.quarantined:
            line.send(_ASK)

    def _believes(self, key: DescriptionKey, now: float) -> bool:
        return now - self._believed.get(key, -BELIEVED_SECONDS) < BELIEVED_SECONDS

    def _believe(self, key: DescriptionKey) -> None:
        _bound(self._believed, MOST_BELIEVED)
        self._believed[key] = self._clock()

    # Dispatch

    async def terms(
        self, org: OrgId, command: Custom, device_ids: Sequence[DeviceId]
    ) -> dict[DeviceId, OwnTerms]:
        """On what terms each of these may be sent the command, once all that are on a line have
        described theirs, or some have not in five seconds. Raises `Unavailable`."""
        until = self._clock() + WAIT_SECONDS
        said = await self._store.said(org, device_ids)
        while True:
            found = await self._descriptions(org, (each.hash for each in said.values()))
            missing = [
                device_id
                for device_id, each in said.items()
                if (each.awaited and not self._is_silent(org, device_id))
                or (each.online and each.hash not in (None, *found))
            ]
            if not missing or self._clock() >= until:
                return self._judged(command, said, found)
            self._ask_here(org, missing)
            await asyncio.sleep(LOOK_SECONDS)
            said |= await self._store.said(org, missing)

    def _judged(
        self, command: Custom, said: dict[DeviceId, OwnSaid], found: dict[str, Description]
    ) -> dict[DeviceId, OwnTerms]:
        """Each description judges once, for all devices that have it."""
        by_hash = {
            digest: each.terms(command.name, command.args, self._least)
            for digest, each in found.items()
        }
        silent = Unavailable("the device has not said what its own commands are", retry_after=5)
        return {
            device_id: UNDESCRIBED
            if each.hash is None
            else by_hash.get(each.hash)
            or (structs.replace(UNDESCRIBED, problem=silent) if each.online else UNDESCRIBED)
            for device_id, each in said.items()
        }

    def _is_silent(self, org: OrgId, device_id: DeviceId) -> bool:
        """Whether it is known here that it says nothing of commands of its own."""
        line = self._lines.registry.get(org, device_id)
        return line is not None and line.settled and line.own is None

    def _ask_here(self, org: OrgId, device_ids: Iterable[DeviceId]) -> None:
        """Those that are on a line of this replica, should nobody have asked them."""
        for device_id in device_ids:
            line = self._lines.registry.get(org, device_id)
            if line is not None and line.own is not None:
                key = (org, line.own.hash)
                self._believed.pop(key, None)
                self._ask(key, LineRef(org, device_id, line.generation))

    async def _descriptions(
        self, org: OrgId, hashes: Iterable[str | None]
    ) -> dict[str, Description]:
        """Those of these that there are."""
        wanted = {digest for digest in hashes if digest is not None}
        missing = sorted(digest for digest in wanted if (org, digest) not in self._kept)
        read = await self._store.descriptions(org, missing) if missing else {}
        found = {d: self._kept[org, d] for d in wanted if (org, d) in self._kept} | read
        for digest, description in read.items():
            _bound(self._kept, MOST_KEPT)
            self._kept[org, digest] = description
        return found

    # Reading

    async def types(self, org: OrgId, whose: Whose) -> list[CommandTypeItem]:
        """What all of them have."""
        rows = await self._store.types(org, whose)
        found = await self._descriptions(org, (digest for _, digest in rows))
        fleet = [Can(types, found.get(digest) if digest else None) for types, digest in rows]
        return types_in_common(fleet, self._least)


def _bound(kept: dict[DescriptionKey, Any], most: int) -> None:
    """Make room for one more: the oldest goes."""
    if len(kept) >= most:
        del kept[next(iter(kept))]
