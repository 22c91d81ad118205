"""Where the socket of local programs is, when nobody says: beside the state, if that fits; and the
file that lies beside the socket."""

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
    return Path(runtime_dir) / f"longline-{_digest(state)}.sock"


def config_beside(socket: Path, state: Path) -> Path | None:
    """Where the applied configuration is for other programs. None: the socket is where they cannot
    come, in the state directory, or among files of other agents, in `$XDG_RUNTIME_DIR`."""
    private = socket.parent.resolve() == state.resolve()
    if private or socket.name == f"longline-{_digest(state)}.sock":
        return None
    return socket.with_name("config.json")


def _digest(state: Path) -> str:
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
