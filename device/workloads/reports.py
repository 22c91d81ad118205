"""Which statuses of applications the hub is sent, and when. Pure.

An application is told of after `hello`, when something but figures has changed, and when the device
was handed another document: of that one the hub waits to hear. That is at most once in two seconds;
each minute its hash goes up, by which a hub sees that it knows another state.
"""

from collections.abc import Mapping
from typing import Final

from device.workloads.service_status import fitting
from protocol.workloads import ServiceStatus, ServiceUsage, WorkloadStatus, status_hash

LEAST_SECONDS: Final = 2.0


class Reports:
    def __init__(self, told: Mapping[str, str]) -> None:
        """`told` are the applications of which the hub knows, from an earlier start of the agent:
        of one that is gone it hears that once more."""
        self._sent: dict[str, str] = dict(told)
        """Hashes, by application."""
        self._versions: dict[str, str] = {}
        """Of the documents for which they were sent, by application."""
        self._times: dict[str, float] = {}
        self._everything = False

    @property
    def told(self) -> dict[str, str]:
        return dict(self._sent)

    def begin(self) -> None:
        """A new line, or a hub that asks: all of them are sent."""
        self._everything = True
        self._times.clear()

    def due(
        self, version: str, found: Mapping[str, list[ServiceStatus]], now: float
    ) -> list[WorkloadStatus]:
        """What is to be sent now; it counts as sent."""
        frames = [
            WorkloadStatus(version=version, application=application, services=services)
            for application in {**found, **self._sent}
            if self._is_due(
                version, application, services := fitting(found.get(application, [])), now
            )
        ]
        self._everything = False
        for frame in frames:
            self._note(frame, now, is_there=frame.application in found)
        return frames

    def _is_due(
        self, version: str, application: str, services: list[ServiceStatus], now: float
    ) -> bool:
        at = self._times.get(application)
        if at is not None and now - at < LEAST_SECONDS:
            return False
        if self._everything or self._versions.get(application) != version:
            return True
        return status_hash(services) != self._sent.get(application)

    def _note(self, frame: WorkloadStatus, now: float, *, is_there: bool) -> None:
        if is_there:
            self._sent[frame.application] = status_hash(frame.services or [])
            self._versions[frame.application] = frame.version
            self._times[frame.application] = now
        else:
            del self._sent[frame.application]
            self._versions.pop(frame.application, None)
            self._times.pop(frame.application, None)

    def minute(self, usage: Mapping[str, Mapping[str, ServiceUsage]]) -> list[WorkloadStatus]:
        """Of what was sent since the start, with the document for which it was."""
        return [
            WorkloadStatus(
                version=version,
                application=application,
                hash=self._sent[application],
                usage=dict(usage.get(application, {})),
            )
            for application, version in sorted(self._versions.items())
        ]

    def next_due(self, now: float) -> float | None:
        """Seconds until something that was held back may go; None when that is nothing."""
        left = [at + LEAST_SECONDS - now for at in self._times.values()]
        return min((each for each in left if each > 0), default=None)
