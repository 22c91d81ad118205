"""What a version on trial writes to standard error, kept so that a rollback can say why; so is what
a confirmed one writes in the first minutes after a crash.

A version that does not even import leaves nothing else behind. So the launcher lets it write to
`trial.log`; who comes next hands that on to the real standard error: the version itself once it is
confirmed, or has not crashed again, else the launcher, which also puts the end of it into the
reason of the rollback.
"""

import os
import sys
from pathlib import Path
from typing import Final

from device.base.output import Capture, excerpt

VARIABLE: Final = "LONGLINE_STDERR"
"""Number of the descriptor that is the real standard error, for a version on trial."""
MOST_BYTES: Final = 4096
"""Of the reason; the message of an alert has room for twice as much."""
_STDERR: Final = 2
_CHUNK: Final = 256 * 1024
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW


def divert(file: Path) -> dict[str, str]:
    """From now on standard error is `file`, also after `exec`; what to add to the environment.
    Without room for the file it stays as it is."""
    sys.stderr.flush()
    try:
        descriptor = os.open(file, _FLAGS, 0o600)
    except OSError:
        return {}
    real = os.dup(_STDERR)
    os.set_inheritable(real, True)
    os.dup2(descriptor, _STDERR)
    os.close(descriptor)
    return {VARIABLE: str(real)}


def restore(file: Path) -> None:
    """Undo `divert`, in the version that was confirmed."""
    real = os.environ.pop(VARIABLE, "")
    if real.isdecimal():
        sys.stderr.flush()
        os.dup2(int(real), _STDERR)
        os.close(int(real))
        hand_on(file)


def hand_on(file: Path) -> str:
    """Write to standard error what is in `file`, and remove it; its end, for people."""
    capture = Capture(MOST_BYTES)
    try:
        with file.open("rb") as kept:
            while chunk := kept.read(_CHUNK):
                capture.take(chunk)
                os.write(_STDERR, chunk)
        file.unlink()
    except OSError:
        pass  # there was none, or nobody reads: neither may keep the agent from its start
    return excerpt(capture.written(), MOST_BYTES, failed=True).strip()
