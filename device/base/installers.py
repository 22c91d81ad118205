"""The settings of what installs software on this device, by type of software. Pure.

Only the device's own file says what runs: nothing that comes from the hub is ever part of a program
but the name of a verified file and a version, each as (part of) one argument.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from protocol.commands import AGENT_TYPE

Argv = Annotated[tuple[str, ...], Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
MOST_TYPES: Final = 32
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


class InstallerPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ProofSettings(InstallerPart, frozen=True):
    """What tells which version is installed: exactly one of the three."""

    version_file: str | None = None
    """Its first line is the version."""
    argv: Argv | None = None
    """A program; the first line that it prints is the version."""
    report: str | None = None
    """A local program that reports its version on the agent's socket."""


class InstallerSettings(InstallerPart, frozen=True):
    """`{file}` and `{version}` in an argument are filled in."""

    argv: Argv
    proof: ProofSettings
    undo_argv: Argv | None = None
    """Run when the installation failed, or the proof."""
    timeout_seconds: Seconds = 600.0
    """Of `argv`, and of `undo_argv`."""
    proof_seconds: Seconds = 120.0
    """How long the proof may take to name the new version."""
    unsigned: bool = False
    """What nobody signed is installed, too."""


Installers = Mapping[str, InstallerSettings]


def problem_of(installers: Installers) -> str | None:
    """Why the settings make no sense; None when they do."""
    if len(installers) > MOST_TYPES:
        return f"installers: {len(installers)} types; a device has at most {MOST_TYPES}"
    problems = (_problem(name, each) for name, each in installers.items())
    return next((each for each in problems if each is not None), None)


def _problem(name: str, installer: InstallerSettings) -> str | None:
    if name == AGENT_TYPE:
        return f"installers.{name}: the agent is installed by its launcher (longline launch)"
    if _TYPE.fullmatch(name) is None:
        return f"installers.{name}: a type has letters, digits and . _ + -, 64 at most"
    proof = installer.proof
    given = [each for each in (proof.version_file, proof.argv, proof.report) if each]
    if len(given) != 1:
        return f"installers.{name}: its proof is one of version_file, argv and report"
    if proof.version_file and not Path(proof.version_file).is_absolute():
        return f"installers.{name}: {proof.version_file} is not an absolute path"
    return None


def filled(argv: Sequence[str], *, file: str, version: str) -> list[str]:
    """`argv` with what it is for. A value that holds a placeholder itself stays as it is."""
    values = {"{file}": file, "{version}": version}
    return [_PLACEHOLDER.sub(lambda found: values[found[0]], each) for each in argv]


_PLACEHOLDER: Final = re.compile(r"\{file\}|\{version\}")


def takes_unsigned(installers: Installers, *, has_keys: bool) -> bool:
    """Whether anything that nobody signed is taken."""
    return not has_keys or any(each.unsigned for each in installers.values())
