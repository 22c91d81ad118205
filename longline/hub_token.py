"""The token by which a tool calls the hub: an API key, or somebody's access token."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from longline.errors import USAGE, UserError

TOKEN_VARIABLE: Final = "LONGLINE_TOKEN"  # noqa: S105 - a name

TokenFile = Annotated[Path | None, typer.Option(help=f"File with a token (or {TOKEN_VARIABLE}).")]


def token_of(token_file: Path | None) -> str:
    """Raises `UserError`."""
    if token_file is None:
        found = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            found = token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise UserError(f"cannot read {token_file}") from None
    if not found:
        raise UserError(f"no token: set {TOKEN_VARIABLE} or --token-file", USAGE)
    return found
