"""Files and directories for other programs of the device: their group, and their modes whatever the
umask. A group that is not there, or that the agent may not give, is one warning; then a file keeps
the agent's own.
"""

import grp
import os
from pathlib import Path
from typing import Final

import structlog

SOCKET_DIRECTORY: Final = 0o711
"""Others may pass, to what they may open by its own mode; they cannot list it."""
SHARED_FILE: Final = 0o640
DROP_DIRECTORY: Final = 0o2770
"""What is made in it has its group, too."""

_log = structlog.stdlib.get_logger()


class Sharing:
    def __init__(self, group: str) -> None:
        self._group = group
        self._gid = _gid_of(group)

    def share(self, place: Path | int, mode: int) -> None:
        """`place` is a path, or what was opened. Raises `OSError`."""
        if self._gid is not None:
            try:
                os.chown(place, -1, self._gid)
            except PermissionError:
                self._gid = None
                _log.warning("group_not_given", group=self._group, reason="not a member of it")
        os.chmod(place, mode)  # noqa: PTH101  (also for what was opened)

    def make_directory(self, path: Path, mode: int) -> None:
        """Make it if it is not there; one that is there was made by somebody who knew its mode.
        Raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=mode & 0o700)
        except FileExistsError:
            return
        self.share(path, mode)


def _gid_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        _log.warning("group_missing", group=group)
        return None
