"""One line of a device: sends, and records what it sends under its generation."""

import asyncio

import msgspec
from websockets.asyncio.client import ClientConnection

from tests.acceptance.chaos.history import Acked, Closed, Noted, Received, Record, Sent


class Line:
    """One line of a device; what it does is recorded under its generation."""

    def __init__(
        self, device_id: str, generation: int, connection: ClientConnection, record: Record
    ) -> None:
        self.generation = generation
        self.connection = connection
        self.silent = False
        self._flushed: set[tuple[str, int]] = set()
        self._before: frozenset[tuple[str, int]] | None = None
        """What had been sent when the line was told that its device is in quarantine."""
        self._flushing = asyncio.Lock()
        self._device_id = device_id
        self._record = record

    async def send(self, kind: str, **fields: object) -> None:
        await self.connection.send(msgspec.json.encode({"type": kind, **fields}).decode())

    async def flush(self, events: list[tuple[str, int]]) -> None:
        """Send what was not sent on this line yet, in order."""
        async with self._flushing:
            for event in tuple(events):
                if event not in self._flushed:
                    self._flushed.add(event)
                    await self._event(*event)

    async def _event(self, boot: str, seq: int) -> None:
        device = self._device_id
        self._record(Sent(device=device, generation=self.generation, boot=boot, seq=seq))
        mark = [device, boot, seq]
        await self.send("event", name="made", bootId=boot, seq=seq, data={"mark": mark})

    def received(self, command: str) -> None:
        self._record(Received(device=self._device_id, generation=self.generation, command=command))

    def told_of_quarantine(self) -> None:
        self._before = frozenset(self._flushed)

    def acked(self, boot: str, seq: int) -> None:
        device = self._device_id
        if self._before is not None and (boot, seq) in self._flushed - self._before:
            self._record(Noted(rule="quarantine", text=f"{device}: {boot} {seq} was acknowledged"))
        self._record(Acked(device=device, generation=self.generation, boot=boot, seq=seq))

    def closed(self) -> None:
        self._record(
            Closed(
                device=self._device_id, generation=self.generation,
                code=self.connection.close_code, silent=self.silent,
            )
        )  # fmt: skip
