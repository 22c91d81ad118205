"""The small sections: whether the device produces, and where its records go."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from device.base.database import Database, get_meta, set_meta
from device.base.errors import CommandFailed
from device.events.production import Production
from device.records.queue import RecordQueue
from protocol.canonical import hash_of
from protocol.frames import ConnectionMode, SectionState
from protocol.sections import (
    MODE,
    PRODUCTION,
    ModeSection,
    ProductionSection,
    mode_document,
    production_document,
)

S = TypeVar("S")
KINDS: Final = (PRODUCTION, MODE)


class SmallSections:
    """`switch` sends records another way; it raises `CommandFailed` without a cloud. `changed`
    returns when the programs of this device have heard of it."""

    def __init__(
        self,
        database: Database,
        production: Production,
        records: RecordQueue,
        *,
        switch: Callable[[ConnectionMode], Awaitable[None]],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self._production = production
        self._records = records
        self._switch = switch
        self._changed = changed
        self._versions = {kind: _kept(database, "version", kind) for kind in KINDS}
        self._refused = {kind: _kept(database, "refused", kind) for kind in KINDS}

    def document(self, kind: str) -> dict[str, Any]:
        """What the device has."""
        if kind == MODE:
            return mode_document(self._records.mode)
        reason = self._production.disabled_because
        return production_document(enabled=reason is None, reason=reason)

    def states(self) -> dict[str, SectionState]:
        return {
            kind: SectionState(
                version=self._versions[kind] or "",
                hash=hash_of(self.document(kind)),
                refused=self._refused[kind],
            )
            for kind in KINDS
        }

    async def take(self, kind: str, document: dict[str, Any], version: str) -> None:
        """Raises `CommandFailed` and `JournalUnavailable`."""
        if document != self.document(kind):
            await (self._take_mode if kind == MODE else self._take_production)(document)
            await self._changed()
        await self._note(kind, version, None)

    async def refuse(self, kind: str, version: str) -> None:
        """Raises `JournalUnavailable`."""
        await self._note(kind, self._versions[kind], version)

    async def _take_production(self, document: dict[str, Any]) -> None:
        wanted = decoded(document, ProductionSection)
        if wanted.enabled:
            await self._production.enable()
        else:
            await self._production.disable(wanted.reason or "")

    async def _take_mode(self, document: dict[str, Any]) -> None:
        await self._switch(decoded(document, ModeSection).mode)

    async def _note(self, kind: str, version: str | None, refused: str | None) -> None:
        if (self._versions[kind], self._refused[kind]) == (version, refused):
            return

        def job(connection: sqlite3.Connection) -> None:
            set_meta(connection, _name("version", kind), version)
            set_meta(connection, _name("refused", kind), refused)

        await self._database.write(job)
        self._versions[kind], self._refused[kind] = version, refused


def _name(what: str, kind: str) -> str:
    return f"section_{what}_{kind}"


def _kept(database: Database, what: str, kind: str) -> str | None:
    return database.now(lambda connection: get_meta(connection, _name(what, kind)))


def decoded(document: dict[str, Any], kind: type[S]) -> S:
    """Raises `CommandFailed`."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise CommandFailed("invalid_section", str(error)) from None
