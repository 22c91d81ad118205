"""Simulated devices beside a test that waits for a browser: they live on a loop of their own, in a
thread, and answer commands as they were told."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosed

from tests.acceptance.hub.clients import Device, Fleet, Json, new_id
from tests.acceptance.hub.test_deployments import Updating
from tests.browser.boxes import Box
from tests.tasks import in_background

T = TypeVar("T")
WAIT_SECONDS = 30.0
NO_COMMANDS = (
    "welcome",
    "desired",
    "result_ack",
    "event_ack",
    "pong",
    "error",
    "cancel",
    "reconnect",
)

Answer = Callable[[Json], list[Json]]
"""The frames with which a device answers a command, in their order."""


def succeed(command: Json) -> list[Json]:
    """It works at once."""
    return [{"type": "result", "commandId": command["id"], "success": True, "output": "done"}]


def fail(command: Json) -> list[Json]:
    error = {"code": "printer_jammed", "message": "paper jam"}
    return [{"type": "result", "commandId": command["id"], "success": False, "error": error}]


def stay_silent(_: Json) -> list[Json]:
    return []


def progress(percent: int, stage: str) -> Answer:
    """It has begun, and goes no further by itself."""

    def answer(command: Json) -> list[Json]:
        of = {"commandId": command["id"]}
        return [
            {"type": "ack", **of},
            {"type": "progress", **of, "percent": percent, "stage": stage},
        ]

    return answer


class Simulated:
    """One device on its line. Methods may be called from the thread of the test."""

    def __init__(self, floor: "Floor", device: Device, own: Json | None = None) -> None:
        """`own`: what it says of its own commands, when it is asked."""
        self._floor = floor
        self.own = own
        self._device = device
        self.id = device.device_id
        self.answer: Answer = succeed
        self.commands: list[Json] = []
        """What it was sent, the oldest first."""

    def send(self, type_: str, **fields: Any) -> None:
        self._floor.run(self._device.send(type_, **fields))

    async def keep_saying(self, status: Callable[[], Json], *, every: float) -> None:
        """For ever; `every` so many seconds."""
        while True:
            await self._device.send("status", status="ONLINE", metrics=status())
            await asyncio.sleep(every)

    def send_soon(self, type_: str, **fields: Any) -> None:
        """Without waiting for it."""
        self._floor.begin(self._device.send(type_, **fields))

    def status(self, status: str = "ONLINE", **metrics: float) -> None:
        self.send("status", status=status, metrics=metrics)

    def finish(self, *, success: bool = True, output: str = "done") -> None:
        """The result of the command it was sent last."""
        self.send("result", commandId=self.commands[-1]["id"], success=success, output=output)

    async def serve(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = await self._device.frame(seconds=3600)
                if frame["type"] in NO_COMMANDS:
                    continue
                if frame["type"] == "describe":
                    await self._device.send("custom_commands", **(self.own or {}))
                    continue
                self.commands.append(frame)
                for answer in self.answer(frame):
                    await self._device.send(
                        **{"type_" if k == "type" else k: v for k, v in answer.items()}
                    )


class Floor:
    """Where simulated devices stand: `with Floor(url, key) as floor`."""

    def __init__(self, url: str, enrollment_key: str) -> None:
        self._url = url
        self._fleet = Fleet(url, enrollment_key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """From another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The same; waits for its end."""
        return self.begin(work).result(WAIT_SECONDS)

    def call(self, function: Callable[[], None]) -> None:
        """On the loop, at its next turn."""
        self._loop.call_soon_threadsafe(function)

    @contextlib.contextmanager
    def beside(
        self, work: Coroutine[Any, Any, None], *, until: Callable[[], bool]
    ) -> Generator[None]:
        """`work` goes on until the block ends, which begins once `until` holds."""
        running = self.begin(work)
        self.run(self._until(until))
        yield
        running.cancel()

    @staticmethod
    async def _until(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - what it waits for knows of no event
            await asyncio.sleep(0.01)

    @contextlib.contextmanager
    def meanwhile(self, work: Coroutine[Any, Any, None]) -> Generator[None]:
        """It goes on until the block ends."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            yield
        finally:
            running.cancel()

    def register(self, device_id: str) -> None:
        """A device that is never on a line."""
        self.run(self._fleet.token(device_id))

    @contextlib.contextmanager
    def devices(self, *ids: str, hello: Json | None = None) -> Generator[list[Simulated]]:
        """These on their lines, until the block ends. `hello` adds to what they say first."""
        stack = AsyncExitStack()
        try:
            yield self.run(self._open(stack, ids, hello or {}))
        finally:
            self.run(stack.aclose())

    @contextlib.contextmanager
    def updating(
        self, count: int, *, becomes: dict[str, str] | None = None
    ) -> Generator[list[str]]:
        """New devices at version 1 that obey `update_firmware`; `becomes` says with which version
        they come back, where it is not the wanted one."""
        stack = AsyncExitStack()
        try:
            yield self.run(self._update(stack, count, becomes or {}))
        finally:
            self.run(stack.aclose())

    async def _update(
        self, stack: AsyncExitStack, count: int, becomes: dict[str, str]
    ) -> list[str]:
        ids = [new_id("upd") for _ in range(count)]
        for device_id in ids:
            device = Updating(self._fleet, device_id)
            device.becomes = becomes
            await stack.enter_async_context(in_background(device.run()))
            while device.boots == 0:  # noqa: ASYNC110 - it opens its line by itself
                await asyncio.sleep(0.01)
        return ids

    @contextlib.contextmanager
    def boxes(self, *ids: str) -> Generator[list[Box]]:
        """These on their lines, which run applications, until the block ends."""
        stack = AsyncExitStack()
        try:
            yield self.run(self._box(stack, ids))
        finally:
            self.run(stack.aclose())

    async def _box(self, stack: AsyncExitStack, ids: tuple[str, ...]) -> list[Box]:
        boxes = [Box(self._fleet, self._url, device_id) for device_id in ids]
        for box in boxes:
            await stack.enter_async_context(in_background(box.run()))
        await self._until(lambda: all(box.is_on for box in boxes))
        return boxes

    @contextlib.contextmanager
    def device(self, device_id: str, **hello: Any) -> Generator[Simulated]:
        with self.devices(device_id, hello=hello) as (one,):
            yield one

    async def _open(
        self, stack: AsyncExitStack, ids: tuple[str, ...], hello: Json
    ) -> list[Simulated]:
        return [
            await stack.enter_async_context(self._on_line(device_id, hello)) for device_id in ids
        ]

    @asynccontextmanager
    async def _on_line(self, device_id: str, hello: Json) -> AsyncGenerator[Simulated]:
        said, own = dict(hello), hello.get("custom")
        if own is not None:
            names = [each["name"] for each in own["commands"]]
            said["custom"] = {"hash": own["hash"], "names": names}
        async with self._fleet.line(device_id) as device:
            await device.hello(**said)
            simulated = Simulated(self, device, own)
            serving = asyncio.create_task(simulated.serve())
            yield simulated
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)
        self._loop.close()
