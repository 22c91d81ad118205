"""A small supervisor, as a program: starts its arguments again and again, as the systemd unit does.

python supervisor.py PID_FILE program …

0 (stopped) and SIGTERM end it; whatever else ends the program, also a kill, is
followed by another start. PID_FILE names the program that runs.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

REST_SECONDS = 0.05


def main(pid_file: Path, program: list[str]) -> int:
    stopping = False
    child: subprocess.Popen[bytes] | None = None

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if child is not None and child.poll() is None:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    while not stopping:
        child = subprocess.Popen(program)
        pid_file.write_text(str(child.pid))
        if child.wait() == 0:
            break
        time.sleep(REST_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
