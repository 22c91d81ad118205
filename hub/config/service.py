"""`push_config` moves *desired* in the transaction that accepts it; its end, and what the device
says in `hello`, move *reported*. What may be desired is ruled by the organisation's schema."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hub.audit.entries import Hide, audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, HubError, NotFound
from hub.base.principal import Principal
from hub.commands.service import CommandRow, NewCommand
from hub.config.defaults import sources_of
from hub.config.schema import Rule
from hub.config.secrecy import hiding, may_hide
from hub.config.state import (
    ROLLED_BACK,
    ConfigState,
    End,
    Said,
    after_end,
    after_hello,
    after_taking,
    desiring,
    fate_of,
    is_to_hand_over,
    is_to_take_out,
    is_without_effect,
    retrying,
    taken_out,
)
from hub.config.store import (
    ConfigStore,
    HistoryRow,
    Push,
    PushEnd,
    PushRow,
    SchemaRow,
    Undone,
)
from hub.lines.service import LineRef
from protocol.canonical import hash_of
from protocol.commands import PushConfig
from protocol.frames import DESIRED, DesiredStatus, Hello
from protocol.ids import CommandKey, DeviceId, DeviceKey, OrgId
from protocol.merge_patch import Document, leading_to

__all__ = ["ConfigService", "HistoryRow", "SchemaRow", "ConfigState"]

KEPT_PUSHES: Final = 500
KEPT_DOCUMENTS: Final = 50
EXPECTED: Final = "expectVersion"
PUSH: Final = "push_config"
KIND: Final = "config"
"""Of the section of desired state."""


HandOver = Callable[[DeviceKey, str, str, str], None]
"""Given a device, the kind of the section, the version and the hash."""


class ConfigService:
    """A listener of commands, and of what devices say when their lines begin."""

    types = frozenset({PUSH})

    def __init__(self, store: ConfigStore, audit: AuditService, hand_over: HandOver) -> None:
        """`hand_over` tells a device, where its line is here."""
        self._store = store
        self._audit = audit
        self._hand_over = hand_over
        self._rules: dict[OrgId, tuple[datetime, Rule]] = {}

    # The listener of commands

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandKey, HubError]:
        """The pushes that would violate their organisation's schema, or that build on another
        version than what is desired."""
        pushes = [c for c in commands if c.type == PUSH]
        rules = await self._rules_of(connection, sorted({c.org for c in pushes}))
        pushes = [c for c in pushes if c.org in rules or EXPECTED in c.params]
        if not pushes:
            return {}
        places = sorted({(c.org, c.device_id) for c in pushes})
        wanted = await self._store.lock(connection, places)
        refused: dict[CommandKey, HubError] = {}
        for push in pushes:
            place = (push.org, push.device_id)
            if place not in wanted:
                continue  # there is no such device
            problem = _conflict(push, wanted[place]) or _violation(push, wanted[place], rules)
            if problem is None:
                wanted[place] = desiring(wanted[place], push.params["patch"])
            else:
                refused[push.org, push.command_id] = problem
        return refused

    async def _rules_of(self, connection: Connection, orgs: Sequence[OrgId]) -> dict[OrgId, Rule]:
        """Compiled once for as long as they stay the same."""
        if not orgs:
            return {}
        rows = await self._store.schemas(connection, orgs)
        for row in rows:
            kept = self._rules.get(row.org)
            if kept is None or kept[0] != row.updated_at:
                self._rules[row.org] = (row.updated_at, Rule(row.schema))
        return {row.org: self._rules[row.org][1] for row in rows}

    async def accepted(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        pushes = [c for c in commands if c.type == PUSH and not c.ended]
        if not pushes:
            return
        places = sorted({(c.org, c.device_id) for c in pushes})
        desired = await self._store.lock(connection, places)
        versions: list[Push] = []
        for command in sorted(pushes, key=lambda c: c.seq):
            place = (command.org, command.device_id)
            before = desired[place]
            after = desired[place] = desiring(before, command.params["patch"])
            versions.append(
                Push(
                    command=command,
                    base_version=before.own_version,
                    version=after.own_version,
                    document=after.own,
                )
            )
        await self._store.want(connection, desired, versions)

    async def ended(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        ends = {(c.org, c.command_id): _ended(c) for c in commands if c.type == PUSH}
        if not ends:
            return
        places = sorted({(c.org, c.device_id) for c in commands if c.type == PUSH})
        standings = await self._store.lock(connection, places)
        for push in await self._store.note_ends(connection, list(ends.values())):
            place, ended = (push.org, push.device_id), ends[push.org, push.command_id]
            end = End(
                version=push.version,
                patch=push.patch,
                fate=ended.fate,
                without_effect=ended.without_effect,
                device_version=ended.device_version,
                device_hash=ended.device_hash,
                error=ended.error,
            )
            standing = after_end(standings[place], end)
            if is_to_take_out(standing, end):
                standing = await self._taken_out(connection, place, standing)
            standings[place] = standing
        await self._store.report(connection, standings, hand_over=True)

    async def _taken_out(
        self, connection: Connection, place: DeviceKey, standing: ConfigState
    ) -> ConfigState:
        """Without the last push, and without those before it that had no effect either, on which
        something newer built until now."""
        own, version = standing.own, standing.own_version
        while base := await self._store.base(connection, place, version):
            own, version = base.document, base.version
        if version == standing.own_version:
            return standing
        return taken_out(standing, own, version)

    # The listener of lines

    async def said_hello(self, said: Sequence[tuple[LineRef, Hello]]) -> None:
        """Raises `Unavailable`."""
        telling = {line: hello for line, hello in said if _tells(hello)}
        if not telling:
            return
        async with self._store.database.transaction() as connection:
            standings = await self._store.lock_of_lines(connection, sorted(telling, key=_by_place))
            hellos = {(line.org, line.device_id): hello for line, hello in telling.items()}
            undone = [
                Undone(org, device_id, hello.config_rolled_back)
                for (org, device_id), hello in hellos.items()
                if (org, device_id) in standings
            ]
            pushes = await self._store.pushes(connection, undone)
            changed: dict[DeviceKey, ConfigState] = {}
            differing: dict[DeviceKey, ConfigState] = {}
            for place, before in standings.items():
                what = _said(hellos[place], before, place, pushes)
                standing = after_hello(before, what)
                if standing.status == ROLLED_BACK:
                    standing = await self._taken_out(connection, place, standing)
                if standing != before:
                    changed[place] = standing
                if is_to_hand_over(standing) and not what.is_under_way:
                    differing[place] = standing
            await self._store.report(connection, changed)
        self._hand_over_all(differing)

    # Handing over

    async def took(self, reports: Sequence[tuple[LineRef, DesiredStatus]]) -> None:
        """What became of configurations that were handed over. Raises `Unavailable`."""
        async with self._store.database.transaction() as connection:
            lines = sorted({line for line, _ in reports}, key=_by_place)
            standings = await self._store.lock_of_lines(connection, lines)
            before = dict(standings)
            for line, report in reports:
                if (place := _by_place(line)) in standings:
                    standings[place] = after_taking(standings[place], report)
            changed = {place: each for place, each in standings.items() if each != before[place]}
            await self._store.report(connection, changed)

    async def look(self, places: Sequence[DeviceKey]) -> None:
        """Hand over what differs, where the line is here. Raises `Unavailable`."""
        self._hand_over_all(await self._store.differing(places))

    def _hand_over_all(self, standings: Mapping[DeviceKey, ConfigState]) -> None:
        for place, standing in standings.items():
            self._hand_over(place, KIND, str(standing.desired_version), hash_of(standing.desired))

    async def retry(self, by: Principal, device_id: DeviceId) -> ConfigState:
        """Hand over again what the device refused."""
        place = (by.org, device_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            standings = await self._store.lock(connection, [place])
            if place not in standings:
                raise NotFound("no such device")
            standing = retrying(standings[place])
            await self._store.report(connection, {place: standing}, hand_over=True)
            await self._audit.record(connection, audit_entry(by, "config.retry", device_id))
        await self.look([place])
        return standing

    # Reading

    async def clean_up(self) -> None:
        await self._store.forget(pushes=KEPT_PUSHES, documents=KEPT_DOCUMENTS)

    async def get(self, org: OrgId, device_id: DeviceId) -> ConfigState:
        config = await self._store.get(org, device_id)
        if config is None:
            raise NotFound("no such device")
        return config

    async def history(
        self, org: OrgId, device_id: DeviceId, *, below: int | None, limit: int
    ) -> list[HistoryRow]:
        return await self._store.history(org, device_id, below=below, limit=limit)

    async def way_back(self, org: OrgId, device_id: DeviceId, version: int) -> PushConfig:
        """The push that makes the own part of an earlier version desired again, and makes it of
        what the device reports, too, where no group has a part in that. Raises `NotFound` when
        there was none, or when it is not kept any more."""
        standing = await self.get(org, device_id)
        wanted: Document | None = {}
        if version:
            wanted = await self._store.document(org, device_id, version)
        if wanted is None:
            raise NotFound("no such version, or it is no longer kept")
        reported = [] if standing.defaults else [standing.reported]
        patch = leading_to(wanted, [standing.own, *reported])
        return PushConfig(patch=patch, expect_version=standing.desired_version)

    async def sources(self, org: OrgId, device_id: DeviceId, own: Document) -> dict[str, str]:
        """Where each member of what is desired comes from."""
        async with self._store.database.tenant(org).transaction() as connection:
            groups = await self._store.defaults(connection, org, [device_id])
        return sources_of(groups.get(device_id, []), own)

    async def secrets(self, org: OrgId) -> Hide:
        """What hides in a configuration of the organisation that nobody may read back: what a
        former schema hid stays hidden."""
        return hiding(*await self._store.hidden(org))

    # The schema

    async def schema(self, org: OrgId) -> SchemaRow:
        """Raises `NotFound` when any object will do."""
        async with self._store.database.tenant(org).transaction() as connection:
            rows = await self._store.schemas(connection, [org])
        if not rows:
            raise NotFound("no schema is set: a configuration may be any object")
        return rows[0]

    async def set_schema(self, by: Principal, schema: Document) -> SchemaRow:
        """For pushes from now on. Raises `Invalid` when it is no schema."""
        Rule(schema)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.set_schema(connection, by.org, schema, by.actor)
            if may_hide(schema):
                await self._store.remember_hidden(connection, by.org, schema)
            await self._audit.record(connection, audit_entry(by, "config_schema.set", None))
        return await self.schema(by.org)

    async def delete_schema(self, by: Principal) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete_schema(connection, by.org):
                raise NotFound("no schema is set")
            await self._audit.record(connection, audit_entry(by, "config_schema.delete", None))


def _conflict(push: NewCommand, standing: ConfigState) -> HubError | None:
    expected = push.params.get(EXPECTED, standing.desired_version)
    if expected == standing.desired_version:
        return None
    return Conflict(f"the desired version is {standing.desired_version}, not {expected}")


def _violation(
    push: NewCommand, standing: ConfigState, rules: Mapping[OrgId, Rule]
) -> HubError | None:
    rule = rules.get(push.org)
    return rule and rule.problem(desiring(standing, push.params["patch"]).desired)


def _by_place(line: LineRef) -> DeviceKey:
    return line.org, line.device_id


def _tells(hello: Hello) -> bool:
    return hello.config_version is not None or KIND in (hello.sections or {})


def _ended(command: CommandRow) -> PushEnd:
    data = command.data or {}
    version, digest = data.get("version"), data.get("hash")
    return PushEnd(
        command=command,
        fate=fate_of(command.status, command.error),
        without_effect=is_without_effect(command.status, command.error),
        device_version=version if _is_version(version) else None,
        device_hash=digest if isinstance(digest, str) else None,
        error=None if command.error is None else str(command.error.get("message")),
    )


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _said(hello: Hello, standing: ConfigState, place: DeviceKey, pushes: Sequence[PushRow]) -> Said:
    mine = [push for push in pushes if (push.org, push.device_id) == place]
    last = next((push for push in mine if push.version == standing.own_version), None)
    undone = (push for push in mine if push.command_id == hello.config_rolled_back)
    section = (hello.sections or {}).get(KIND)
    return Said(
        version=hello.config_version or 0,
        hash=(section and section.hash) or hello.config_hash,
        rolled_back=next((push.version for push in undone), None),
        applied_version=last.device_version if last and last.outcome == "applied" else None,
        is_under_way=last is not None and last.outcome == "pending",
        takes_section=section is not None and DESIRED in (hello.accepts or ()),
        refused=section and section.refused,
    )
