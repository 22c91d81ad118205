"""Carries out a script of faults on a fleet that runs."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from device.base.errors import TurnedAway
from device.simulated import SimulatedDevice
from longline.faults import (
    LINKS,
    Clock,
    Clone,
    Drop,
    Duplicate,
    Fault,
    Flap,
    Freeze,
    Late,
    Moment,
    Portal,
    Slow,
    numbers,
    said,
    timeline,
)
from longline.relay import Link, Relay

LOOK_SECONDS: Final = 0.05


class Rehearsal:
    def __init__(self, faults: Sequence[Fault], devices: int) -> None:
        """Raises `BadScript`."""
        self._faults = [(fault, numbers(fault, devices)) for fault in faults]
        self._timeline = timeline(faults)
        self._clones: dict[tuple[int, int], asyncio.Task[None]] = {}
        self.relay: Final = Relay()
        self.injected = 0
        """Faults that have begun, one for each device."""

    @property
    def linked(self) -> set[int]:
        """The devices whose way to the hub is disturbed, by number."""
        return {
            number for fault, whom in self._faults if isinstance(fault, LINKS) for number in whom
        }

    async def run(
        self,
        devices: Sequence[SimulatedDevice],
        *,
        are_there: Callable[[], bool],
        clone: Callable[[int], SimulatedDevice],
    ) -> None:
        """From the moment at which `are_there` on; `clone` makes another one of a number."""
        while not are_there():  # noqa: ASYNC110  (a count, which nobody announces)
            await asyncio.sleep(LOOK_SECONDS)
        begin = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for moment in self._timeline:
                ahead = begin + moment.at - asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, ahead))
                self._carry_out(moment, devices, clone, tasks)

    def _carry_out(
        self,
        moment: Moment,
        devices: Sequence[SimulatedDevice],
        clone: Callable[[int], SimulatedDevice],
        tasks: asyncio.TaskGroup,
    ) -> None:
        fault, whom = self._faults[moment.number - 1]
        sys.stderr.write(f"{moment.at:8.1f} s  {said(fault, len(whom), begins=moment.begins)}\n")
        self.injected += len(whom) if moment.begins else 0
        for number in whom:
            if isinstance(fault, Clone):
                self._clone((moment.number, number), clone, tasks, begins=moment.begins)
            elif isinstance(fault, LINKS):
                _disturb_link(self.relay.link(number), fault, begins=moment.begins)
            else:
                _disturb(devices[number - 1], fault, begins=moment.begins)

    def _clone(
        self,
        name: tuple[int, int],
        clone: Callable[[int], SimulatedDevice],
        tasks: asyncio.TaskGroup,
        *,
        begins: bool,
    ) -> None:
        if begins:
            self._clones[name] = tasks.create_task(_live(clone(name[1])))
        else:
            self._clones.pop(name).cancel()


async def _live(device: SimulatedDevice) -> None:
    """A clone that is not wanted is away until its end."""
    with contextlib.suppress(TurnedAway):
        await device.run()


def _disturb_link(link: Link, fault: Freeze | Slow | Portal, *, begins: bool) -> None:
    match fault:
        case Freeze():
            (link.freeze if begins else link.thaw)()
        case Slow():
            link.delay = fault.delay if begins else 0.0
            link.bytes_per_second = fault.bytes_per_second if begins else None
        case Portal():
            link.is_portal = begins
            link.cut()
        case _:
            assert_never(fault)


def _disturb(
    device: SimulatedDevice, fault: Drop | Flap | Late | Duplicate | Clock, *, begins: bool
) -> None:
    match fault:
        case Drop() | Flap():
            device.cut()
        case Late():
            device.disturbance.late = fault.delay if begins else 0.0
        case Duplicate():
            device.disturbance.copies = 2 if begins else 1
        case Clock():
            device.disturbance.skew = fault.by if begins else 0.0
        case _:
            assert_never(fault)
