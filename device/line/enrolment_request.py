"""What a device keeps while a person has to approve it: the secret that only it has, and the
fingerprint that the person compares. `enrollment_request.json`, beside the token.

The secret came once: who loses it becomes another request.
"""

from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from device.base.files import write_atomically
from protocol.codec import encode

_log = structlog.stdlib.get_logger()


class EnrolmentRequest(Struct, frozen=True):
    secret: str
    fingerprint: str


class KeptRequest:
    """Without a `path` it is kept in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.now = _read(path) if path else None

    def put(self, request: EnrolmentRequest) -> None:
        self.now = request
        if self._path is not None:
            try:
                write_atomically(self._path, encode(request))
            except OSError as error:
                # In memory it serves until the next start, which asks anew.
                _log.warning("enrolment_request_not_kept", reason=error.strerror)

    def forget(self) -> None:
        """The device has its token."""
        if self.now is None:
            return
        self.now = None
        if self._path is not None:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("enrolment_request_not_removed", reason=error.strerror)


def _read(path: Path) -> EnrolmentRequest | None:
    """What cannot be read is as good as none: the device asks anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=EnrolmentRequest)
    except (OSError, msgspec.MsgspecError):
        return None
