"""A small disk that can be full: a tmpfs whose size is set to what is used."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

SIZE: Final = 4 << 30
ATTEMPTS: Final = 20
MISSING: Final = "a tmpfs cannot be mounted here (that takes root)"


class Disk:
    """Of what is written to `folder`, until `unmount`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={SIZE},mode=700", "disk", folder)

    def fill(self) -> None:
        """From now on nothing more can be written to it."""
        for left in range(ATTEMPTS, -1, -1):
            found = os.statvfs(self._folder)
            try:
                self._resize((found.f_blocks - found.f_bfree) * found.f_frsize)
            except subprocess.CalledProcessError:
                if not left:  # else somebody has written meanwhile: it cannot be that small
                    raise
            else:
                return

    def free(self) -> None:
        self._resize(SIZE)

    def unmount(self) -> None:
        subprocess.run(["umount", self._folder], capture_output=True, check=True)

    def _resize(self, size: int) -> None:
        _mount("-o", f"remount,size={size}", self._folder)


def mountable() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            Disk(Path(folder)).unmount()
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def _mount(*argv: str | Path) -> None:
    subprocess.run(["mount", *argv], capture_output=True, check=True)
