"""Where the socket of local programs is, when nobody says: beside the state, if that fits."""

import hashlib
import os
from pathlib import Path
from typing import Final

MOST_PATH_BYTES: Final = 107
"""Of a unix socket's path, without the final NUL (unix(7): 108)."""


def fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MOST_PATH_BYTES


def default_socket(state: Path, runtime_dir: str | None) -> Path:
    """`runtime_dir` is `$XDG_RUNTIME_DIR`; a place there is the same at each start."""
    beside = state / "agent.sock"
    if fits(beside) or not runtime_dir:
        return beside
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return Path(runtime_dir) / f"longline-{digest}.sock"
