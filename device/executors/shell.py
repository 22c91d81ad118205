"""`exec_shell`: a template of this device, as an argv; never a shell."""

from collections.abc import Mapping
from typing import Any, Final

from device import process
from device.base.errors import CommandFailed
from device.base.output import excerpt, is_longer
from device.base.shell_templates import TemplateRefused, fill
from device.executors.context import CommandContext, Done
from protocol.commands import ExecShell, SecretReference
from protocol.replies import ResultError

STDOUT_BYTES: Final = 32 * 1024
STDERR_BYTES: Final = 8 * 1024
OUTPUT_BYTES: Final = 4 * 1024
"""Of `output`, which repeats the ends of standard output for people."""


async def exec_shell(command: ExecShell, context: CommandContext) -> Done:
    templates = context.tools.settings.templates
    try:
        argv = fill(templates, command.template, _texts(command.args))
    except TemplateRefused as error:
        raise CommandFailed(error.code, error.message) from None
    context.progress(stage="running", message=command.template)
    limit = templates[command.template].timeout_seconds
    try:
        finished = await process.run(
            argv,
            timeout_seconds=limit,
            stdout_limit=STDOUT_BYTES,
            stderr_limit=STDERR_BYTES,
            secrets=context.secrets.values(),
        )
    except process.CannotRun as error:
        raise CommandFailed("program_missing", error.message) from None
    except process.TimedOut as error:
        message = f"killed after {limit:g} s"
        raise CommandFailed("timeout", message, data=streams(error.finished, failed=True)) from None
    return _done(finished)


def _texts(args: Mapping[str, str | SecretReference]) -> dict[str, str]:
    """Secrets have been filled in before."""
    return {name: each for name, each in args.items() if isinstance(each, str)}


def _done(finished: process.CompletedProcess) -> Done:
    failed = finished.exit_code != 0
    return Done(
        output=excerpt(finished.stdout, OUTPUT_BYTES, failed=failed),
        data=streams(finished, failed=failed),
        error=exit_error(finished),
    )


def exit_error(finished: process.CompletedProcess) -> ResultError | None:
    if finished.exit_code == 0:
        return None
    return ResultError(code="exit_code", message=f"ended with {finished.exit_code}")


def streams(finished: process.CompletedProcess, *, failed: bool) -> dict[str, Any]:
    """What a program wrote, as `data` of its command."""
    written = ((finished.stdout, STDOUT_BYTES), (finished.stderr, STDERR_BYTES))
    return {
        "exitCode": finished.exit_code,
        "stdout": excerpt(finished.stdout, STDOUT_BYTES, failed=failed),
        "stderr": excerpt(finished.stderr, STDERR_BYTES, failed=failed),
        "truncated": any(is_longer(each, limit) for each, limit in written),
    }
