"""What stores seal and open by. The file is read again when it has changed, so that a new master
key needs no restart."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import structlog

from hub.base import key_file, master_key
from hub.base.errors import ConfigurationError, MasterKeyMissing, Unavailable
from hub.base.master_key import KeyMissing, Keyring, NotOpened, Place
from hub.base.settings import Settings

log = structlog.get_logger(__name__)


class Vault:
    """Of one process. Without a file it keeps open what cannot be done without, and refuses the
    rest."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises `ConfigurationError` for a file that cannot be used."""
        self._path = path
        self._seen = _version(path)
        self._ring = None if path is None else key_file.read(path)

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def ring(self) -> Keyring | None:
        """As the file says now; as it said before while it cannot be read."""
        seen = _version(self._path)
        if self._path is not None and seen != self._seen:
            self._seen = seen
            try:
                self._ring = key_file.read(self._path)
            except ConfigurationError as error:
                log.warning("master_key_not_read", error=str(error))
        return self._ring

    def require(self) -> Keyring:
        """Raises `MasterKeyMissing`."""
        ring = self.ring
        if ring is None:
            raise MasterKeyMissing("the hub keeps this sealed only: set LONGLINE_MASTER_KEY_FILE")
        return ring

    def seal(self, place: Place, value: str) -> str:
        """Raises `MasterKeyMissing`."""
        return master_key.seal(self.require(), place, value, secrets.token_bytes)

    def keep(self, place: Place, value: str) -> str:
        """The same of what no hub can do without: it lies open where there is no key."""
        ring = self.ring
        if ring is None:
            return master_key.plain(value)
        return master_key.seal(ring, place, value, secrets.token_bytes)

    def wrap_anew(self, place: Place, stored: str) -> str:
        """The same value under the newest key. Raises `MasterKeyMissing`, `Unavailable`."""
        ring = self.require()
        with _opening(place):
            return master_key.wrapped_anew(ring, place, stored, secrets.token_bytes)

    def open(self, place: Place, stored: str) -> str:
        """Raises `Unavailable` for what this master key does not open."""
        ring = self.ring
        if ring is None:
            if master_key.key_of(stored) is None:
                return stored.removeprefix(master_key.plain(""))
            raise Unavailable("the database was sealed: set LONGLINE_MASTER_KEY_FILE")
        with _opening(place):
            return master_key.open_sealed(ring, place, stored)


@contextmanager
def _opening(place: Place) -> Generator[None]:
    try:
        yield
    except (KeyMissing, NotOpened) as error:
        fault = type(error).__name__
        log.warning("secret_not_opened", place=place, fault=fault, error=str(error))
        raise Unavailable("a secret does not open under the master key of this hub") from None


def of_settings(settings: Settings) -> Vault:
    """Raises `ConfigurationError`."""
    return Vault(key_file.path_of(settings))


def _version(path: Path | None) -> tuple[int, int, int, int] | None:
    """Of its content and its mode: a file that was open to others may be so no more."""
    try:
        status = None if path is None else path.stat()
    except OSError:
        return None
    if status is None:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
