"""As pid 1 of a container: an init beside the agent, since nobody else collects orphans there.

Whatever a program of the agent leaves behind becomes a child of pid 1, and a zombie when it ends. A
`waitpid(-1)` in the agent itself would take the exit codes of its own programs away from asyncio;
so the process divides: pid 1 waits for everybody and hands signals on, its child is the agent.
"""

import os
import signal
import sys
from typing import Final

PID_ONE: Final = 1
_HANDED_ON: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def divide_as_pid_one() -> None:
    """Return at once in any other process, and in the child. Pid 1 itself ends with the exit code
    of the child, or 128 and the number of the signal that ended it."""
    if os.getpid() != PID_ONE:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    # One that comes before there is a handler would be lost: the kernel spares pid 1.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # Ctrl-C is for pid 1 alone, which hands it on
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
        return
    for number in _HANDED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
    os._exit(_collect_until_end_of(child))


def _collect_until_end_of(child: int) -> int:
    """Its exit code."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
