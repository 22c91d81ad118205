"""The notes beside the tokens on disk, written before and after each request."""

import asyncio
from pathlib import Path

import structlog

from device.base.damage import Damage, put_aside
from device.broker.notes import NAME, TokenNote, TokenNotes, read, written
from device.broker.token_files import TokenFiles
from protocol.errors import InvalidMessage

_log = structlog.stdlib.get_logger()


class Notebook:
    def __init__(self, files: TokenFiles, place: Path, *, boot: str) -> None:
        self._files = files
        self._place = place
        self._boot = boot
        self._tokens: dict[str, TokenNote] = {}
        self._turn = asyncio.Lock()
        self.damage: Damage | None = None
        """What was found when it was opened."""

    def open(self) -> TokenNotes:
        """As it was left. Raises `OSError`."""
        raw = self._files.read_note(NAME)
        try:
            found = TokenNotes(boot="") if raw is None else read(raw)
        except InvalidMessage:
            aside = put_aside(self._place / NAME)
            self.damage = Damage(f"{NAME} among the tokens: put aside as {aside.name}")
            found = TokenNotes(boot="")
        self._tokens = dict(found.tokens)
        return found

    async def put(self, name: str, note: TokenNote) -> None:
        """Raises `OSError`."""
        async with self._turn:
            self._tokens[name] = note
            await self._write()

    async def drop(self, name: str) -> None:
        """Raises `OSError`."""
        async with self._turn:
            self._tokens.pop(name, None)
            await self._write()

    async def _write(self) -> None:
        content = written(TokenNotes(boot=self._boot, tokens=self._tokens))
        await asyncio.to_thread(self._files.write_note, NAME, content)
