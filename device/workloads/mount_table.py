"""Which kind of file system a path is on, by `/proc/self/mountinfo`. Pure."""

from pathlib import PurePosixPath
from typing import Final

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


def is_in_memory(path: str, mountinfo: str) -> bool:
    """What lies there is on no disk."""
    longest, kind = "", ""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].replace("\\040", " ")
        if len(point) >= len(longest) and PurePosixPath(path).is_relative_to(point):
            longest, kind = point, rest.split(" ", 1)[0]
    return kind in IN_MEMORY
