"""`longline approvals`: what waits for a second person, and that person's word.

With an API key or an access token of whoever decides: a key counts as its owner, and nobody
approves what the own account has asked for.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from longline.calling import HubCaller
from longline.errors import USAGE, UserError
from longline.hub_token import TokenFile, token_of
from longline.outward import CaFile, Insecure, way_out_to

app = typer.Typer()

MOST: Final = 500

Hub = Annotated[
    str | None,
    typer.Option(envvar="LONGLINE_HUB_URL", help="URL of the hub (or LONGLINE_HUB_URL)."),
]
Id = Annotated[str, typer.Argument(help="The id of the approval.")]
Comment = Annotated[str | None, typer.Option(help="Why; it is kept with the decision.")]


@app.command("list")
def list_(
    *,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Show what waits, one approval a line as JSON: just what would be sent, and to whom."""
    caller = _caller(hub, token_file, ca_file, insecure=insecure)
    for each in caller.get("/approvals", status="AWAITING", limit=str(MOST)):
        sys.stdout.write(msgspec.json.encode(each).decode() + "\n")


@app.command("approve")
def approve(
    approval: Id,
    *,
    comment: Comment = None,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Approve what another account has asked for: it is carried out now."""
    caller = _caller(hub, token_file, ca_file, insecure=insecure)
    _decide(caller, approval, "approve", comment)


@app.command("reject")
def reject(
    approval: Id,
    *,
    comment: Comment = None,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Reject what another account has asked for: nothing is sent."""
    caller = _caller(hub, token_file, ca_file, insecure=insecure)
    _decide(caller, approval, "reject", comment)


def _decide(caller: HubCaller, approval: str, verdict: str, comment: str | None) -> None:
    if not approval.replace("-", "").isalnum():
        raise UserError(f"{approval!r} is no id of an approval", USAGE)
    body = {} if comment is None else {"comment": comment}
    done = caller.post(f"/approvals/{approval}/{verdict}", body)
    sys.stdout.write(f"{done['id']} is {done['status']}\n")


def _caller(
    hub: str | None, token_file: Path | None, ca_file: Path | None, *, insecure: bool
) -> HubCaller:
    """Raises `UserError`."""
    if hub is None:
        raise UserError("which hub? give --hub or LONGLINE_HUB_URL", USAGE)
    return HubCaller(hub, way_out_to(hub, ca_file, insecure=insecure), token_of(token_file))
