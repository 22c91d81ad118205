"""The state directory: private, and used by one agent at a time.

state.db      journal, outbox, whether the device is disabled
token.json    the device's token
certificate.json  the device's certificate and its key, and certificate_candidate.json beside it
config.json   the pushed configuration
agent.log     the agent's log, and what was before it in agent.log.1
firmware/     staged artifacts (unless set elsewhere)
rejected/     lines of dropped files that were refused, with the reason
agent.sock    local programs (unless set elsewhere), and token.sock beside it
caddy-reloaded  that Caddy has a file of this agent, and whether it is the present one
lock          held while an agent runs
"""

import contextlib
import fcntl
import stat
from collections.abc import Generator
from pathlib import Path
from typing import Final

import structlog

from device.base.errors import StateUnavailable
from device.base.files import make_private

CREDENTIALS: Final = ("token.json", "certificate.json")
"""Of a device that has been enrolled."""
_MODE: Final = 0o700
_log = structlog.stdlib.get_logger()


@contextlib.contextmanager
def claimed(directory: Path) -> Generator[Path]:
    """Make `directory` if need be and keep every other agent out. Raises `StateUnavailable`.

    Two agents with one journal could run a command twice, so the lock is not optional."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=_MODE)
        _close_to_others(directory)
        make_private(directory / "lock")
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise StateUnavailable(f"cannot use {directory}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateUnavailable(f"another agent uses {directory}") from None
        yield directory


def is_enrolled(directory: Path) -> bool:
    """Whether it is the state of a device that has been at work before."""
    return any((directory / name).exists() for name in CREDENTIALS)


def _close_to_others(directory: Path) -> None:
    """Outputs, records and the token lie there. Raises `OSError` where it belongs to somebody
    else."""
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & ~_MODE:
        directory.chmod(_MODE)
        _log.warning("state_directory_made_private", directory=str(directory), was=f"{mode:04o}")


def os_boot_id(path: str) -> str:
    """What names the present start of the operating system. Raises `StateUnavailable`."""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise StateUnavailable(f"cannot read {path}: {error.strerror}") from None
