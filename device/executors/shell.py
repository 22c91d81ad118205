"""`exec_shell`: a template of this device, as an argv; never a shell."""

from typing import Any, Final

from device import process
from device.base.errors import CommandFailed
from device.base.shell_templates import TemplateRefused, fill
from device.base.text import cut, decode
from device.executors.context import CommandContext, Done
from protocol.commands import ExecShell
from protocol.replies import ResultError

STDOUT_BYTES: Final = 32 * 1024
STDERR_BYTES: Final = 8 * 1024
OUTPUT_BYTES: Final = 4 * 1024
"""Of `output`, which repeats the beginning of standard output for people."""


async def exec_shell(command: ExecShell, context: CommandContext) -> Done:
    templates = context.tools.settings.templates
    try:
        argv = fill(templates, command.template, command.args)
    except TemplateRefused as error:
        raise CommandFailed(error.code, error.message) from None
    context.progress(stage="running", message=command.template)
    limit = templates[command.template].timeout_seconds
    try:
        finished = await process.run(
            argv, timeout_seconds=limit, stdout_limit=STDOUT_BYTES, stderr_limit=STDERR_BYTES
        )
    except process.CannotRun as error:
        raise CommandFailed("program_missing", error.message) from None
    except process.TimedOut as error:
        message = f"killed after {limit:g} s"
        raise CommandFailed("timeout", message, data=_data(error.finished)) from None
    return _done(finished)


def _done(finished: process.CompletedProcess) -> Done:
    data = _data(finished)
    error = None
    if finished.exit_code != 0:
        error = ResultError(code="exit_code", message=f"ended with {finished.exit_code}")
    return Done(output=cut(data["stdout"], OUTPUT_BYTES), data=data, error=error)


def _data(finished: process.CompletedProcess) -> dict[str, Any]:
    stdout, stderr = decode(finished.stdout), decode(finished.stderr)
    kept_out, kept_err = cut(stdout, STDOUT_BYTES), cut(stderr, STDERR_BYTES)
    return {
        "exitCode": finished.exit_code,
        "stdout": kept_out,
        "stderr": kept_err,
        "truncated": finished.truncated or kept_out != stdout or kept_err != stderr,
    }
