"""Who may dispatch what to which devices: asked when a command is accepted or cancelled, and again
when what waited is sent (promise G23)."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct

from hub.base.errors import Forbidden, HubError, NotFound
from hub.base.holding import Holding
from hub.base.principal import Principal
from hub.commands.records import CommandRow
from hub.rights.access import is_secret, may_dispatch, right_to_dispatch
from hub.rights.memory import RightsMemory
from hub.secrets.service import may_use
from protocol.commands import Command, ExecShell, UpdateFirmware, may_name_secrets, type_of
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.secret_values import references_in

SEES = "devices:get"


class CommandOwner(Struct, frozen=True):
    """Who asked for a command that was not sent yet."""

    org: OrgId
    kind: str
    id: str
    key: str | None
    groups: tuple[str, ...]
    """Of the device."""


class DispatchRights:
    """`channel_of` gives the channel of a release; `clock` is the database's, in seconds since
    1970."""

    def __init__(
        self,
        memory: RightsMemory,
        channel_of: Callable[[OrgId, str], Awaitable[str | None]],
        clock: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._channel_of = channel_of
        self._clock = clock

    async def sort(
        self, by: Principal, command: Command, targets: Sequence[str]
    ) -> tuple[list[str], dict[str, HubError]]:
        """(targets to which the caller may send it, the others each with its refusal). Raises
        `Forbidden` when it may send it to none."""
        kind = type_of(command)
        if by.kind == "hub":
            return list(targets), {}
        name = None
        if not isinstance(command, UpdateFirmware) or not by.rights.everywhere(
            right_to_dispatch(kind)
        ):
            name = await self.name_of(by.org, command)
        if not may_dispatch(by.rights, kind, name):
            raise Forbidden(_refusal(by, kind, name))
        reached = await self._within(by, right_to_dispatch(kind), name, targets)
        if len(reached) == len(targets):
            return list(targets), {}
        rest = [target for target in targets if target not in set(reached)]
        seen = set(await self._within(by, SEES, None, rest))
        refusals: dict[str, HubError] = {
            target: Forbidden(f"you may not dispatch {kind} to {target}")
            if target in seen
            else NotFound("no such device")
            for target in rest
        }
        return list(reached), refusals

    async def seen(self, by: Principal, targets: Sequence[str]) -> Sequence[str]:
        """Those of these devices that the caller sees."""
        return await self._within(by, SEES, None, targets)

    async def may_cancel(self, by: Principal, kind: str, device_id: DeviceId) -> bool:
        if by.kind == "hub":
            return True
        right = right_to_dispatch(kind)
        return by.rights.anywhere(right) and bool(await self._within(by, right, None, [device_id]))

    async def hidden_from(self, by: Principal, commands: Sequence[CommandRow]) -> set[CommandId]:
        """Those whose parameters and output are not for this reader: who may not dispatch such a
        command to such a device."""
        alike: defaultdict[tuple[str, str | None], list[CommandRow]] = defaultdict(list)
        for command in commands:
            if is_secret(command.type):
                alike[command.type, _template(command.type, command.params)].append(command)
        hidden: set[CommandId] = set()
        for (kind, name), some in alike.items():
            devices = {command.device_id for command in some}
            read = set(await self._within(by, right_to_dispatch(kind), name, sorted(devices)))
            hidden |= {c.command_id for c in some if c.device_id not in read}
        return hidden

    async def _within(
        self, by: Principal, right: str, name: str | None, targets: Sequence[str]
    ) -> Sequence[str]:
        if not by.rights.anywhere(right, name):
            return []
        return await self._memory.within(by.org, by.rights.reaches(right, name), targets)

    async def name_of(self, org: OrgId, command: Command) -> str | None:
        """What the names of a rule are compared with; None where there are no names."""
        if isinstance(command, ExecShell):
            return command.template
        if isinstance(command, UpdateFirmware):
            return await self._channel_of(org, command.release_id) or ""
        return None

    async def of_owner(self, org: OrgId, kind: str, user_id: str, key: str | None) -> Holding:
        """What whoever asked for something may do at this moment."""
        return await self._memory.owner(org, kind, user_id, key, self._clock())

    async def owner_may(
        self, owner: CommandOwner, kind: str, params: Mapping[str, object], device_id: DeviceId
    ) -> bool:
        """Whether whoever asked for a command may send it now."""
        holding = await self.of_owner(owner.org, owner.kind, owner.id, owner.key)
        name = _template(kind, params)
        if not may_dispatch(holding, kind, name):
            return False
        if may_name_secrets(kind) and not may_use(holding, references_in(params)):
            return False
        reaches = holding.reaches(right_to_dispatch(kind), name)
        return all(reach.covers(device_id, owner.groups) for reach in reaches)


def _template(kind: str, params: Mapping[str, object]) -> str | None:
    template = params.get("template") if kind == "exec_shell" else None
    return template if isinstance(template, str) else None


def _refusal(by: Principal, kind: str, name: str | None) -> str:
    if name is not None and may_dispatch(by.rights, kind):
        return f"you may not dispatch {kind} {name}"
    return f"the role {by.role} may not dispatch {kind}"
