"""Webhooks as people and programs keep them."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from msgspec import Struct, structs

from hub.audit.entries import HIDDEN, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.destinations import Destinations
from hub.base.errors import Escalation, Forbidden, NotFound, TooMany, Unavailable, invalid
from hub.base.holding import Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.queries.service import QueryService
from hub.rights.access import may_everywhere
from hub.rights.memory import RightsMemory
from hub.webhooks.deciding import FORMER_SECONDS
from hub.webhooks.records import (
    MOST_WEBHOOKS,
    Owner,
    Sealed,
    Webhook,
    WebhookType,
    is_same_place,
    require_headers,
    with_headers,
)
from hub.webhooks.seeing import OwnerSight, may_have
from hub.webhooks.signing import SECRET_BYTES, secret_of
from hub.webhooks.store import Content, WebhookStore
from protocol.ids import OrgId, uuid7

log = structlog.get_logger(__name__)

NO_WEBHOOK: Final = "no such webhook"
GRACE_SECONDS: Final = 60.0
"""After the end of one: a transaction that writes for it is over by then."""


class GivenWebhook(Struct, frozen=True, kw_only=True):
    """What somebody gives of a webhook; headers None: those that there are."""

    name: str
    url: str
    types: list[WebhookType] | None
    query: str | None
    headers: Mapping[str, str] | None
    enabled: bool


class WebhookService:
    """`load` has this replica know at once what an organisation wants."""

    def __init__(
        self,
        store: WebhookStore,
        audit: AuditService,
        queries: QueryService,
        rights: RightsMemory,
        sight: OwnerSight,
        allowed: Destinations,
        *,
        load: Callable[[OrgId], Awaitable[None]],
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._queries = queries
        self._rights = rights
        self._sight = sight
        self._allowed = allowed
        self._load = load
        self._wake_jobs = wake_jobs

    async def list(self, by: Principal, *, cursor: str | None, limit: int) -> Items[Webhook]:
        """Who has the right over some devices only sees their own."""
        everywhere = may_everywhere(by, "webhooks:list")
        rows = await self._store.list(
            by.org,
            of=None if everywhere else owner_of(by),
            before=decode_cursor(cursor),
            limit=limit + 1,
        )
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.webhook_id), item=lambda row: row
        )

    async def get(self, by: Principal, webhook_id: str) -> Webhook:
        """Raises `NotFound`."""
        return mine(by, "webhooks:get", await self._store.get(by.org, webhook_id))

    async def create(self, by: Principal, given: GivenWebhook) -> tuple[Webhook, str]:
        """With its secret. Raises `Invalid`, `TooMany`, `MasterKeyMissing`."""
        sealed = Sealed(secret=_new_secret(), headers=dict(given.headers or {}))
        content = await self._content(by.org, given, sealed)
        webhook_id = uuid7()
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            if await self._store.count(connection, by.org) >= MOST_WEBHOOKS:
                raise TooMany(f"an organisation has {MOST_WEBHOOKS} webhooks at most")
            made = await self._store.add(
                connection, by.org, webhook_id, content, owner_of(by), by.actor
            )
            entry = audit_entry(by, "webhook.create", webhook_id, name=made.name, url=made.url)
            await self._audit.record(connection, entry)
        await self._changed(by.org)
        return made, sealed.secret

    async def replace(self, by: Principal, webhook_id: str, given: GivenWebhook) -> Webhook:
        """Whoever does is its owner from then on. Raises `NotFound`, `Invalid`,
        `MasterKeyMissing`."""
        former = await self.get(by, webhook_id)
        content = await self._content(by.org, given, Sealed(secret="", headers={}))
        async with self._store.database.tenant(by.org).transaction() as connection:
            was, sealed = await self._locked(connection, by, "webhooks:update", former)
            headers = with_headers(
                given.headers,
                sealed.headers,
                HIDDEN,
                same_place=is_same_place(was.url, given.url),
            )
            require_headers(headers)
            content = structs.replace(content, sealed=structs.replace(sealed, headers=headers))
            now = await self._store.put(connection, was, content, owner_of(by), by.actor)
            entry = audit_entry(
                by, "webhook.update", webhook_id, changes=changes_of(_shown(was), _shown(now))
            )
            await self._audit.record(connection, entry)
        await self._changed(by.org)
        return now

    async def give_to(self, by: Principal, webhook_id: str, user_id: str) -> Webhook:
        """It sees what that member may see. Raises `NotFound`, `Invalid`, and `Escalation` for one
        who may more than the caller."""
        former = await self.get(by, webhook_id)
        if not may_everywhere(by, "webhooks:update"):
            raise Forbidden("an administrator says who owns a webhook")
        if not may_have(await self._sight.holding(by.org, Owner("user", user_id, None))):
            raise invalid("userId", "is no member who may have a webhook")
        if not await self._rights.covers_member(by, user_id):
            raise Escalation("that member may do more than you")
        async with self._store.database.tenant(by.org).transaction() as connection:
            was, _ = await self._locked(connection, by, "webhooks:update", former)
            name = await self._store.member_name(connection, by.org, user_id)
            if name is None:
                raise invalid("userId", "is no member who may have a webhook")
            now = await self._store.put_owner(connection, was, user_id, name)
            entry = audit_entry(
                by, "webhook.owner", webhook_id, changes=changes_of(_shown(was), _shown(now))
            )
            await self._audit.record(connection, entry)
        await self._changed(by.org)
        return now

    async def rotate(self, by: Principal, webhook_id: str) -> tuple[Webhook, str]:
        """With its new secret; the former one signs too for a while. Raises `NotFound`,
        `MasterKeyMissing`."""
        former = await self.get(by, webhook_id)
        async with self._store.database.tenant(by.org).transaction() as connection:
            was, sealed = await self._locked(connection, by, "webhooks:update", former)
            sealed = structs.replace(sealed, secret=_new_secret(), former=sealed.secret)
            now = await self._store.rotate(connection, was, sealed, FORMER_SECONDS)
            await self._audit.record(
                connection, audit_entry(by, "webhook.rotate_secret", webhook_id)
            )
        return now, sealed.secret

    async def delete(self, by: Principal, webhook_id: str) -> None:
        """With what waits for it. Raises `NotFound`."""
        former = await self.get(by, webhook_id)
        mine(by, "webhooks:delete", former)
        async with self._store.database.tenant(by.org).transaction() as connection:
            name = await self._store.delete(connection, by.org, webhook_id, GRACE_SECONDS)
            if name is None:
                raise NotFound(NO_WEBHOOK)
            await self._audit.record(
                connection, audit_entry(by, "webhook.delete", webhook_id, name=name)
            )
        await self._changed(by.org)

    async def _locked(
        self, connection: Connection, by: Principal, right: Right, former: Webhook
    ) -> tuple[Webhook, Sealed]:
        found = await self._store.lock(connection, by.org, former.webhook_id)
        if found is None:
            raise NotFound(NO_WEBHOOK)
        return mine(by, right, found[0]), found[1]

    async def _content(self, org: OrgId, given: GivenWebhook, sealed: Sealed) -> Content:
        """Raises `Invalid`."""
        if not given.url.isascii() or not given.url.isprintable() or " " in given.url:
            raise invalid("url", "must be ASCII without spaces")
        if (problem := self._allowed.problem_of(given.url)) is not None:
            raise invalid("url", problem)
        require_headers(sealed.headers)
        words: Mapping[str, str] = {}
        if given.query is not None:
            words = await self._queries.read_kept(org, given.query)
        return Content(
            name=given.name,
            url=given.url,
            types=given.types,
            query=given.query,
            words=words,
            sealed=sealed,
            enabled=given.enabled,
        )

    async def _changed(self, org: OrgId) -> None:
        """It is committed: what another replica notices this one knows when it has answered."""
        self._wake_jobs()
        try:
            await self._load(org)
        except Unavailable as error:
            log.warning("webhooks_not_loaded", error=error.detail)


def owner_of(by: Principal) -> Owner:
    return Owner(by.kind, by.subject, by.key_id)


def mine(by: Principal, right: Right, webhook: Webhook | None) -> Webhook:
    """One that the caller may do this to: any, or who has the right over some devices only, their
    own. Raises `NotFound`."""
    if webhook is None:
        raise NotFound(NO_WEBHOOK)
    if may_everywhere(by, right) or (by.rights.anywhere(right) and webhook.owner == owner_of(by)):
        return webhook
    raise NotFound(NO_WEBHOOK)


def _new_secret() -> str:
    return secret_of(secrets.token_bytes(SECRET_BYTES))


def _shown(webhook: Webhook) -> dict[str, object]:
    """For the audit."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "types": webhook.types,
        "query": webhook.query,
        "headers": webhook.header_names,
        "enabled": webhook.enabled,
        "owner": webhook.owner_name,
    }
