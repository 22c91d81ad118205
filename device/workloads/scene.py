"""What shall be on this device and what is there, as of the last look."""

import time
from collections.abc import Iterable
from typing import Final

from device.workloads.attempts import Attempts
from device.workloads.back_off import RestartWatch
from device.workloads.claims import ServiceKey
from device.workloads.image_store import ImageStore
from device.workloads.plan import Planned, Planner
from device.workloads.reconcile import (
    Container,
    Halted,
    ServiceRefusal,
    Surroundings,
    WantedService,
    right_one,
    waits_for,
)
from device.workloads.sealed import Kept
from device.workloads.service_status import Known, statuses
from protocol.workloads import ServiceStatus

UP_SECONDS: Final = 10.0
"""How long a container runs before its start has worked."""


class Scene:
    def __init__(
        self, images: ImageStore, attempts: Attempts, halted: dict[str, str | None]
    ) -> None:
        self._images = images
        self._attempts = attempts
        self.halted = halted
        """Containers that the hub has stopped, and when they had been started."""
        self.planned: dict[ServiceKey, Planned] = {}
        self.version: str | None = None
        """Of the document that `planned` is made of."""
        self.containers: list[Container] = []
        self.away: str | None = None
        """Why there is no engine."""
        self._restarts = RestartWatch()
        self._up_since: dict[str, float] = {}

    @property
    def wanted(self) -> list[WantedService]:
        return [each.wanted for each in self.planned.values()]

    def plan(self, planner: Planner, kept: Kept | None) -> None:
        """Without a document nobody has said what shall be there."""
        if kept is not None:
            planned = planner.plan(kept.document, {each.key for each in self.containers})
            self.planned = {each.wanted.key: each for each in planned}
            self.version = kept.version
            self._attempts.forget_all_but(self.planned)

    def see(self, containers: list[Container]) -> None:
        now = time.monotonic()
        self.containers = containers
        self._restarts.note({each.id: each.restarts for each in containers}, now)
        up = [each for each in containers if each.is_up]
        self._up_since = {each.id: self._up_since.get(each.id, now) for each in up}

    def note_what_works(self) -> None:
        """What has run for a while has nothing to rest from."""
        now = time.monotonic()
        for key, planned in self.planned.items():
            right = self.right(planned)
            since = self._up_since.get(right.id) if right is not None else None
            if since is not None and now - since >= UP_SECONDS:
                self._attempts.worked(key)

    def right(self, planned: Planned) -> Container | None:
        """The container that is what is planned."""
        found = (each for each in self.containers if each.key == planned.wanted.key)
        return right_one(planned.wanted, found, self._images.ready)

    def around(self) -> Surroundings:
        return Surroundings(
            images=self._images.ready,
            resting=self._attempts.resting(),
            halted=Halted(self.halted),
        )

    def statuses(self) -> dict[str, list[ServiceStatus]]:
        wanted = self.wanted
        if self.away is not None:
            gone = ServiceRefusal("engine_unavailable", self.away)
            return statuses(wanted, (), Known(failures={each.key: gone for each in wanted}))
        known = Known(
            images=self._images.ready,
            digests=self._images.digests,
            pulling=self._images.pulling,
            failures=self._attempts.failures,
            often=self._restarts.often(time.monotonic()),
            waits=self._waits(wanted),
        )
        return statuses(wanted, self.containers, known)

    def _waits(self, wanted: Iterable[WantedService]) -> dict[ServiceKey, list[str]]:
        around = self.around()
        return {
            each.key: found
            for each in wanted
            if each.needs and (found := waits_for(each, self.wanted, self.containers, around))
        }
