"""The `longline` command: one table of subcommands, each in a module that is imported when chosen.

To add a subcommand, add a line to `SUBCOMMANDS` and write `longline/<name>.py` with one of

- `command`: a Typer-style function (annotated parameters; its docstring is the help), or
- `app`: a `typer.Typer` with subcommands of its own (as `admin` has).

Only the module of the subcommand named on the command line is imported; the others stand in the
help as the summary in the table. So the base install runs `longline device` although asyncpg and
starlette are not there, and a subcommand whose packages are missing says which extra brings them.
Before that import, foreign packages with the names of ours are looked for (`longline/shadows.py`).

A `command` may return an int, its exit code; it may raise `longline.errors.UserError`, which
`main` prints in one line on stderr. Bad flags exit 2, Ctrl-C 130. Anything else is a defect and
leaves its traceback.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, cast

import typer
from msgspec import Struct

from longline.errors import USAGE, MissingExtra, UserError
from longline.packages import AGENT, OURS
from longline.shadows import check


class Subcommand(Struct, frozen=True):
    summary: str
    extra: str | None = None
    """The extra of the distribution that brings its packages; None = the base install."""


SUBCOMMANDS: Final[dict[str, Subcommand]] = {
    "up": Subcommand("Run a hub with its own Postgres and Valkey.", "embedded"),
    "hub": Subcommand("Run one replica of the hub.", "hub"),
    "device": Subcommand("Run the agent of one device."),
    "launch": Subcommand("Start the selected version of the agent."),
    "firmware": Subcommand("Build, sign and upload versions of the agent."),
    "approvals": Subcommand("Approve or reject what waits for a second person."),
    "shell": Subcommand("Open a login shell on a device."),
    "exec": Subcommand("Run a program in a container of a device."),
    "logs": Subcommand("Show the log of a device, or of a container on it."),
    "forward": Subcommand("Lead a port of this machine through a device."),
    "cp": Subcommand("Copy a file from a device, or to it."),
    "sign": Subcommand("Sign a command for devices that want it signed by a person."),
    "emit": Subcommand("Send events to the agent on this device."),
    "fleet": Subcommand("Simulate many devices in one process."),
    "demo": Subcommand("Show a hub with a few devices at work.", "embedded"),
    "migrate": Subcommand("Migrate the database to the current schema.", "hub"),
    "doctor": Subcommand("Check an installation for problems.", "hub"),
    "audit": Subcommand("Verify and export the audit.", "hub"),
    "ca": Subcommand("Show, import and rotate the authority of devices' certificates.", "hub"),
    "admin": Subcommand("Manage users, keys and enrolment.", "hub"),
}

_INTERRUPTED: Final = 130


class _UsageError(Protocol):
    def format_message(self) -> str: ...


# Typer does not export the base of its usage errors, and newer ones carry their own click.
_UsageErrors: Final[type[Exception]] = typer.BadParameter.__bases__[0]


def main() -> None:
    """The entry point: `sys.argv` in, exit code out."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except UserError as error:
        _fail(error.message, error.exit_code)
    except _UsageErrors as error:
        _fail(cast("_UsageError", error).format_message(), USAGE)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_INTERRUPTED)


def _run(arguments: list[str]) -> int:
    code: object = build_app(_chosen(arguments))(
        args=arguments or ["--help"], prog_name="longline", standalone_mode=False
    )
    return code if isinstance(code, int) else 0


def _fail(message: str, exit_code: int) -> None:
    one_line = " ".join(message.split())
    sys.stderr.write(f"longline: {one_line}\n")
    sys.exit(exit_code)


def _chosen(arguments: list[str]) -> str | None:
    """The subcommand that is asked for; a shell that completes asks through the environment."""
    words = arguments
    if "_LONGLINE_COMPLETE" in os.environ:
        line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
        words = line.split()[1:]
    return next((word for word in words if not word.startswith("-")), None)


def build_app(chosen: str | None) -> typer.Typer:
    """Every subcommand by its summary, and `chosen` as it really is. Raises `MissingExtra` and
    `Shadowed`."""
    app = typer.Typer(
        help="One long line to every device.",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(_no_options)
    for name, subcommand in SUBCOMMANDS.items():
        if name == chosen:
            _attach(app, name, subcommand)
        else:
            app.command(name, help=subcommand.summary)(_not_loaded)
    return app


def _no_options() -> None:
    pass


def _not_loaded() -> None:
    pass


def _attach(app: typer.Typer, name: str, subcommand: Subcommand) -> None:
    module = _load(name, subcommand)
    nested = getattr(module, "app", None)
    if isinstance(nested, typer.Typer):
        app.add_typer(nested, name=name, help=subcommand.summary)
    else:
        command = cast("Callable[..., Any]", module.command)
        app.command(name)(command)


def _load(name: str, subcommand: Subcommand) -> Any:
    check(AGENT if subcommand.extra is None else sorted(OURS))
    try:
        return import_module(f"longline.{name}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if subcommand.extra is None or missing in OURS:
            raise
        raise MissingExtra(name, subcommand.extra) from None
