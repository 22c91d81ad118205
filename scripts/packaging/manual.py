"""The manual page, the completions and the changelog, made from what the command itself says."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

import click
from typer.main import get_command

from longline.cli import SUBCOMMANDS, build_app
from scripts.packaging.contents import MAINTAINER

PROGRAM: Final = "longline"
VARIABLE: Final = "_LONGLINE_COMPLETE"
FILES: Final = (
    ("/etc/longline/device.toml", "Settings of the agent."),
    ("/etc/longline/hub.env", "Settings of the hub, as variables."),
    ("/var/lib/longline-device", "The state of the agent: its token, journal and versions."),
    ("/var/lib/longline", "The data of the hub."),
    ("/run/longline-device/agent.sock", "Where programs of the device reach the agent."),
)
CODES: Final = (
    ("0", "Done, or stopped by SIGTERM."),
    ("1", "Failed; one line on standard error says why."),
    ("2", "A flag, variable or file of settings is wrong."),
    ("75", "The agent wants to be started again by its supervisor."),
)


def page(*, version: str, epoch: int) -> str:
    """longline(1), in roff."""
    date = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    lines = [
        f'.TH LONGLINE 1 "{date}" "longline {_roff(version)}" "User Commands"',
        *(".SH NAME", r"longline \- one long line to every device"),
        *(".SH SYNOPSIS", ".B longline", r".I command", r"[\fIoption\fR ...]"),
        ".SH DESCRIPTION",
        "A hub for devices, and the agent that runs on each of them. Commands of the hub are there"
        " where the hub is installed.",
        ".SH COMMANDS",
    ]
    for name in SUBCOMMANDS:
        lines += _command(f"{PROGRAM} {name}", _clicked(name))
    lines += [".SH FILES", *_table(FILES, ".I"), ".SH EXIT STATUS", *_table(CODES, ".B")]
    return "\n".join(lines) + "\n"


def _clicked(name: str) -> click.Command:
    made = get_command(build_app(name))
    return made.commands[name]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def _command(title: str, command: click.Command) -> list[str]:
    lines = [f'.SS "{_roff(title)}"', _roff(_help(command))]
    context = click.Context(command, info_name=title)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            lines += [".TP", rf"\fB{_roff(record[0])}\fR", _roff(record[1])]
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        if not inner.hidden:
            lines += _command(f"{title} {name}", inner)
    return lines


def _help(command: click.Command) -> str:
    return " ".join((command.help or command.short_help or "").replace("\b", "").split())


def _table(rows: tuple[tuple[str, str], ...], face: str) -> list[str]:
    return [line for name, text in rows for line in (".TP", f"{face} {name}", _roff(text))]


def _roff(text: str) -> str:
    """As text that roff takes for nothing else."""
    flat = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
    return re.sub(r"^(?=[.'])", r"\&", flat)


def completion(shell: str) -> str:
    """The script that a shell reads once."""
    argv = (sys.executable, "-m", PROGRAM)
    environ = {**os.environ, VARIABLE: f"source_{shell}"}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def debian_changelog(package: str, *, version: str, epoch: int) -> str:
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return (
        f"{package} ({version}) unstable; urgency=medium\n\n"
        "  * See docs/changelog.md of the sources.\n\n"
        f" -- {MAINTAINER}  {when}\n"
    )
