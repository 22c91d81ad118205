"""One call for a device's token before the limits of enrolment: what counts, and as whose."""

from hashlib import sha256

from hub.web.limits import RequestLimits, Scope
from protocol.ids import DeviceId, OrgId


class Admission:
    """Every method raises `TooManyRequests`. Who shows a good key or token does not count for his
    address: a whole factory may stand behind it."""

    def __init__(self, limits: RequestLimits, scope: Scope, address: str | None) -> None:
        self._limits = limits
        self._scope = scope
        self.address = address

    def of_nobody(self) -> None:
        """Somebody who is no device, whatever he shows."""
        self._limits.stranger(self._scope, self.address)

    def may_show_key(self) -> None:
        """Whether a key of this address is looked at."""
        self._limits.may_show_key(self._scope, self.address)

    def wrong_key(self) -> None:
        self._limits.wrong_key(self._scope, self.address)

    def device(self, org: OrgId, device_id: DeviceId) -> None:
        """A good key or token was shown."""
        self._limits.device(self._scope, org, device_id)

    def new_device(self, key: str) -> None:
        self._limits.new_device(self._scope, self.address, key_id_of(key))


def key_id_of(key: str) -> str:
    """Tells keys apart, and is none."""
    return sha256(key.encode()).hexdigest()[:16]
