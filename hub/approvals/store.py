"""The rows of calls that wait for a second person, and of what was sent without one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct

import sql
from hub.approvals.deciding import ApprovalStatus, Reason
from hub.approvals.records import Actor, Approval, Kind, NewApproval, ShownCall
from hub.base.database import Connection, Database, Row
from hub.base.errors import Conflict
from hub.base.principal import Principal
from protocol.ids import OrgId
from protocol.replies import ErrorObject

_Q = sql.queries("approvals")
MOST_AWAITING: Final = 1_000
"""Of an organisation."""


class SentLately(Struct, frozen=True):
    targets: int
    seconds: float
    """Until some of it is over."""


class Due(Struct, frozen=True):
    org: OrgId
    approval_id: str
    status: ApprovalStatus


class ApprovalStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def lock(self, connection: Connection, org: OrgId) -> None:
        await connection.execute(_Q["lock"], org)

    async def earlier(
        self, connection: Connection, org: OrgId, new: NewApproval
    ) -> Approval | None:
        """The same call, as it was made before."""
        path, key = new.key or (None, None)
        row = await connection.fetchrow(_Q["earlier"], org, new.subject, path, key)
        return None if row is None else _approval(row)

    async def ask(
        self,
        connection: Connection,
        approval_id: str,
        new: NewApproval,
        reason: Reason,
        by: Principal,
    ) -> Approval | None:
        """None when too many wait. Raises `Conflict` for an id that another call waits with."""
        path, key = new.key or (None, None)
        try:
            row = await connection.fetchrow(
                _Q["ask"],
                by.org,
                approval_id,
                new.kind,
                new.subject,
                new.device_ids,
                msgspec.to_builtins(new.shown),
                new.call,
                new.request_hash,
                new.rights,
                new.right_name,
                str(reason),
                by.kind,
                new.ends_by,
                by.subject,
                by.key_id,
                by.actor,
                path,
                key,
                MOST_AWAITING,
            )
        except asyncpg.UniqueViolationError:
            raise Conflict("this id waits for an approval of another request") from None
        return None if row is None else _approval(row)

    # What is sent without an approval

    async def sent_lately(self, connection: Connection, org: OrgId) -> SentLately:
        (row,) = await connection.fetch(_Q["sent_lately"], org)
        return SentLately(row["targets"], row["seconds"])

    async def count_sent(self, connection: Connection, org: OrgId, targets: int) -> int:
        """Under which number it is counted."""
        return int(await connection.fetchval(_Q["count_sent"], org, targets))

    async def recount(self, org: OrgId, dispatch_id: int, targets: int) -> None:
        await self.database.tenant(org).execute(_Q["recount"], org, dispatch_id, targets)

    async def known(self, org: OrgId, device_ids: Sequence[str]) -> list[str]:
        """Those that there are, in their order."""
        rows = await self.database.tenant(org).fetch(_Q["known"], org, list(device_ids))
        there = {row["device_id"] for row in rows}
        return [each for each in device_ids if each in there]

    # Reading

    async def list(
        self,
        org: OrgId,
        statuses: Sequence[ApprovalStatus] | None,
        *,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> "list[Approval]":
        wanted = None if statuses is None else [str(each) for each in statuses]
        rows = await self.database.tenant(org).fetch(
            _Q["list"], org, wanted, *(before or (None, None)), limit
        )
        return [_approval(row) for row in rows]

    async def get(self, org: OrgId, approval_id: str) -> Approval | None:
        row = await self.database.tenant(org).fetchrow(_Q["get"], org, approval_id)
        return None if row is None else _approval(row)

    async def of_subject(
        self, org: OrgId, subject: str, device_id: str | None, kind: Kind
    ) -> Approval | None:
        """What waits under this id: with a device a command, else one of this kind."""
        row = await self.database.tenant(org).fetchrow(
            _Q["of_subject"], org, subject, device_id, kind
        )
        return None if row is None else _approval(row)

    async def people(self, org: OrgId, but: str) -> "list[str]":
        rows = await self.database.tenant(org).fetch(_Q["people"], org, but)
        return [row["user_id"] for row in rows]

    async def is_person(self, org: OrgId, user_id: str) -> bool:
        return bool(await self.database.tenant(org).fetchval(_Q["is_person"], org, user_id))

    # Deciding

    async def lock_one(
        self, connection: Connection, org: OrgId, approval_id: str
    ) -> tuple[Approval, bool] | None:
        """With whether it is too late to decide."""
        row = await connection.fetchrow(_Q["lock_one"], org, approval_id)
        return None if row is None else (_approval(row), row["is_over"])

    async def decide(
        self,
        connection: Connection,
        approval: Approval,
        status: ApprovalStatus,
        *,
        by: Principal,
        comment: str | None,
        error: ErrorObject | None,
    ) -> Approval:
        (row,) = await connection.fetch(
            _Q["decide"],
            approval.org,
            approval.approval_id,
            str(status),
            by.kind,
            by.subject,
            by.key_id,
            by.actor,
            comment,
            error,
        )
        return _approval(row)

    async def done(
        self,
        connection: Connection,
        approval: Approval,
        status: ApprovalStatus,
        *,
        error: ErrorObject | None,
        refused: Mapping[str, ErrorObject],
    ) -> Approval | None:
        """None when that was noted before."""
        row = await connection.fetchrow(
            _Q["done"], approval.org, approval.approval_id, str(status), error, dict(refused)
        )
        return None if row is None else _approval(row)

    async def due(self) -> "list[Due]":
        return [
            Due(row["org_id"], row["approval_id"], ApprovalStatus(row["status"]))
            for row in await self.database.fetch(_Q["due"])
        ]

    async def forget(self, days: int) -> None:
        await self.database.execute(_Q["forget"], days)


def _approval(row: Row) -> Approval:
    asked = Actor(row["asked_by_kind"], row["asked_by"], row["asked_by_key"], row["asked_by_name"])
    decided = Actor(
        row["decided_by_kind"], row["decided_by"], row["decided_by_key"], row["decided_by_name"]
    )
    return Approval(
        org=row["org_id"],
        approval_id=row["approval_id"],
        kind=row["kind"],
        subject=row["subject"],
        device_ids=row["device_ids"],
        shown=msgspec.convert(row["shown"], ShownCall),
        call=row["call"],
        request_hash=row["request_hash"],
        rights=row["rights"],
        right_name=row["right_name"],
        reason=Reason(row["reason"]),
        status=ApprovalStatus(row["status"]),
        asked_by=asked,
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        decided_by=None if row["decided_by"] is None else decided,
        decided_at=row["decided_at"],
        comment=row["comment"],
        error=row["error"],
        refused=row["refused"],
        done_at=row["done_at"],
    )
