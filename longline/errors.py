"""What a person at the command line did wrong, or cannot have.

UserError            one line on stderr and an exit code, never a traceback
├── MissingExtra     the subcommand needs packages that are not installed
└── Shadowed         a package of somebody else stands in the place of ours (`longline/shadows.py`)
"""

from typing import Final

FAILED: Final = 1
"""Exit code: the request was understood and could not be carried out."""
USAGE: Final = 2
"""Exit code: a bad flag, variable, file of settings, a missing extra, or a foreign package."""


class UserError(Exception):
    """Printed by `longline.cli.main` as `longline: <message>`; `message` is one line."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class MissingExtra(UserError):
    def __init__(self, subcommand: str, extra: str) -> None:
        super().__init__(
            f"longline {subcommand} needs the {extra} extra: pip install 'longline[{extra}]'",
            USAGE,
        )
