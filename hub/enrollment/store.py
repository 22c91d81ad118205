"""The rows of enrolment tokens and requests, and of devices as enrolment changes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

import sql
from hub.base.database import Connection, Database, Row
from hub.enrollment.deciding import LATELY_SECONDS, MOST_REQUESTS, KnownDevice
from hub.enrollment.records import EnrollmentRequest, EnrollmentToken, Identity, Maker
from protocol.ids import DeviceId, OrgId

_Q = sql.queries("enrollment")
Before = tuple[datetime, str] | None


class Shows(Struct, frozen=True):
    """An enrolment token under its lock, as it stands for who shows it."""

    token: EnrollmentToken
    is_expired: bool
    is_same_use: bool


class EnrollmentStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Devices

    async def lock_standing(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> KnownDevice | None:
        """What decides about a token, under the lock that its end takes."""
        row = await connection.fetchrow(_Q["lock_standing"], org, device_id, LATELY_SECONDS)
        return None if row is None else KnownDevice(**dict(row))

    async def register(
        self, connection: Connection, org: OrgId, device_id: DeviceId, who: Identity
    ) -> bool:
        """Make the device; False when there is one."""
        made = await connection.fetchval(
            _Q["register"],
            org,
            device_id,
            who.name or device_id,
            who.company_id,
            who.production_line_id,
            who.version,
        )
        return made is not None

    async def next_version(
        self,
        connection: Connection,
        org: OrgId,
        device_id: DeviceId,
        software: str | None,
        *,
        only: bool,
    ) -> int:
        """The version of a new token; with `only` all others end. `software` is the version of its
        software, None where it does not say: of a device that is there no more is believed."""
        query = _Q["only_version" if only else "next_version"]
        version = await connection.fetchval(query, org, device_id, software)
        if version is None:
            raise LookupError("a locked row is gone")
        return int(version)

    async def reopen(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> datetime | None:
        """Until when it may enrol again, once; None where there is no such device."""
        return await connection.fetchval(_Q["reopen"], org, device_id)

    # What a device shows

    async def of_token(self, token_hash: bytes) -> EnrollmentToken | None:
        row = await self.database.fetchrow(_Q["of_token"], token_hash)
        return None if row is None else _token(row)

    async def lock_token(
        self, connection: Connection, org: OrgId, token_id: str, device_id: DeviceId, block: str
    ) -> Shows | None:
        row = await connection.fetchrow(_Q["lock_token"], org, token_id, device_id, block)
        if row is None:
            return None
        return Shows(_token(row), row["is_expired"], row["is_same_use"])

    async def count_use(
        self, connection: Connection, org: OrgId, token_id: str, device_id: DeviceId, block: str
    ) -> None:
        await connection.execute(_Q["count_use"], org, token_id, device_id, block)

    async def of_request(self, device_id: DeviceId, proof: bytes) -> tuple[OrgId, str] | None:
        row = await self.database.fetchrow(_Q["of_request"], device_id, proof)
        return None if row is None else (OrgId(row["org_id"]), row["request_id"])

    async def lock_request(
        self, connection: Connection, org: OrgId, request_id: str
    ) -> EnrollmentRequest | None:
        row = await connection.fetchrow(_Q["lock_request"], org, request_id)
        return None if row is None else _request(row)

    async def grant(self, connection: Connection, org: OrgId, request_id: str) -> None:
        await connection.execute(_Q["grant"], org, request_id)

    async def ask(
        self,
        connection: Connection,
        org: OrgId,
        request_id: str,
        device_id: DeviceId,
        *,
        proof: bytes,
        fingerprint: str,
        address: str | None,
        token_id: str | None,
    ) -> bool:
        """False when too many of that id wait."""
        await connection.execute(_Q["lock_asking"], org, device_id)
        made = await connection.fetchval(
            _Q["ask"],
            org,
            request_id,
            device_id,
            proof,
            fingerprint,
            address,
            token_id,
            MOST_REQUESTS,
        )
        return made is not None

    # Requests

    async def requests(self, org: OrgId, *, before: Before, limit: int) -> list[EnrollmentRequest]:
        """Those that wait for a person, the newest first."""
        rows = await self.database.tenant(org).fetch(
            _Q["requests"], org, *(before or (None, None)), limit
        )
        return [_request(row) for row in rows]

    async def lock_requests(
        self, connection: Connection, org: OrgId, device_id: DeviceId
    ) -> list[EnrollmentRequest]:
        """All that there are of an id."""
        rows = await connection.fetch(_Q["lock_requests"], org, device_id)
        return [_request(row) for row in rows]

    async def approve(
        self,
        connection: Connection,
        request: EnrollmentRequest,
        group_ids: Sequence[str],
        tags: Sequence[str],
    ) -> None:
        """The others of its id that wait end."""
        await connection.execute(
            _Q["approve"],
            request.org,
            request.device_id,
            request.request_id,
            list(group_ids),
            list(tags),
        )

    async def reject(self, connection: Connection, request: EnrollmentRequest) -> None:
        await connection.execute(_Q["reject"], request.org, request.request_id)

    # Tokens

    async def add_token(
        self,
        connection: Connection,
        org: OrgId,
        token_id: str,
        token_hash: bytes,
        *,
        name: str,
        max_uses: int | None,
        expires_at: datetime | None,
        group_ids: Sequence[str],
        labels: Mapping[str, str],
        approval: bool,
        maker: Maker,
    ) -> EnrollmentToken:
        row = await connection.fetchrow(
            _Q["add_token"],
            org,
            token_id,
            name,
            token_hash,
            max_uses,
            expires_at,
            list(group_ids),
            dict(labels),
            approval,
            *_columns(maker),
        )
        if row is None:
            raise LookupError("INSERT … RETURNING gave no row")
        return _token(row)

    async def tokens(self, org: OrgId, *, before: Before, limit: int) -> list[EnrollmentToken]:
        rows = await self.database.tenant(org).fetch(
            _Q["tokens"], org, *(before or (None, None)), limit
        )
        return [_token(row) for row in rows]

    async def token(self, org: OrgId, token_id: str) -> EnrollmentToken | None:
        row = await self.database.tenant(org).fetchrow(_Q["token"], org, token_id)
        return None if row is None else _token(row)

    async def delete_token(self, connection: Connection, org: OrgId, token_id: str) -> str | None:
        """Its name; None when it was not there."""
        return await connection.fetchval(_Q["delete_token"], org, token_id)

    async def take_over(
        self, connection: Connection, org: OrgId, token_id: str, maker: Maker
    ) -> EnrollmentToken | None:
        row = await connection.fetchrow(_Q["take_over"], org, token_id, *_columns(maker))
        return None if row is None else _token(row)

    async def forget(self) -> None:
        """What is over."""
        await self.database.execute(_Q["forget"])


def _columns(maker: Maker) -> tuple[str, str, str | None, str]:
    return maker.kind, maker.subject, maker.key_id, maker.name


def _token(row: Row) -> EnrollmentToken:
    maker = Maker(row["made_by_kind"], row["made_by"], row["made_by_key"], row["made_by_name"])
    return EnrollmentToken(
        org=OrgId(row["org_id"]),
        token_id=row["token_id"],
        name=row["name"],
        max_uses=row["max_uses"],
        uses=row["uses"],
        expires_at=row["expires_at"],
        group_ids=row["group_ids"],
        labels=row["labels"],
        approval=row["approval"],
        maker=maker,
        created_at=row["created_at"],
    )


def _request(row: Row) -> EnrollmentRequest:
    return EnrollmentRequest(
        org=OrgId(row["org_id"]),
        request_id=row["request_id"],
        device_id=DeviceId(row["device_id"]),
        fingerprint=row["fingerprint"],
        address=row["address"],
        token_id=row["token_id"],
        status=row["status"],
        group_ids=row["group_ids"],
        tags=row["tags"],
        requested_at=row["requested_at"],
    )
