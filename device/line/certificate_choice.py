"""Which of its certificates a device shows, and what becomes of each. Pure.

    none ──obtained──► present ──renewed──► present and candidate ──line by the candidate──► present

A candidate is shown first, and the one before is kept until a line was opened with the candidate.
What the hub refuses is shown no more: then the one before is, or there is none. An answer is about
what was shown when the attempt began, whatever has come since.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from device.line.renewal import due_in


class KeptCertificate(Struct, frozen=True, kw_only=True):
    """All text is PEM; both moments are of the hub's clock."""

    key: str
    certificate: str
    chain: str
    serial: str
    expires: Annotated[datetime, Meta(tz=True)]
    life_seconds: float


class CertificateChoice:
    def __init__(
        self, present: KeptCertificate | None = None, candidate: KeptCertificate | None = None
    ) -> None:
        self._present = present
        self._candidate = candidate
        self._offered: KeptCertificate | None = None

    @property
    def shown(self) -> KeptCertificate | None:
        return self._candidate or self._present

    @property
    def has_candidate(self) -> bool:
        return self._candidate is not None

    def obtained(self, kept: KeptCertificate) -> None:
        """Where there was none."""
        self._present = kept

    def renewed(self, kept: KeptCertificate) -> None:
        self._candidate = kept

    def offer(self) -> None:
        """An attempt begins: it shows what is `shown` now."""
        self._offered = self.shown

    def opened(self) -> bool:
        """The attempt became a line. Whether by the candidate, which is the present one now."""
        if self._candidate is None or self._offered is not self._candidate:
            return False
        self._present, self._candidate = self._candidate, None
        return True

    @property
    def is_behind(self) -> bool:
        """Whether the line was opened before there was what is shown now."""
        return self._offered is not self.shown

    def refused(self) -> KeptCertificate | None:
        """The hub did not take what the attempt showed: that is dropped, and answered."""
        dropped, self._offered = self._offered, None
        if dropped is None:
            return None
        if dropped is self._candidate:
            self._candidate = None
        else:
            self._present = None
        return dropped

    def due_in(self, hub_now: float | None) -> float | None:
        """Seconds until another is to be asked for, 0 = now, None = nobody knows, or there is a
        candidate already. `hub_now` in seconds since the epoch."""
        if self._present is None or self._candidate is not None:
            return None
        return due_in(
            expires=self._present.expires,
            life_seconds=self._present.life_seconds,
            hub_now=hub_now,
        )
