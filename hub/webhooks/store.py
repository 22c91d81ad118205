"""The rows of webhooks, of the events that wait for them, and of what was delivered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
import structlog

import sql
from hub.base.database import Connection, Database, Row, as_json
from hub.base.job_store import add_jobs, fence, remove_job
from hub.base.jobs import HeldJob
from hub.base.master_key import Place
from hub.base.vault import Vault
from hub.queries.compiled import condition
from hub.webhooks.batching import Packed
from hub.webhooks.deciding import AttemptOutcome, QueueStanding
from hub.webhooks.records import (
    JOB,
    Lost,
    Owner,
    Reason,
    Sealed,
    Waiting,
    Webhook,
    WebhookDelivery,
    WebhookType,
)
from hub.webhooks.wanting import EventWish
from protocol.ids import DeviceId, OrgId

log = structlog.get_logger(__name__)

_Q = sql.queries("webhooks")
_QUERY: Final = "/*query*/ true"
"""In a statement, where the condition of a query goes."""
_DECODE = msgspec.json.Decoder(Sealed).decode
AT_ONCE: Final = 2_000
"""Events of one statement: each may have 64 KiB."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody gives of a webhook."""

    name: str
    url: str
    types: list[WebhookType] | None
    query: str | None
    words: Mapping[str, str]
    sealed: Sealed
    enabled: bool


class KeepingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that keeps events."""

    org: OrgId
    webhook_id: str
    types: list[WebhookType] | None
    query: str | None
    words: Mapping[str, str]
    owner: Owner


class KeptEvent(msgspec.Struct, frozen=True):
    """An event on its way to a webhook."""

    org_id: OrgId
    webhook_id: str
    device_id: DeviceId | None
    size: int
    restricted: bool
    body: str


class DueWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook for whoever delivers to it; `secrets` sign, the newest first."""

    webhook: Webhook
    secrets: list[str]
    headers: dict[str, str]


class WebhookStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Those who keep them

    async def change_alone(self, connection: Connection, org: OrgId) -> None:
        """Until the commit nobody else makes one."""
        await connection.execute(_Q["change_alone"], org)

    async def count(self, connection: Connection, org: OrgId) -> int:
        return int(await connection.fetchval(_Q["count"], org))

    async def add(
        self,
        connection: Connection,
        org: OrgId,
        webhook_id: str,
        content: Content,
        owner: Owner,
        owner_name: str,
    ) -> Webhook:
        """With its job. Raises `MasterKeyMissing`."""
        row = await connection.fetchrow(
            _Q["add"], org, webhook_id, *self._columns(org, webhook_id, content),
            owner.kind, owner.id, owner.key, owner_name,
        )  # fmt: skip
        await add_jobs(connection, JOB, org, [webhook_id])
        await self._note_change(connection, org)
        return _webhook(_there(row))

    async def get(self, org: OrgId, webhook_id: str) -> Webhook | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, webhook_id)
        return None if row is None else _webhook(row)

    async def lock(
        self, connection: Connection, org: OrgId, webhook_id: str
    ) -> tuple[Webhook, Sealed] | None:
        """Raises `Unavailable` when it does not open."""
        row = await connection.fetchrow(_Q["lock"], org, webhook_id)
        return None if row is None else (_webhook(row), self._opened(row))

    async def list(
        self,
        org: OrgId,
        *,
        of: Owner | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Webhook]:
        """`of`: those of one owner only."""
        whose = (None, None) if of is None else (of.id, of.key)
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, *whose, *(before or (None, None)), limit
        )
        return [_webhook(row) for row in rows]

    async def put(
        self, connection: Connection, was: Webhook, content: Content, owner: Owner, owner_name: str
    ) -> Webhook:
        """It is delivered to at once. Raises `MasterKeyMissing`."""
        row = await connection.fetchrow(
            _Q["put"], was.org, was.webhook_id,
            *self._columns(was.org, was.webhook_id, content),
            owner.kind, owner.id, owner.key, owner_name,
        )  # fmt: skip
        await self.wake(connection, was.org, was.webhook_id)
        await self._note_change(connection, was.org)
        return _webhook(_there(row))

    async def member_name(self, connection: Connection, org: OrgId, user_id: str) -> str | None:
        return await connection.fetchval(_Q["member_name"], org, user_id)

    async def put_owner(
        self, connection: Connection, was: Webhook, user_id: str, name: str
    ) -> Webhook:
        row = await connection.fetchrow(_Q["put_owner"], was.org, was.webhook_id, user_id, name)
        await self._note_change(connection, was.org)
        return _webhook(_there(row))

    async def rotate(
        self, connection: Connection, was: Webhook, sealed: Sealed, seconds: float
    ) -> Webhook:
        """`seconds`: how long the former secret signs too. Raises `MasterKeyMissing`."""
        stored = self._sealed(was.org, was.webhook_id, sealed)
        row = await connection.fetchrow(_Q["rotate"], was.org, was.webhook_id, stored, seconds)
        return _webhook(_there(row))

    async def delete(
        self, connection: Connection, org: OrgId, webhook_id: str, grace: float
    ) -> str | None:
        """Its name; None for one that is not there. What waits for it goes after `grace` seconds,
        when nobody is about to write for it any more."""
        name: str | None = await connection.fetchval(_Q["delete"], org, webhook_id)
        if name is not None:
            await connection.execute(_Q["wake"], org, webhook_id, grace)
            await self._note_change(connection, org)
        return name

    async def wake(self, connection: Connection, org: OrgId, webhook_id: str) -> None:
        """It is delivered to now, whatever it waits for."""
        await connection.execute(_Q["wake"], org, webhook_id, 0.0)

    async def _note_change(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["note_change"], org)

    # What was delivered

    async def deliveries(
        self, org: OrgId, webhook_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> "list[WebhookDelivery]":
        rows = await self.database.tenant(org).fetch(
            _Q["deliveries"], org, webhook_id, *(before or (None, None)), limit
        )
        return [_delivery(row) for row in rows]

    async def delivery(
        self, org: OrgId, webhook_id: str, delivery_id: str
    ) -> WebhookDelivery | None:
        row = await self.database.tenant(org).fetchrow(_Q["delivery"], org, webhook_id, delivery_id)
        return None if row is None else _delivery(row)

    async def add_test(
        self, connection: Connection, webhook: Webhook, delivery_id: str, body: str
    ) -> None:
        await connection.execute(_Q["add_test"], webhook.org, webhook.webhook_id, delivery_id, body)

    async def note_attempt(
        self, org: OrgId, webhook_id: str, delivery_id: str, outcome: AttemptOutcome, *, taken: bool
    ) -> WebhookDelivery | None:
        row = await self.database.tenant(org).fetchrow(
            _Q["note_attempt"], org, webhook_id, delivery_id, outcome.status, outcome.error,
            outcome.ms, outcome.answer, taken,
        )  # fmt: skip
        return None if row is None else _delivery(row)

    # Keeping events

    async def keeping(self, org: OrgId | None) -> "list[KeepingRow]":
        """Those that keep events; None: of all organisations."""
        return [
            KeepingRow(
                org=OrgId(row["org_id"]),
                webhook_id=row["webhook_id"],
                types=row["types"],
                query=row["query"],
                words=row["words"],
                owner=_owner(row),
            )
            for row in await self.database.fetch(_Q["keeping"], org)
        ]

    async def matching(
        self, connection: Connection, wish: EventWish, device_ids: Collection[str]
    ) -> frozenset[str]:
        """Those of these devices of which it hears. A query that fails means none of them: what is
        stored with it must not fail for it."""
        found = frozenset(device_ids)
        try:
            async with connection.transaction():
                for number, reach in enumerate(wish.reaches or (None,)):
                    tree = wish.tree if number == 0 else None
                    asked = None if tree is None else condition(tree, first=5)
                    text = _Q["matching"]
                    rows = await connection.fetch(
                        text if asked is None else text.replace(_QUERY, asked.text),
                        wish.org,
                        sorted(found),
                        None if reach is None else list(reach.groups),
                        None if reach is None else list(reach.devices),
                        *([] if asked is None else asked.parameters),
                    )
                    found = frozenset(row["device_id"] for row in rows)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            log.warning("webhook_query_failed", webhook=wish.webhook_id, error=str(error))
            return frozenset()
        return found

    async def keep(self, connection: Connection, events: Sequence[KeptEvent]) -> None:
        """Those for webhooks that are there and keep events, in this order."""
        for first in range(0, len(events), AT_ONCE):
            await connection.execute(_Q["keep"], as_json(events[first : first + AT_ONCE]))

    # Delivering

    async def wake_all(self) -> bool:
        """The jobs that sleep although something waits are due: whether there are any."""
        return bool(await self.database.fetch(_Q["wake_all"]))

    async def owners(self) -> "list[tuple[OrgId, str, Owner]]":
        """Of those that are enabled."""
        rows = await self.database.fetch(_Q["owners"])
        return [(OrgId(row["org_id"]), row["webhook_id"], _owner(row)) for row in rows]

    async def disable(
        self, connection: Connection, org: OrgId, webhook_id: str, reason: Reason
    ) -> Webhook | None:
        """None for one that is disabled already, or gone."""
        row = await connection.fetchrow(_Q["disable"], org, webhook_id, reason)
        return None if row is None else _webhook(row)

    async def due(self, org: OrgId, webhook_id: str) -> DueWebhook | None:
        """Raises `Unavailable` when its secret does not open."""
        row = await self.database.fetchrow(_Q["one"], org, webhook_id)
        if row is None:
            return None
        sealed = self._opened(row)
        secrets = [sealed.secret]
        if row["rotating"] and sealed.former is not None:
            secrets.append(sealed.former)
        return DueWebhook(webhook=_webhook(row), secrets=secrets, headers=sealed.headers)

    async def pending(self, org: OrgId, webhook_id: str) -> WebhookDelivery | None:
        row = await self.database.fetchrow(_Q["pending"], org, webhook_id)
        return None if row is None else _delivery(row)

    async def standing(self, org: OrgId, webhook_id: str) -> QueueStanding:
        row = _there(await self.database.fetchrow(_Q["standing"], org, webhook_id))
        return QueueStanding(row["items"], int(row["bytes"]), row["seconds"])

    async def give_up(self, job: HeldJob, most: QueueStanding) -> int:
        """The oldest beyond these bounds; how many. Raises `LeaseLost`."""
        async with self.database.transaction(deadline=10) as connection:
            await fence(connection, job)
            bounds = (most.items, most.bytes, most.seconds)
            return await connection.fetchval(_Q["give_up"], job.org, job.key, *bounds) or 0

    async def next(self, org: OrgId, webhook_id: str, limit: int) -> "list[Waiting]":
        rows = await self.database.fetch(_Q["next"], org, webhook_id, limit)
        return [
            Waiting(row["number"], row["device_id"], row["restricted"], row["body"], row["age"])
            for row in rows
        ]

    async def withdraw(self, job: HeldJob) -> None:
        """What was tried is made anew. Raises `LeaseLost`."""
        async with self.database.transaction() as connection:
            await fence(connection, job)
            await connection.execute(_Q["withdraw"], job.org, job.key)

    async def open(
        self, job: HeldJob, delivery_id: str, packed: Packed, *, tells_gap: bool
    ) -> WebhookDelivery | None:
        """A new delivery; None where nothing is left of it for its owner to see, or the webhook is
        gone. Raises `LeaseLost`."""
        async with self.database.transaction() as connection:
            await fence(connection, job)
            if packed.unseen:
                await connection.execute(_Q["drop_events"], job.org, job.key, packed.unseen)
            if not packed.count:
                return None
            row = await connection.fetchrow(
                _Q["open"], job.org, job.key, delivery_id, packed.count, packed.numbers,
                packed.device_ids, packed.cleared_ids, tells_gap, packed.body,
            )  # fmt: skip
        return None if row is None else _delivery(row)

    async def taken(self, delivery: WebhookDelivery, outcome: AttemptOutcome) -> None:
        """That stands whoever has the job now: it is there."""
        await self.database.execute(
            _Q["taken"], *_key(delivery), outcome.status, outcome.ms, outcome.answer,
            delivery.numbers, delivery.tells_gap,
        )  # fmt: skip

    async def refused(
        self, connection: Connection, delivery: WebhookDelivery, outcome: AttemptOutcome
    ) -> tuple[int, float]:
        """(failures in a row, for how many seconds)."""
        row = await connection.fetchrow(
            _Q["refused"], *_key(delivery), outcome.status, outcome.error, outcome.ms,
            outcome.answer,
        )  # fmt: skip
        return (1, 0.0) if row is None else (row["failures"], row["seconds"])

    async def forget_events(self, job: HeldJob) -> bool:
        """Some of what waits for one that is gone, and its job with the last of it: whether there
        is more."""
        async with self.database.transaction(deadline=10) as connection:
            await fence(connection, job)
            more = await connection.fetchval(_Q["forget_events"], job.org, job.key) > 0
            if not more:
                await remove_job(connection, job)
        return more

    async def forget_deliveries(self) -> None:
        async with self.database.transaction(deadline=60) as connection:
            await connection.execute(_Q["forget_deliveries"])

    def _columns(self, org: OrgId, webhook_id: str, content: Content) -> tuple[Any, ...]:
        sealed = content.sealed
        return (
            content.name, content.url, content.types, content.query, dict(content.words),
            list(sealed.headers), self._sealed(org, webhook_id, sealed), content.enabled,
        )  # fmt: skip

    def _sealed(self, org: OrgId, webhook_id: str, sealed: Sealed) -> str:
        return self._vault.seal(_place(org, webhook_id), msgspec.json.encode(sealed).decode())

    def _opened(self, row: Row) -> Sealed:
        return _DECODE(self._vault.open(_place(row["org_id"], row["webhook_id"]), row["sealed"]))


def _place(org: str, webhook_id: str) -> Place:
    return ("webhook", f"{org}/{webhook_id}")


def _key(delivery: WebhookDelivery) -> tuple[str, str, str]:
    return delivery.org, delivery.webhook_id, delivery.delivery_id


def _there(row: Row | None) -> Row:
    if row is None:
        raise AssertionError("a statement that always answers a row")
    return row


def _owner(row: Row) -> Owner:
    return Owner(row["owner_kind"], row["owner_id"], row["owner_key"])


def _webhook(row: Row) -> Webhook:
    gap = None
    if row["gap_count"]:
        gap = Lost(row["gap_count"], row["gap_from"], row["gap_to"])
    return Webhook(
        org=OrgId(row["org_id"]),
        webhook_id=row["webhook_id"],
        version=row["version"],
        name=row["name"],
        url=row["url"],
        types=row["types"],
        query=row["query"],
        words=row["words"],
        header_names=row["header_names"],
        enabled=row["enabled"],
        reason=row["reason"],
        owner=_owner(row),
        owner_name=row["owner_name"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        rotated_until=row["rotated_until"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        succeeded_at=row["succeeded_at"],
        gap=gap,
    )


def _delivery(row: Row) -> WebhookDelivery:
    return WebhookDelivery(
        org=OrgId(row["org_id"]),
        webhook_id=row["webhook_id"],
        delivery_id=row["delivery_id"],
        created_at=row["created_at"],
        count=row["count"],
        pending=row["pending"],
        numbers=row.get("numbers") or [],
        device_ids=row.get("device_ids") or [],
        cleared_ids=row.get("cleared_ids") or [],
        tells_gap=row.get("tells_gap", False),
        body=row.get("body"),
        attempts=row["attempts"],
        tried_at=row["tried_at"],
        status=row["status"],
        error=row["error"],
        ms=row["ms"],
        answer=row["answer"],
        delivered_at=row["delivered_at"],
    )
