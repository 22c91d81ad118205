"""What the book and the line must know of this device's own commands. Pure."""

from msgspec import Struct

from device.base.own_commands import OwnSettings, description, judge
from device.commands.recovery import Expects, expects_of
from protocol.commands import CUSTOM, Command, Custom, spec_of
from protocol.frames import DESCRIBE
from protocol.own import CustomCommands, OwnCommands


class Refusal(Struct, frozen=True):
    code: str
    message: str


class OwnTable:
    """The commands of `[commands.…]`; with none of them nothing is said of any."""

    def __init__(self, commands: OwnSettings) -> None:
        self._commands = commands
        self._description = description(commands)

    def describe(self, what: str) -> CustomCommands | None:
        """The answer to a `describe`; None when there is nothing to say of that."""
        return self._description if what == CUSTOM.name and self._commands else None

    # What hello says

    def said(self) -> OwnCommands | None:
        if not self._commands:
            return None
        return OwnCommands(hash=self._description.hash, names=list(self._commands))

    def types(self) -> list[str]:
        return [CUSTOM.name] if self._commands else []

    def accepts(self) -> list[str]:
        return [DESCRIBE] if self._commands else []

    # What the book asks

    def refusal(self, command: Command) -> Refusal | None:
        """Why it will not run."""
        if not isinstance(command, Custom):
            return None
        found = self._commands.get(command.name)
        if found is None:
            return Refusal("unsupported", f"there is no command {command.name!r} on this device")
        why = judge(found, command.args)
        return Refusal("invalid_command", why) if why else None

    def is_concurrent(self, command: Command) -> bool:
        if not isinstance(command, Custom):
            return spec_of(command).concurrent
        found = self._commands.get(command.name)
        return found is not None and found.concurrent

    def expects(self, command: Command) -> Expects | None:
        """What a new process is to think of it, when this one stops meanwhile."""
        if not isinstance(command, Custom):
            return expects_of(command)
        found = self._commands.get(command.name)
        return "again" if found is not None and found.redeliver else None
