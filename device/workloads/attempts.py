"""Tries what may fail, and lets a service rest where it did."""

import time
from collections.abc import Awaitable, Collection

import structlog

from device.base.errors import JournalUnavailable
from device.workloads.back_off import BackOff
from device.workloads.claims import ServiceKey
from device.workloads.reconcile import ServiceRefusal
from device.workloads.service_files import CannotWrite

_log = structlog.stdlib.get_logger()


class Attempts:
    def __init__(self) -> None:
        self.failures: dict[ServiceKey, ServiceRefusal] = {}
        """Why the last step of a service failed."""
        self._back_off = BackOff()

    async def tried(self, key: ServiceKey, step: Awaitable[None]) -> ServiceRefusal | None:
        """Why it failed; then the service rests. Raises `EngineAway`."""
        from device.workloads.engine import EngineRefused

        try:
            await step
        except EngineRefused as error:
            refusal = error.refusal
        except (CannotWrite, ValueError) as error:
            refusal = ServiceRefusal("refused_by_device", str(error))
        except JournalUnavailable as error:
            refusal = ServiceRefusal("disk_full", f"cannot note it: {error}")
        else:
            self.failures.pop(key, None)
            return None
        wait = self.rest(key)
        _log.error(
            "workload_failed",
            service="/".join(key),
            code=refusal.code,
            reason=refusal.message,
            again_in=wait,
        )
        self.failures[key] = refusal
        return refusal

    def rest(self, key: ServiceKey) -> float:
        """For so many seconds."""
        return self._back_off.failed(key, time.monotonic())

    def worked(self, key: ServiceKey) -> None:
        """It has run for a while."""
        self._back_off.worked(key)
        self.failures.pop(key, None)

    def begin_anew(self) -> None:
        """Something else is wanted."""
        self._back_off.clear()

    def forget_all_but(self, keys: Collection[ServiceKey]) -> None:
        for gone in self.failures.keys() - set(keys):
            del self.failures[gone]

    def resting(self) -> frozenset[ServiceKey]:
        return self._back_off.resting(time.monotonic())

    def next_try(self) -> float | None:
        """Seconds until then."""
        return self._back_off.next_try(time.monotonic())
