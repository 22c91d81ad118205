"""`push_config` moves *desired* in the transaction that accepts it; its end, and what the device
says in `hello`, move *reported*. What may be desired is ruled by the organisation's schema."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from hub.audit.service import AuditService, deed_of
from hub.base.database import Connection
from hub.base.errors import HubError, NotFound
from hub.commands.service import CommandName, Ledgered, NewCommand
from hub.config.schema import Rule
from hub.config.standing import End, Said, Standing, after_end, after_hello, fate_of
from hub.config.store import (
    ConfigStore,
    Ended,
    HistoryRow,
    Place,
    Push,
    PushRow,
    SchemaRow,
    Undone,
)
from hub.lines.service import LineRef
from hub.web.principal import Principal
from protocol.frames import Hello
from protocol.ids import DeviceId, OrgId
from protocol.merge_patch import Document, merge

__all__ = ["ConfigService", "HistoryRow", "SchemaRow", "Standing"]

KEPT_PUSHES: Final = 500
PUSH: Final = "push_config"


class ConfigService:
    """A listener of commands, and of what devices say when their lines begin."""

    types = frozenset({PUSH})

    def __init__(self, store: ConfigStore, audit: AuditService) -> None:
        self._store = store
        self._audit = audit
        self._rules: dict[OrgId, tuple[datetime, Rule]] = {}

    # The listener of commands

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandName, HubError]:
        """The pushes that would violate their organisation's schema."""
        pushes = [c for c in commands if c.type == PUSH]
        rules = await self._rules_of(connection, sorted({c.org for c in pushes}))
        pushes = [c for c in pushes if c.org in rules]
        if not pushes:
            return {}
        places = sorted({(c.org, c.device_id) for c in pushes})
        locked = await self._store.lock(connection, places)
        wanted = {place: standing.desired for place, standing in locked.items()}
        refused: dict[CommandName, HubError] = {}
        for push in pushes:
            place = (push.org, push.device_id)
            merged = merge(wanted.get(place, {}), push.params["patch"])
            problem = rules[push.org].problem(merged)
            if problem is None:
                wanted[place] = merged
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

    async def accepted(self, connection: Connection, commands: Sequence[Ledgered]) -> None:
        pushes = [c for c in commands if c.type == PUSH and not c.ended]
        if not pushes:
            return
        places = sorted({(c.org, c.device_id) for c in pushes})
        standings = await self._store.lock(connection, places)
        desired = {place: (s.desired, s.desired_version) for place, s in standings.items()}
        versions: list[Push] = []
        for command in sorted(pushes, key=lambda c: c.seq):
            place = (command.org, command.device_id)
            document, version = desired[place]
            desired[place] = (merge(document, command.params["patch"]), version + 1)
            versions.append(Push(command, version + 1))
        await self._store.want(connection, desired, versions)

    async def ended(self, connection: Connection, commands: Sequence[Ledgered]) -> None:
        ends = {(c.org, c.command_id): _ended(c) for c in commands if c.type == PUSH}
        if not ends:
            return
        places = sorted({(c.org, c.device_id) for c in commands if c.type == PUSH})
        standings = await self._store.lock(connection, places)
        for push in await self._store.note_ends(connection, list(ends.values())):
            end = ends[push.org, push.command_id]
            standings[push.org, push.device_id] = after_end(
                standings[push.org, push.device_id],
                End(
                    version=push.version,
                    patch=push.patch,
                    fate=end.fate,
                    device_version=end.device_version,
                    device_hash=end.device_hash,
                    error=end.error,
                ),
            )
        await self._store.report(connection, standings)

    # The listener of lines

    async def said_hello(self, said: Sequence[tuple[LineRef, Hello]]) -> None:
        """Raises `Unavailable`."""
        telling = {line: hello for line, hello in said if hello.config_version is not None}
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
            told = {
                place: after_hello(standing, _said(hellos[place], standing, place, pushes))
                for place, standing in standings.items()
            }
            changed = {place: now for place, now in told.items() if now != standings[place]}
            await self._store.report(connection, changed)

    # Reading

    async def clean_up(self) -> None:
        await self._store.forget(KEPT_PUSHES)

    async def get(self, org: OrgId, device_id: DeviceId) -> Standing:
        config = await self._store.get(org, device_id)
        if config is None:
            raise NotFound("no such device")
        return config

    async def history(
        self, org: OrgId, device_id: DeviceId, *, below: int | None, limit: int
    ) -> list[HistoryRow]:
        return await self._store.history(org, device_id, below=below, limit=limit)

    # The schema

    async def schema(self, org: OrgId) -> SchemaRow:
        """Raises `NotFound` when any object will do."""
        async with self._store.database.connection() as connection:
            rows = await self._store.schemas(connection, [org])
        if not rows:
            raise NotFound("no schema is set: a configuration may be any object")
        return rows[0]

    async def set_schema(self, by: Principal, schema: Document) -> SchemaRow:
        """For pushes from now on. Raises `Invalid` when it is no schema."""
        Rule(schema)
        async with self._store.database.transaction() as connection:
            await self._store.set_schema(connection, by.org, schema, by.actor)
            await self._audit.record(connection, deed_of(by, "config_schema.set", None))
        return await self.schema(by.org)

    async def delete_schema(self, by: Principal) -> None:
        async with self._store.database.transaction() as connection:
            if not await self._store.delete_schema(connection, by.org):
                raise NotFound("no schema is set")
            await self._audit.record(connection, deed_of(by, "config_schema.delete", None))


def _by_place(line: LineRef) -> Place:
    return line.org, line.device_id


def _ended(command: Ledgered) -> Ended:
    data = command.data or {}
    version, digest = data.get("version"), data.get("hash")
    return Ended(
        command=command,
        fate=fate_of(command.status, command.error),
        device_version=version if _is_version(version) else None,
        device_hash=digest if isinstance(digest, str) else None,
        error=None if command.error is None else str(command.error.get("message")),
    )


def _is_version(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _said(hello: Hello, standing: Standing, place: Place, pushes: Sequence[PushRow]) -> Said:
    mine = [push for push in pushes if (push.org, push.device_id) == place]
    last = next((push for push in mine if push.version == standing.desired_version), None)
    undone = (push for push in mine if push.command_id == hello.config_rolled_back)
    return Said(
        version=hello.config_version or 0,
        hash=hello.config_hash,
        rolled_back=next((push.version for push in undone), None),
        applied_version=last.device_version if last and last.outcome == "applied" else None,
        is_under_way=last is not None and last.outcome == "pending",
    )
