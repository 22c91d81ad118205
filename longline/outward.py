"""The way from a tool to a hub: options that tools share."""

from pathlib import Path
from typing import Annotated

import typer

from cloud.outward import CannotTrust, WayOut
from device.base.errors import BadSettings
from device.settings import check_hub_url, outward_of
from longline.errors import USAGE, UserError

CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        help="PEM file of certificates to trust beside the system's (or LONGLINE_CA_FILE).",
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow http to another machine, where it can be read.")
]


def way_out_to(hub: str, ca_file: Path | None, *, insecure: bool) -> WayOut:
    """Also checks the URL of the hub. Raises `UserError`."""
    try:
        check_hub_url(hub, insecure=insecure)
        return WayOut(outward_of(str(ca_file) if ca_file else None))
    except BadSettings as error:
        raise UserError(error.message, USAGE) from None
    except CannotTrust as error:
        raise UserError(str(error), USAGE) from None
