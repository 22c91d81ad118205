"""`longline device`: run the agent of one device until SIGTERM (exit 0); and what is asked of it.

Exit codes: 1 failed, 2 bad settings, 75 `restart_service` under a supervisor. A hub that does not
want this device any more ends nothing: it is asked again once an hour.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from device.agent_process import run_agent
from device.base.errors import AgentError
from device.base.reaper import divide_as_pid_one
from device.settings import cloud_access, enrollment_key, load
from device.update.launcher import VARIABLE as VERSIONS_VARIABLE
from device.update.versions import Versions, note_end
from longline.enroll import enroll
from longline.errors import UserError
from longline.import_yaml import import_yaml
from longline.local import status, tokens, watch
from longline.outward import CaFile, Insecure
from longline.upgrade import after_upgrade, before_upgrade
from longline.workloads import app as workloads

_ENROLLMENT_KEY_FILE = typer.Option(
    help="File with the enrolment key (or LONGLINE_ENROLLMENT_KEY)."
)


app = typer.Typer(pretty_exceptions_enable=False)
app.command()(status)
app.command()(tokens)
app.command()(watch)
app.command("import-yaml")(import_yaml)
app.command()(enroll)
app.add_typer(workloads, name="workloads")
app.command("before-upgrade", hidden=True)(before_upgrade)
app.command("after-upgrade", hidden=True)(after_upgrade)


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option(help="Settings, a TOML file.")] = None,
    hub: Annotated[str | None, typer.Option(help="URL of the hub.")] = None,
    device_id: Annotated[str | None, typer.Option("--id", help="The device's id.")] = None,
    name: Annotated[str | None, typer.Option(help="Its display name.")] = None,
    company: Annotated[str | None, typer.Option(help="Its company's id.")] = None,
    line: Annotated[str | None, typer.Option(help="Its production line's id.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="The state directory.")] = None,
    socket: Annotated[Path | None, typer.Option(help="Socket for local programs.")] = None,
    enrollment_key_file: Annotated[Path | None, _ENROLLMENT_KEY_FILE] = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Exit 75 to be started again.")
    ] = False,
) -> int:
    """Run the agent of one device."""
    if context.invoked_subcommand is not None:
        return 0
    flags = {
        "hub": hub,
        "id": device_id,
        "name": name,
        "company_id": company,
        "production_line_id": line,
        "state_dir": _text(state_dir),
        "socket": _text(socket),
        "enrollment_key_file": _text(enrollment_key_file),
        "ca_file": _text(ca_file),
        "insecure": insecure or None,
        "supervised": supervised or None,
    }
    try:
        settings = load(config, flags)
        key = enrollment_key(settings.enrollment_key_file)
        cloud = cloud_access(settings.cloud, insecure=settings.insecure)
        divide_as_pid_one()
        return run_agent(settings, key=key, cloud=cloud)
    except AgentError as error:
        note_end(os.environ.get(VERSIONS_VARIABLE))
        raise UserError(error.message, error.exit_code) from None


@app.command("unbar")
def unbar(
    sha256: Annotated[
        str | None, typer.Argument(help="Of the artifact, as it begins; without it: all.")
    ] = None,
    *,
    versions: Annotated[
        Path, typer.Option(envvar=VERSIONS_VARIABLE, help="Where versions of the agent are kept.")
    ],
) -> None:
    """Let this device take artifacts again that failed on it."""
    kept = Versions(versions)
    bars = kept.bars()
    lifted = [bar for bar in bars if bar.sha256.startswith(sha256 or "")]
    if sha256 is not None and not lifted:
        raise UserError(f"no artifact {sha256} is barred here")
    if lifted:
        try:
            kept.write_bars([bar for bar in bars if bar not in lifted])
        except OSError as error:
            raise UserError(f"cannot write in {versions}: {error.strerror}") from None
    for bar in lifted:
        sys.stdout.write(f"{bar.sha256} version {bar.version}: {bar.reason}\n")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
