"""Rules as people and programs keep them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from msgspec import Struct, to_builtins

from hub.alerts.service import AlertService
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection, beyond_scope
from hub.base.errors import (
    Conflict,
    Escalation,
    Forbidden,
    NotFound,
    TooMany,
    Unavailable,
    invalid,
)
from hub.base.holding import Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.queries.service import QueryService, read_members
from hub.rights.access import may_everywhere
from hub.rights.memory import RightsMemory
from hub.rules.records import (
    MOST_RULES,
    AlertRule,
    Condition,
    RuleOwner,
    When,
    condition_of,
    require_log_members,
    seconds_of,
)
from hub.rules.seeing import RuleSight, may_have
from hub.rules.store import RuleContent, RuleStore
from protocol.ids import OrgId
from protocol.telemetry import Severity

log = structlog.get_logger(__name__)

NO_RULE: Final = "no such rule"
_LABEL: Final = "label."


class GivenRule(Struct, frozen=True, kw_only=True):
    """What somebody gives of a rule; `notify` and `inhibited_by` by names."""

    name: str
    query: str | None
    when: When
    for_seconds: int | None
    clear_after_seconds: int | None
    severity: Severity
    labels: Mapping[str, str]
    notify: list[str]
    inhibited_by: list[str]
    sharing: str | None


class RuleService:
    """`load` has this replica know at once which rules an organisation has."""

    def __init__(
        self,
        store: RuleStore,
        audit: AuditService,
        queries: QueryService,
        rights: RightsMemory,
        sight: RuleSight,
        alerts: AlertService,
        *,
        load: Callable[[OrgId], Awaitable[None]],
    ) -> None:
        self._store = store
        self._audit = audit
        self._queries = queries
        self._rights = rights
        self._sight = sight
        self._alerts = alerts
        self._load = load

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[AlertRule]:
        """Who has the right over some devices only sees their own."""
        everywhere = may_everywhere(by, "alert-rules:list")
        rows = await self._store.list(
            by.org,
            of=None if everywhere else owner_of(by),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.rule_id), item=lambda row: row
        )

    async def get(self, by: Principal, rule_id: str, right: Right = "alert-rules:get") -> AlertRule:
        """Raises `NotFound`."""
        return mine(by, right, await self._store.get(by.org, rule_id))

    async def create(self, by: Principal, given: GivenRule) -> AlertRule:
        """Raises `Invalid`, `Conflict`, `TooMany`."""
        words = await self._words(by.org, given)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            if await self._store.count(connection, by.org) >= MOST_RULES:
                raise TooMany(f"an organisation has {MOST_RULES} rules at most")
            content = await self._content(connection, by.org, given, words, None)
            rule_id = await self._store.add(connection, by.org, content, owner_of(by), by.actor)
            entry = audit_entry(by, "alert_rule.create", rule_id, name=content.name)
            await self._audit.record(connection, entry)
        await self._changed(by.org)
        return await self.get(by, rule_id)

    async def replace(self, by: Principal, rule_id: str, given: GivenRule) -> AlertRule:
        """Whoever does is its owner from then on; what it has raised is over. Raises `NotFound`,
        `Invalid`, `Conflict`."""
        was = await self.get(by, rule_id, "alert-rules:update")
        words = await self._words(by.org, given)
        async with self._store.database.tenant(by.org).transaction(deadline=10) as connection:
            await self._store.change_alone(connection, by.org)
            await self._require_there(connection, by.org, rule_id)
            content = await self._content(connection, by.org, given, words, rule_id)
            await self._store.put(connection, by.org, rule_id, content, owner_of(by), by.actor)
            await self._end_all(connection, by.org, rule_id)
            entry = audit_entry(
                by, "alert_rule.update", rule_id, changes=changes_of(_shown(was), _given(given))
            )
            await self._audit.record(connection, entry)
        await self._changed(by.org)
        return await self.get(by, rule_id)

    async def give_to(self, by: Principal, rule_id: str, user_id: str) -> AlertRule:
        """It is about what that member may see. Raises `NotFound`, `Invalid`, and `Escalation` for
        one who may more than the caller."""
        was = await self.get(by, rule_id, "alert-rules:update")
        if not may_everywhere(by, "alert-rules:update"):
            raise Forbidden("an administrator says who owns a rule")
        if not may_have(await self._sight.holding(by.org, RuleOwner("user", user_id, None))):
            raise invalid("userId", "is no member who may have a rule")
        if not await self._rights.covers_member(by, user_id):
            raise Escalation("that member may do more than you")
        async with self._store.database.tenant(by.org).transaction(deadline=10) as connection:
            await self._require_there(connection, by.org, rule_id)
            name = await self._store.member_name(connection, by.org, user_id)
            if name is None:
                raise invalid("userId", "is no member who may have a rule")
            await self._store.put_owner(connection, by.org, rule_id, user_id, name)
            await self._end_all(connection, by.org, rule_id)
            changes = changes_of({"owner": was.owner_name}, {"owner": name})
            await self._audit.record(
                connection, audit_entry(by, "alert_rule.owner", rule_id, changes=changes)
            )
        await self._changed(by.org)
        return await self.get(by, rule_id)

    async def delete(self, by: Principal, rule_id: str) -> None:
        """What it has raised is over. Raises `NotFound`."""
        await self.get(by, rule_id, "alert-rules:delete")
        async with self._store.database.tenant(by.org).transaction(deadline=10) as connection:
            await self._require_there(connection, by.org, rule_id)
            await self._end_all(connection, by.org, rule_id)
            name = await self._store.delete(connection, by.org, rule_id)
            await self._audit.record(
                connection, audit_entry(by, "alert_rule.delete", rule_id, name=name)
            )
        await self._changed(by.org)

    async def _require_there(self, connection: Connection, org: OrgId, rule_id: str) -> None:
        if not await self._store.lock(connection, org, rule_id):
            raise NotFound(NO_RULE)

    async def _end_all(self, connection: Connection, org: OrgId, rule_id: str) -> None:
        async with beyond_scope(connection, org):
            await self._alerts.tell(connection, await self._store.end_all(connection, org, rule_id))

    async def _words(self, org: OrgId, given: GivenRule) -> Mapping[str, str]:
        require_visible(given.name, "name")
        condition_given(given)
        return {} if given.query is None else await self._queries.read_kept(org, given.query)

    async def _content(
        self,
        connection: Connection,
        org: OrgId,
        given: GivenRule,
        words: Mapping[str, str],
        rule_id: str | None,
    ) -> RuleContent:
        """Raises `Invalid` for what names nothing, `Conflict` for a name that is taken."""
        named = await self._store.named(connection, org, [given.name, *given.inhibited_by])
        if named.get(given.name, rule_id) != rule_id:
            raise Conflict(f"there is a rule {given.name}")
        channels = await self._store.named_channels(connection, org, given.notify)
        for name in given.notify:
            if name not in channels:
                raise invalid("notify", f"there is no channel {name}")
        for name in given.inhibited_by:
            if name not in named or named[name] == rule_id:
                raise invalid("inhibitedBy", f"there is no other rule {name}")
        _, seconds = condition_given(given)
        return RuleContent(
            name=given.name,
            query=given.query,
            words=words,
            when=given.when,
            for_seconds=seconds,
            clear_after_seconds=given.clear_after_seconds,
            severity=given.severity,
            labels=given.labels,
            notify=sorted({channels[name] for name in given.notify}),
            inhibited_by=sorted({named[name] for name in given.inhibited_by}),
            sharing=given.sharing,
        )

    async def _changed(self, org: OrgId) -> None:
        """It is committed: what another replica notices this one knows when it has answered."""
        try:
            await self._load(org)
        except Unavailable as error:
            log.warning("rules_not_loaded", error=error.detail)


def condition_given(given: GivenRule) -> tuple[Condition, int]:
    """What it asks for, and for how many seconds. Raises `Invalid`."""
    when, where = given.when, None
    if when.where is not None:
        where = read_members(when.where, "when.where")
    elif when.log is not None:
        where = read_members(when.log, "when.log")
        require_log_members(where)
    condition = condition_of(when, where)
    if given.sharing is not None and not given.sharing.startswith(_LABEL):
        raise invalid("sharing", "names a label: label.<key>")
    return condition, seconds_of(condition, given.for_seconds)


def owner_of(by: Principal) -> RuleOwner:
    return RuleOwner(by.kind, by.subject, by.key_id)


def mine(by: Principal, right: Right, rule: AlertRule | None) -> AlertRule:
    """One that the caller may do this to: any, or who has the right over some devices only, their
    own. Raises `NotFound`."""
    if rule is None:
        raise NotFound(NO_RULE)
    if may_everywhere(by, right) or (by.rights.anywhere(right) and rule.owner == owner_of(by)):
        return rule
    raise NotFound(NO_RULE)


def _shown(rule: AlertRule) -> dict[str, object]:
    """For the audit."""
    return {
        "name": rule.name,
        "query": rule.query,
        "when": to_builtins(rule.when),
        "severity": rule.severity,
        "notify": rule.notify,
    }


def _given(given: GivenRule) -> dict[str, object]:
    return {
        "name": given.name,
        "query": given.query,
        "when": to_builtins(given.when),
        "severity": given.severity,
        "notify": sorted(given.notify),
    }
