"""A machine of its own: Debian in a directory, and its systemd as the first process of namespaces.

It has the network of this one, so it reaches a hub that a test has started."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.up import POLL_SECONDS, until

RELEASE: Final = "bookworm"
MIRROR: Final = "http://deb.debian.org/debian"
INCLUDED: Final = "python3,systemd,libpam-systemd,dbus,polkitd,sudo,iproute2,iputils-ping,procps"
HURRIED: Final = {"DPKG_FORCE": "unsafe-io,downgrade"}
"""dpkg waits for no disk. This takes the place of what it does without being told: going down."""
MAKE_SECONDS: Final = 400
BOOT_SECONDS: Final = 60.0
RUN_SECONDS: Final = 120

BOOT: Final = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do cp -a "/dev/$name" "dev/$name"; done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs run
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
mkdir -p old
pivot_root . old
umount -l /old
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --system --log-target=journal --show-status=no
"""


def make_root(folder: Path) -> str | None:
    """Fill it with Debian. Why that cannot be done here, in one line; None: it was."""
    argv = ("debootstrap", "--variant=minbase", f"--include={INCLUDED}", RELEASE, folder, MIRROR)
    done = subprocess.run(
        argv, env=os.environ | HURRIED,
        capture_output=True, text=True, timeout=MAKE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    return (done.stdout + done.stderr).strip().splitlines()[-1]


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._outer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Skips the test where no systemd can be the first process of namespaces."""
        argv = ("unshare", "-pmfiuC", "--kill-child", "sh", "-c", BOOT, "boot", self.root)
        with (self.root / "boot.log").open("wb") as log:
            self._outer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + BOOT_SECONDS
        while (state := self._state()) not in ("running", "degraded"):
            if self._outer.poll() is not None or time.monotonic() > deadline:
                said = (self.root / "boot.log").read_text().strip().splitlines()
                self.stop()
                pytest.skip(f"no systemd runs in namespaces here: {[state, *said][-1]}")
            time.sleep(POLL_SECONDS)

    def _state(self) -> str:
        if self._init() is None:
            return "not there"
        return self.attempt("systemctl", "is-system-running").stdout.strip()

    def _init(self) -> int | None:
        """Its first process, as this machine counts them."""
        assert self._outer is not None
        pid = self._outer.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return int(children[0]) if children else None
        except OSError:
            return None

    def attempt(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it there as root, whatever comes of it."""
        enter = ("nsenter", "-t", str(self._init()), *("-m", "-p", "-i", "-u", "-C", "-r", "-w"))
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        environ |= {"DEBIAN_FRONTEND": "noninteractive", **HURRIED}
        return subprocess.run(
            [*enter, *argv], input=stdin, env=environ,
            capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip

    def run(self, *argv: str, stdin: str = "") -> str:
        """What it said; it must succeed."""
        done = self.attempt(*argv, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, *packages: Path) -> str:
        for package in packages:
            shutil.copy(package, self.root / "root" / package.name)
        return self.run("dpkg", "--install", *(f"/root/{each.name}" for each in packages))

    def is_up(self) -> bool:
        return self._outer is not None and self._outer.poll() is None

    def until_down(self) -> None:
        """systemd gives what runs 90 s to end."""
        until(lambda: not self.is_up(), seconds=BOOT_SECONDS + 90)

    def stop(self) -> None:
        """With everything that runs on it."""
        if self._outer is not None:
            self._outer.kill()
            self._outer.wait()


@contextlib.contextmanager
def machine_from(image: Path, folder: Path) -> Generator[Machine]:
    """One that runs, on a copy of the image."""
    root = folder / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", image, root], check=True)
    machine = Machine(root)
    try:
        machine.start()
        yield machine
    finally:
        machine.stop()
        subprocess.run(["rm", "-rf", "--one-file-system", root], check=True)


def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a machine")
