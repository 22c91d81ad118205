"""Numbers of local programs, on their way into the next `status` beside the agent's own. Pure.

A number joins each status until it is three intervals old, and at least the next one: a device may
send its status less often than that.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, structs

from device.local.local_lines import MOST_SILENT_SECONDS, Refused

MOST: Final = 40
"""Of all programs."""
OWN: Final = frozenset(
    {
        "agent.memoryMiB",
        "agent.uptimeSeconds",
        "commands.running",
        "cpu.load1",
        "cpu.percent",
        "disk.percent",
        "host.uptimeSeconds",
        "memory.availableMiB",
        "memory.percent",
        "network.bytesReceived",
        "network.bytesSent",
        "outbox.depth",
        "outbox.dropped",
        "queue.depth",
        "queue.dropped",
        "queue.oldestSeconds",
        "queue.refused",
        "temperature.celsius",
    }
)
"""The names that the agent itself measures, here or on another machine."""
MOST_NAME: Final = 128


class _Number(Struct, frozen=True):
    value: float
    at: float
    joined: bool = False


class NamedMetrics:
    def __init__(self) -> None:
        self._numbers: dict[str, _Number] = {}

    def take(self, metrics: Mapping[str, float], *, now: float) -> None:
        """All of them, by their full names, or none: raises `Refused`."""
        for name in metrics:
            if name in OWN:
                raise Refused("reserved_name", f"{name} is the agent's own")
            if len(name) > MOST_NAME:
                raise Refused("invalid", f"a name has at most {MOST_NAME} characters: {name[:60]}…")
        self._forget(now)
        if len(self._numbers.keys() | metrics.keys()) > MOST:
            raise Refused("too_many_metrics", f"the device takes {MOST} names in all")
        self._numbers.update({name: _Number(value, now) for name, value in metrics.items()})

    def join(self, *, now: float) -> dict[str, float]:
        """What goes with the status that is made now."""
        self._forget(now)
        for name, number in self._numbers.items():
            self._numbers[name] = structs.replace(number, joined=True)
        return self.present

    @property
    def present(self) -> dict[str, float]:
        return {name: number.value for name, number in self._numbers.items()}

    def _forget(self, now: float) -> None:
        self._numbers = {
            name: number
            for name, number in self._numbers.items()
            if now - number.at < MOST_SILENT_SECONDS or not number.joined
        }
