"""`longline fleet`: many simulated devices in one process, on the connection of the real agent.

Prints one line of JSON when it ends (SIGINT, SIGTERM or `--seconds`): the counts of
`device.simulated.FleetCounts`. No event is lost when `eventsCreated` equals `eventsAcknowledged`
plus `eventsHeld` plus `eventsDropped`.
"""

import asyncio
import contextlib
import resource
import signal
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Final

import httpx
import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import Progress

from cloud.outward import WayOut
from device.base.errors import AgentError, TurnedAway, fault_in
from device.line.enrolment import Enrolment
from device.line.hub_clock import HubClock
from device.logs.own_log import OwnLog
from device.settings import enrollment_key
from device.simulated import FleetCounts, SimulatedDevice
from device.update.own_version import agent_version
from longline.errors import USAGE, UserError
from longline.faults import MOST_BYTES, BadScript, read
from longline.outward import CaFile, Insecure, way_out_to
from longline.rehearsal import Rehearsal
from protocol.codec import encode

ENROLMENTS_AT_ONCE: Final = 50
TICK_SECONDS: Final = 0.02
DRAIN_SECONDS: Final = 5.0
HTTP_SECONDS: Final = 30.0
SPARE_FILES: Final = 100


class Plan(Struct, frozen=True, kw_only=True):
    hub: str
    devices: int
    prefix: str
    rate: float
    """Events a second of the whole fleet."""
    seconds: float | None
    command_seconds: float
    status_seconds: float
    key: str
    way_out: WayOut
    rehearsal: Rehearsal | None = None
    """What befalls the devices."""
    workloads: bool = False
    """Whether they take applications."""
    tokens: Path | None = None
    """Where the devices keep their tokens; None: in memory, and they enrol at each start."""


def command(
    *,
    hub: Annotated[str, typer.Option(envvar="LONGLINE_HUB_URL", help="URL of the hub.")],
    devices: Annotated[int, typer.Option(min=1, max=50_000, help="How many.")] = 100,
    prefix: Annotated[str, typer.Option(help="Their ids: <prefix>-00001 and so on.")] = "sim",
    rate: Annotated[
        float, typer.Option(min=0, max=100_000, help="Events per second, all devices together.")
    ] = 0,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after this time.")] = None,
    command_seconds: Annotated[
        float, typer.Option(min=0, max=3600, help="How long a command runs.")
    ] = 0,
    status_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Between two heartbeats of a device.")
    ] = 30,
    enrollment_key_file: Annotated[
        Path | None, typer.Option(help="File with the enrolment key (or LONGLINE_ENROLLMENT_KEY).")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where the devices keep their tokens. Without it they enrol at each start, which"
            " the hub allows a minute after their last line."
        ),
    ] = None,
    workloads: Annotated[
        bool,
        typer.Option("--workloads", help="They take applications, and pretend to run them."),
    ] = False,
    script: Annotated[
        Path | None, typer.Option(help="Faults that befall them: TOML, see docs/operations.md.")
    ] = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Simulate many devices in one process."""
    way_out = way_out_to(hub, ca_file, insecure=insecure)
    rehearsal = _rehearsal(script, devices, way_out) if script else None
    try:
        key = enrollment_key(str(enrollment_key_file) if enrollment_key_file else None)
    except AgentError as error:
        raise UserError(error.message, error.exit_code) from None
    if key is None:
        raise UserError(
            "no enrolment key: set LONGLINE_ENROLLMENT_KEY or --enrollment-key-file", USAGE
        )
    if state_dir is not None:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _allow_files(devices)
    plan = Plan(
        hub=hub,
        devices=devices,
        prefix=prefix,
        rate=rate,
        seconds=seconds,
        command_seconds=command_seconds,
        status_seconds=status_seconds,
        key=key,
        way_out=way_out,
        rehearsal=rehearsal,
        tokens=state_dir,
        workloads=workloads,
    )
    sys.stdout.write(encode(run(plan)).decode() + "\n")


def _rehearsal(script: Path, devices: int, way_out: WayOut) -> Rehearsal:
    """Raises `UserError`."""
    try:
        text = script.read_bytes()[:MOST_BYTES].decode()
        found = Rehearsal(read(text), devices)
    except BadScript as error:
        raise UserError(f"{script}: {error.message}", USAGE) from None
    except OSError as error:
        raise UserError(f"cannot read {script}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise UserError(f"{script} is not text", USAGE) from None
    if found.linked and way_out.has_proxy:
        raise UserError("freeze, slow and portal are a proxy of their own: unset the other", USAGE)
    return found


def _allow_files(devices: int) -> None:
    needed = devices + ENROLMENTS_AT_ONCE + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UserError(f"{devices} devices need {needed} open files; the limit is {hard}", USAGE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def run(plan: Plan) -> FleetCounts:
    """Raises `UserError` when the hub does not accept the enrolment key."""
    OwnLog("ERROR").configure()
    try:
        return asyncio.run(Fleet(plan).run())
    except BaseExceptionGroup as group:
        raise _readable(fault_in(group)) from None


def _readable(fault: BaseException) -> BaseException:
    return UserError(fault.message, fault.exit_code) if isinstance(fault, AgentError) else fault


class _InTurn:
    """The tokens of one device, got while at most `ENROLMENTS_AT_ONCE` others get theirs.

    (httpx has such a limit too, but its pool goes through all who wait at every step.)"""

    def __init__(self, enrolment: Enrolment, turn: asyncio.Semaphore) -> None:
        self._enrolment = enrolment
        self._turn = turn

    async def token(self) -> str:
        async with self._turn:
            return await self._enrolment.token()

    async def replace(self) -> None:
        async with self._turn:
            await self._enrolment.replace()


class Fleet:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._counts = FleetCounts()
        self._devices: list[SimulatedDevice] = []
        self._tokens: dict[str, _InTurn] = {}
        """A clone has the token of the device that it was cloned from."""
        self._end = asyncio.Event()
        self._turn = asyncio.Semaphore(ENROLMENTS_AT_ONCE)

    async def run(self) -> FleetCounts:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        async with self._http() as http, self._relay(), asyncio.TaskGroup() as tasks:
            self._devices = [self._device(n, http) for n in range(self._plan.devices)]
            lives = [tasks.create_task(self._live(device)) for device in self._devices]
            parts = (self._show(), self._report(), self._rehearse(http))
            others = [tasks.create_task(part) for part in parts]
            await self._produce()
            await self._drain()
            # Counted while the lines are still there.
            counts = self._count()
            for task in (*lives, *others):
                task.cancel()
        return counts

    def _relay(self) -> AbstractAsyncContextManager[object]:
        rehearsal = self._plan.rehearsal
        linked = rehearsal is not None and rehearsal.linked
        return rehearsal.relay.serving() if rehearsal and linked else nullcontext()

    async def _rehearse(self, http: httpx.AsyncClient) -> None:
        if self._plan.rehearsal is not None:
            await self._plan.rehearsal.run(
                self._devices,
                are_there=lambda: self._counts.connected >= self._plan.devices,
                clone=lambda number: self._device(number - 1, http),
            )

    def _way_out(self, number: int) -> WayOut:
        """Of a device, from 1 on."""
        rehearsal = self._plan.rehearsal
        if rehearsal is None or number not in rehearsal.linked:
            return self._plan.way_out
        rehearsal.relay.link(number)
        return self._plan.way_out.through(rehearsal.relay.proxy(number))

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._plan.hub,
            timeout=HTTP_SECONDS,
            limits=httpx.Limits(max_connections=ENROLMENTS_AT_ONCE),
            **self._plan.way_out.options(self._plan.hub),
        )

    def _device(self, number: int, http: httpx.AsyncClient) -> SimulatedDevice:
        device_id = f"{self._plan.prefix}-{number + 1:05}"
        if device_id not in self._tokens:
            self._tokens[device_id] = _InTurn(self._enrolment(device_id, http), self._turn)
        return SimulatedDevice(
            device_id,
            hub=self._plan.hub,
            way_out=self._way_out(number + 1),
            tokens=self._tokens[device_id],
            counts=self._counts,
            command_seconds=self._plan.command_seconds,
            workloads_by=http if self._plan.workloads else None,
        )

    def _enrolment(self, device_id: str, http: httpx.AsyncClient) -> Enrolment:
        return Enrolment(
            http=http,
            device_id=device_id,
            about={"name": device_id, "version": agent_version()},
            key=self._plan.key,
            path=self._plan.tokens and self._plan.tokens / f"{device_id}.json",
            hub_clock=HubClock(),
        )

    async def _live(self, device: SimulatedDevice) -> None:
        try:
            await device.run()
        except TurnedAway:
            self._counts.turned_away += 1

    async def _produce(self) -> None:
        """Events at the rate that was asked for, device after device, until the end."""
        loop = asyncio.get_running_loop()
        begin, made = loop.time(), 0
        while not self._end.is_set() and not self._is_over(loop.time() - begin):
            await _at_most(TICK_SECONDS, self._end)
            due = int((loop.time() - begin) * self._plan.rate)
            for number in range(made, due):
                self._devices[number % len(self._devices)].scan()
            made = due

    def _is_over(self, elapsed: float) -> bool:
        return self._plan.seconds is not None and elapsed >= self._plan.seconds

    async def _drain(self) -> None:
        """Give the hub a moment to acknowledge what it has."""
        for _ in range(int(DRAIN_SECONDS / TICK_SECONDS)):
            if not any(device.held for device in self._devices):
                return
            await asyncio.sleep(TICK_SECONDS)

    def _count(self) -> FleetCounts:
        held = sum(device.held for device in self._devices)
        faults = self._plan.rehearsal.injected if self._plan.rehearsal else 0
        return msgspec.structs.replace(self._counts, events_held=held, faults=faults)

    async def _report(self) -> None:
        """Every device's status, spread over the interval."""
        while True:
            for device in self._devices:
                await asyncio.sleep(self._plan.status_seconds / len(self._devices))
                device.report_status()

    async def _show(self) -> None:
        console = Console(stderr=True)
        if not console.is_terminal:
            return
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("connecting", total=self._plan.devices)
            while self._counts.connected < self._plan.devices:
                progress.update(bar, completed=self._counts.connected)
                await asyncio.sleep(0.2)


async def _at_most(seconds: float, end: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await end.wait()
