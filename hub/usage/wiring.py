from typing import Final

from hub.base.foundation import Capability, Foundation, Timer
from hub.usage.rest import UsageEndpoints
from hub.usage.service import UsageService
from hub.usage.store import UsageStore

WRITE_SECONDS: Final = 20.0


def build(base: Foundation) -> Capability:
    service = UsageService(UsageStore(base.database))
    return Capability(
        endpoints=(UsageEndpoints(service),), timers=(Timer(WRITE_SECONDS, service.write),)
    )
