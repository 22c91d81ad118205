"""Hints between replicas: small messages that may be lost. Each has a floor that finds out anyway.

Everything goes over one channel, and whoever has the line acts:
`line` (a device opened a newer line: close yours), `send` (look into the ledger for this device),
`cancel` (ask this device to stop a command), `ended` (a caller may wait for this command),
`groups` (members of some group changed).
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, Protocol

import msgspec
import structlog
from msgspec import Struct

from hub.commands.service import CommandService
from hub.lines.registry import Registry
from hub.lines.session import LineSession
from protocol.closing import CloseCode
from protocol.ids import CommandId, DeviceId, OrgId

log = structlog.get_logger(__name__)

CHANNEL: Final = "longline:hints"


class Hint(Struct, frozen=True, omit_defaults=True):
    kind: Literal["line", "send", "cancel", "ended", "groups"]
    org: OrgId
    device_id: DeviceId = DeviceId("")
    generation: int = 0
    command_id: CommandId = CommandId("")


class Publisher(Protocol):
    def publish(self, channel: str, payload: bytes) -> None: ...


class HintSender:
    """Functions of the shapes that the floors ask for."""

    def __init__(self, bus: Publisher) -> None:
        self._bus = bus

    def line(self, line: LineSession) -> None:
        self._send(Hint("line", line.org, line.device_id, line.generation))

    def send(self, org: OrgId, device_id: DeviceId) -> None:
        self._send(Hint("send", org, device_id))

    def cancel(self, org: OrgId, device_id: DeviceId, command_id: CommandId) -> None:
        self._send(Hint("cancel", org, device_id, command_id=command_id))

    def ended(self, org: OrgId, command_id: CommandId) -> None:
        self._send(Hint("ended", org, command_id=command_id))

    def groups(self, org: OrgId) -> None:
        self._send(Hint("groups", org))

    def _send(self, hint: Hint) -> None:
        self._bus.publish(CHANNEL, msgspec.msgpack.encode(hint))


class HintReceiver:
    """`spawn` runs what takes time."""

    def __init__(
        self,
        registry: Registry[LineSession],
        commands: CommandService,
        groups_changed: Callable[[OrgId], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._registry = registry
        self._commands = commands
        self._groups_changed = groups_changed
        self._spawn = spawn
        self._decoder = msgspec.msgpack.Decoder(Hint)

    def hint(self, channel: str, payload: bytes) -> None:
        try:
            hint = self._decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError):
            log.warning("hint_not_understood", channel=channel)
            return
        match hint.kind:
            case "line":
                self._newer_line(hint)
            case "send":
                self._commands.hint(hint.org, hint.device_id)
            case "cancel":
                if self._registry.get(hint.org, hint.device_id) is not None:
                    self._spawn(
                        self._commands.cancel_here(hint.org, hint.device_id, hint.command_id)
                    )
            case "ended":
                self._spawn(self._commands.ended_elsewhere(hint.org, hint.command_id))
            case "groups":
                self._groups_changed(hint.org)

    def resubscribed(self) -> None:
        """What was lost meanwhile is found by the sweeps."""

    def _newer_line(self, hint: Hint) -> None:
        line = self._registry.get(hint.org, hint.device_id)
        if line is not None and line.generation < hint.generation:
            line.close(CloseCode.SUPERSEDED)
