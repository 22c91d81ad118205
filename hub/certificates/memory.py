"""What was found of the certificates that were shown lately: the least recently used is forgotten
first, and looked up again. Pure."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from hub.certificates.judging import CertificateStanding
from hub.certificates.reading import ShownCertificate
from protocol.ids import OrgId

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
        if len(self._known) > self._remembered:
            _, oldest = self._known.popitem(last=False)
            self._by_serial.pop((oldest.shown.org, oldest.shown.serial), None)

    def forget(self, org: OrgId, serial: str) -> None:
        digest = self._by_serial.pop((org, serial), None)
        if digest is not None:
            self._known.pop(digest, None)

    def clear(self) -> None:
        self._known.clear()
        self._by_serial.clear()
