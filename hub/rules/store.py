"""The rows of rules, and of what they have noted of devices."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import asyncpg
import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

import sql
from hub.alerts.service import Alert, alert_of
from hub.base.database import Connection, Database, Row, as_json
from hub.base.holding import Reach
from hub.queries.compiled import condition
from hub.queries.records import Tree
from hub.rules.judging import WatchState
from hub.rules.records import AlertRule, RuleOwner, When
from hub.rules.watching import WatchedRule, WatchKey
from protocol.ids import DeviceId, OrgId, uuid7
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

_Q = sql.queries("rules")
_QUERY: Final = "/*query*/ true"
"""In a statement, where the condition of a query goes."""
AT_ONCE: Final = 1_000
"""Devices of one statement."""


class RuleContent(Struct, frozen=True, kw_only=True):
    """What somebody gives of a rule; `notify` and `inhibited_by` by ids."""

    name: str
    query: str | None
    words: Mapping[str, str]
    when: When
    for_seconds: int
    clear_after_seconds: int | None
    severity: Severity
    labels: Mapping[str, str]
    notify: list[str]
    inhibited_by: list[str]
    sharing: str | None


class WantedDevices(Struct, frozen=True, kw_only=True):
    """Which devices of a rule somebody asks for; None: whatever that is."""

    line_ended: datetime | None = None
    no_sign_since: datetime | None = None
    unseen_from: datetime | None = None
    """As old as this, and nothing is noted of them."""


class NewAlert(Struct, frozen=True, kw_only=True):
    key: WatchKey
    message: str
    value: float | None
    count: int


class Beat(NamedTuple):
    now: datetime
    swept_at: datetime | None
    lived: bool


class RuleStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Those who keep them

    async def change_alone(self, connection: Connection, org: OrgId) -> None:
        """Until the commit nobody else makes one."""
        await connection.execute(_Q["change_alone"], org)

    async def count(self, connection: Connection, org: OrgId) -> int:
        return int(await connection.fetchval(_Q["count"], org))

    async def named(self, connection: Connection, org: OrgId, names: "list[str]") -> dict[str, str]:
        """The ids of rules by their names, of those that there are."""
        rows = await connection.fetch(_Q["named"], org, names)
        return {row["name"]: row["rule_id"] for row in rows}

    async def named_channels(
        self, connection: Connection, org: OrgId, names: "list[str]"
    ) -> dict[str, str]:
        rows = await connection.fetch(_Q["named_channels"], org, names)
        return {row["name"]: row["channel_id"] for row in rows}

    async def add(
        self,
        connection: Connection,
        org: OrgId,
        content: RuleContent,
        owner: RuleOwner,
        owner_name: str,
    ) -> str:
        """Its id."""
        rule_id = uuid7()
        await connection.execute(
            _Q["add"], org, rule_id, *_columns(content), owner.kind, owner.id, owner.key, owner_name
        )
        await self._note_change(connection, org)
        return rule_id

    async def get(self, org: OrgId, rule_id: str) -> AlertRule | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, rule_id)
        return None if row is None else _rule(row)

    async def list(
        self,
        org: OrgId,
        *,
        of: RuleOwner | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[AlertRule]:
        """`of`: those of one owner only."""
        whose = (None, None) if of is None else (of.id, of.key)
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *whose, *(before or (None, None)), limit
        )
        return [_rule(row) for row in rows]

    async def lock(self, connection: Connection, org: OrgId, rule_id: str) -> bool:
        return await connection.fetchrow(_Q["lock"], org, rule_id) is not None

    async def put(
        self,
        connection: Connection,
        org: OrgId,
        rule_id: str,
        content: RuleContent,
        owner: RuleOwner,
        owner_name: str,
    ) -> None:
        await connection.execute(
            _Q["put"], org, rule_id, *_columns(content), owner.kind, owner.id, owner.key, owner_name
        )
        await self._note_change(connection, org)

    async def member_name(self, connection: Connection, org: OrgId, user_id: str) -> str | None:
        return await connection.fetchval(_Q["member_name"], org, user_id)

    async def put_owner(
        self, connection: Connection, org: OrgId, rule_id: str, user_id: str, name: str
    ) -> None:
        await connection.execute(_Q["put_owner"], org, rule_id, user_id, name)
        await self._note_change(connection, org)

    async def delete(self, connection: Connection, org: OrgId, rule_id: str) -> str | None:
        """Its name; None for one that is not there."""
        name: str | None = await connection.fetchval(_Q["delete"], org, rule_id)
        await self._note_change(connection, org)
        return name

    async def end_all(self, connection: Connection, org: OrgId, rule_id: str) -> "list[Alert]":
        """What fires of a rule is over, and what it has noted counts no more."""
        await connection.execute(_Q["forget_watch"], org, rule_id)
        return _alerts(await connection.fetch(_Q["resolve_rule"], org, rule_id))

    async def _note_change(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["note_change"], org)

    # At work

    @asynccontextmanager
    async def shielded(self, connection: Connection) -> AsyncGenerator[None]:
        """What fails within for its own values leaves nothing, and the transaction goes on: else
        events could not be stored for it, for ever."""
        try:
            async with connection.transaction():
                yield
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            log.exception("rules_failed", error=str(error))

    async def at_work(self, org: OrgId | None) -> "list[AlertRule]":
        return [_rule(row) for row in await self.database.fetch(_Q["at_work"], org)]

    async def suspend(self, connection: Connection, rule: AlertRule) -> bool:
        """False for one that is changed, or suspended already."""
        name = await connection.fetchval(_Q["suspend"], rule.org, rule.rule_id, rule.version)
        return name is not None

    async def matching(
        self,
        connection: Connection,
        rule: WatchedRule,
        device_ids: Collection[DeviceId],
        *,
        may_raise: bool,
    ) -> frozenset[DeviceId]:
        """Those of these that a rule is about; `may_raise`: without those that are disabled or in
        quarantine. A query that fails means none: what is stored with it must not fail for it."""
        found = frozenset(device_ids)
        try:
            async with connection.transaction():
                for number, reach in enumerate(rule.reaches or (None,)):
                    tree = rule.tree if number == 0 else None
                    found = await self._matching(connection, rule, found, reach, tree, may_raise)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            log.warning("rule_query_failed", rule=rule.rule_id, error=str(error))
            return frozenset()
        return found

    async def _matching(
        self,
        connection: Connection,
        rule: WatchedRule,
        device_ids: Collection[DeviceId],
        reach: Reach | None,
        tree: Tree | None,
        may_raise: bool,
    ) -> frozenset[DeviceId]:
        text, more = _narrowed(_Q["matching"], tree, first=6)
        rows = await connection.fetch(
            text, rule.org, sorted(device_ids), *_reached(reach), may_raise, *more
        )
        return frozenset(row["device_id"] for row in rows)

    async def candidates(
        self, connection: Connection, rule: WatchedRule, wanted: WantedDevices
    ) -> frozenset[DeviceId]:
        """All that it is about, may raise something of, and that are wanted. Raises what its query
        does."""
        first, *others = rule.reaches or (None,)
        text, more = _narrowed(_Q["candidates"], rule.tree, first=8)
        rows = await connection.fetch(
            text, rule.org, *_reached(first), wanted.line_ended, wanted.no_sign_since,
            rule.rule_id, wanted.unseen_from, *more,
        )  # fmt: skip
        found = frozenset(row["device_id"] for row in rows)
        for reach in others:
            found = await self._matching(connection, rule, found, reach, None, True)
        return found

    async def states(
        self, connection: Connection, keys: Iterable[WatchKey]
    ) -> dict[WatchKey, WatchState]:
        by_id = _by_id(keys)
        rows = await connection.fetch(_Q["states"], _names(by_id))
        return {by_id[_key(row)]: _state(row) for row in rows}

    async def current(
        self, connection: Connection, rules: Iterable[WatchedRule]
    ) -> set[tuple[str, str]]:
        """Of these the (organisation, id) of those that nobody has changed, nor does until the
        commit."""
        given = [
            {"org_id": each.org, "rule_id": each.rule_id, "version": each.version} for each in rules
        ]
        rows = await connection.fetch(_Q["current"], as_json(given))
        return {(row["org_id"], row["rule_id"]) for row in rows}

    async def begin(
        self, connection: Connection, keys: Collection[WatchKey]
    ) -> dict[WatchKey, tuple[WatchState, datetime]]:
        """What is noted of these, from now on something, locked until the commit; and the present
        moment."""
        by_id = _by_id(keys)
        names = _names(by_id)
        await connection.execute(_Q["begin"], names)
        rows = await connection.fetch(_Q["locked_states"], names)
        return {by_id[_key(row)]: (_state(row), row["now"]) for row in rows}

    async def wait_for(
        self, connection: Connection, rule: WatchedRule, device_ids: Collection[DeviceId]
    ) -> None:
        """A rule is about these from now on, and waits for something of theirs."""
        await connection.execute(
            _Q["wait_for"], rule.org, rule.rule_id, sorted(device_ids), rule.since
        )

    async def put_states(
        self, connection: Connection, states: Mapping[WatchKey, WatchState | None]
    ) -> None:
        kept = [
            {**_name(key), **msgspec.to_builtins(state)}
            for key, state in states.items()
            if state is not None
        ]
        ended = [_name(key) for key, state in states.items() if state is None]
        if kept:
            await connection.execute(_Q["put_states"], as_json(kept))
        if ended:
            await connection.execute(_Q["end_states"], as_json(ended))

    async def open(self, connection: Connection, alerts: Sequence[NewAlert]) -> "list[Alert]":
        """Those that there were not."""
        given = [
            {
                **_name(each.key),
                "alert_id": uuid7(),
                "version": each.key[0].version,
                "code": each.key[0].name,
                "severity": each.key[0].severity,
                "message": each.message,
                "value": each.value,
                "count": each.count,
            }
            for each in alerts
        ]
        return _alerts(await connection.fetch(_Q["open"], as_json(given)))

    async def count_up(
        self, connection: Connection, counts: Mapping[WatchKey, tuple[int, float | None]]
    ) -> None:
        given = [
            {**_name(key), "count": count, "value": value} for key, (count, value) in counts.items()
        ]
        await connection.execute(_Q["count_up"], as_json(given))

    async def resolve(
        self, connection: Connection, keys: Iterable[WatchKey], because: str
    ) -> "list[Alert]":
        names = as_json(map(_name, keys))
        return _alerts(await connection.fetch(_Q["resolve"], names, because))

    # What has been

    async def past(
        self,
        org: OrgId,
        kind: Literal["metrics", "events", "logs", "presence"],
        device_ids: Collection[DeviceId],
        since: datetime,
        limit: int,
        *more: object,
    ) -> "list[Row]":
        """What came of these devices since then, by device and in order."""
        async with self.database.tenant(org).transaction(deadline=10) as connection:
            return await connection.fetch(
                _Q[f"past_{kind}"], org, sorted(device_ids), since, limit, *more
            )

    # By time

    async def beat(self, connection: Connection) -> Beat:
        row = await connection.fetchrow(_Q["beat"])
        if row is None:
            raise AssertionError("a statement that always answers a row")
        return Beat(row["now"], row["swept_at"], row["lived"])

    async def drained(self, connection: Connection, since: datetime) -> "list[datetime]":
        return [row["ended_at"] for row in await connection.fetch(_Q["drained"], since)]

    async def add_away(self, connection: Connection, since: datetime, until: datetime) -> None:
        await connection.execute(_Q["add_away"], since, until)

    async def away(self, connection: Connection) -> "list[tuple[datetime, datetime]]":
        return [(row["since"], row["until"]) for row in await connection.fetch(_Q["away"])]

    async def forget_away(self) -> None:
        await self.database.execute(_Q["forget_away"])

    async def resolve_changed(self, connection: Connection) -> "list[Alert]":
        return _alerts(await connection.fetch(_Q["resolve_changed"], AT_ONCE))

    async def watched(self, connection: Connection, rule: WatchedRule) -> frozenset[DeviceId]:
        return await self._devices(connection, "watched", rule)

    async def firing(self, connection: Connection, rule: WatchedRule) -> frozenset[DeviceId]:
        return await self._devices(connection, "firing", rule)

    async def _devices(
        self, connection: Connection, statement: str, rule: WatchedRule
    ) -> frozenset[DeviceId]:
        rows = await connection.fetch(_Q[statement], rule.org, rule.rule_id)
        return frozenset(row["device_id"] for row in rows)

    async def present(
        self, connection: Connection, org: OrgId, device_ids: Collection[DeviceId]
    ) -> frozenset[DeviceId]:
        rows = await connection.fetch(_Q["present"], org, sorted(device_ids))
        return frozenset(row["device_id"] for row in rows)

    async def timed(
        self, connection: Connection, rule: WatchedRule
    ) -> "list[tuple[DeviceId, WatchState, datetime]]":
        rows = await connection.fetch(_Q["timed"], rule.org, rule.rule_id)
        if not rows:
            return []
        raised = await self._devices(connection, "raised", rule)
        return [
            (row["device_id"], replace(_state(row), is_open=row["device_id"] in raised), row["now"])
            for row in rows
        ]


def _narrowed(text: str, tree: Tree | None, first: int) -> tuple[str, list[object]]:
    if tree is None:
        return text, []
    asked = condition(tree, first=first)
    return text.replace(_QUERY, asked.text), asked.parameters


def _reached(reach: Reach | None) -> tuple[list[str] | None, list[str] | None]:
    return (None, None) if reach is None else (list(reach.groups), list(reach.devices))


def _alerts(rows: Iterable[Row]) -> list[Alert]:
    return [alert_of(row) for row in rows]


def _name(key: WatchKey) -> dict[str, object]:
    rule, device_id = key
    return {"org_id": rule.org, "rule_id": rule.rule_id, "device_id": device_id}


def _by_id(keys: Iterable[WatchKey]) -> dict[tuple[str, str, str], WatchKey]:
    return {(rule.org, rule.rule_id, device): (rule, device) for rule, device in keys}


def _names(by_id: Mapping[tuple[str, str, str], WatchKey]) -> str:
    return as_json(_name(key) for key in by_id.values())


def _key(row: Row) -> tuple[str, str, str]:
    return row["org_id"], row["rule_id"], row["device_id"]


def _state(row: Row) -> WatchState:
    return WatchState(
        hits=tuple(row["hits"]),
        held_since=row["held_since"],
        cleared_at=row["cleared_at"],
        matched_at=row["matched_at"],
        value=row["value"],
        is_open=row["is_open"],
    )


def _columns(content: RuleContent) -> tuple[Any, ...]:
    return (
        content.name, content.query, dict(content.words), msgspec.to_builtins(content.when),
        content.for_seconds, content.clear_after_seconds, content.severity, dict(content.labels),
        content.notify, content.inhibited_by, content.sharing,
    )  # fmt: skip


def _rule(row: Row) -> AlertRule:
    return AlertRule(
        org=OrgId(row["org_id"]),
        rule_id=row["rule_id"],
        version=row["version"],
        name=row["name"],
        query=row["query"],
        words=row["words"],
        when=msgspec.convert(row["condition"], When),
        for_seconds=row["for_seconds"],
        clear_after_seconds=row["clear_after_seconds"],
        severity=row["severity"],
        labels=row["labels"],
        notify=row.get("notify_names") or [],
        inhibited_by=row.get("inhibited_names") or [],
        sharing=row["sharing"],
        reason=row["reason"],
        owner=RuleOwner(row["owner_kind"], row["owner_id"], row["owner_key"]),
        owner_name=row["owner_name"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )
