"""The network between a browser and the hub, to be cut."""

from tests.acceptance.chaos.proxy import Address, Proxy
from tests.acceptance.hub.process import HubProcess
from tests.browser.devices import Floor


class Network:
    """Between the browser and the hub."""

    def __init__(self, floor: Floor, hub: HubProcess) -> None:
        self._target: Address | None = ("127.0.0.1", int(hub.url.rpartition(":")[2]))
        self._kept = self._target
        self.proxy = Proxy(lambda: self._target)
        self._floor = floor

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    def cut(self) -> None:
        self._target = None
        self._floor.call(self.proxy.cut)

    def restore(self) -> None:
        self._target = self._kept
        self._floor.call(self.proxy.thaw)

    def freeze(self) -> None:
        """Nothing moves, and nobody is told."""
        self._floor.call(self.proxy.freeze)
