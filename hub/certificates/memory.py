"""What was found of the certificates that were shown lately: the least recently used is forgotten
first, and looked up again. Pure."""

from collections import OrderedDict, defaultdict
from typing import Final

from msgspec import Struct

from hub.certificates.judging import CertificateStanding
from hub.certificates.reading import ShownCertificate
from protocol.ids import DeviceId, DeviceKey, OrgId

REMEMBERED: Final = 50_000


class Remembered(Struct, frozen=True):
    shown: ShownCertificate
    standing: CertificateStanding | None


class CertificateMemory:
    """By the SHA-256 of the DER, so that only what has been checked whole is found."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[bytes, Remembered] = OrderedDict()
        self._by_serial: dict[tuple[OrgId, str], bytes] = {}
        self._of_device: defaultdict[DeviceKey, set[str]] = defaultdict(set)
        """Serials."""

    def __len__(self) -> int:
        return len(self._known)

    def get(self, digest: bytes) -> Remembered | None:
        found = self._known.get(digest)
        if found is not None:
            self._known.move_to_end(digest)
        return found

    def of_serial(self, org: OrgId, serial: str) -> Remembered | None:
        digest = self._by_serial.get((org, serial))
        return None if digest is None else self._known.get(digest)

    def put(self, digest: bytes, remembered: Remembered) -> None:
        shown = remembered.shown
        self._known[digest] = remembered
        self._known.move_to_end(digest)
        self._by_serial[shown.org, shown.serial] = digest
        self._of_device[shown.org, shown.device_id].add(shown.serial)
        if len(self._known) > self._remembered:
            oldest = next(iter(self._known.values())).shown
            self.forget(oldest.org, oldest.serial)

    def forget(self, org: OrgId, serial: str) -> None:
        digest = self._by_serial.pop((org, serial), None)
        gone = None if digest is None else self._known.pop(digest, None)
        if gone is not None:
            place = (org, gone.shown.device_id)
            self._of_device[place].discard(serial)
            if not self._of_device[place]:
                del self._of_device[place]

    def forget_device(self, org: OrgId, device_id: DeviceId) -> None:
        for serial in list(self._of_device.get((org, device_id), ())):
            self.forget(org, serial)

    def clear(self) -> None:
        self._known.clear()
        self._by_serial.clear()
        self._of_device.clear()
