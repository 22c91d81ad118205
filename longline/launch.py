"""`longline launch`: start the agent in the version that is to run; for supervisors.

Each start decides anew: a version on trial that does not come up, or does not reach the hub, is
replaced by the one before. This process becomes the agent, so its signals and exit codes are those
of `longline device`. Whatever follows `--` is for the agent.
"""

from pathlib import Path
from typing import Annotated

import typer

from device.base.reaper import divide_as_pid_one
from device.update.launcher import TRIAL_SECONDS, launch


def command(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Flags of `longline device`, after --.")
    ] = None,
    *,
    versions: Annotated[Path, typer.Option(help="Where versions of the agent are kept.")],
    trial_seconds: Annotated[
        int,
        typer.Option(
            min=1, help="Kill a new version that hangs for so long; more than its confirm_seconds."
        ),
    ] = TRIAL_SECONDS,
) -> None:
    """Start the selected version of the agent."""
    divide_as_pid_one()
    launch(versions, arguments or [], trial_seconds=trial_seconds)
