"""Releases: an artifact on disk and a row that names it."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from hub.audit.service import AuditService, deed_of
from hub.base.errors import NotFound, invalid
from hub.firmware.artifact import display_name
from hub.firmware.files import Artifacts
from hub.firmware.store import ReleaseRow, ReleaseStore, taken
from hub.web.envelope import Items
from hub.web.paging import decode_cursor, page_of
from hub.web.principal import Principal
from protocol.ids import OrgId, uuid7

__all__ = ["FirmwareService", "NewRelease", "ReleaseRow"]

ED25519_SIGNATURE_BYTES: Final = 64


class NewRelease(Struct, frozen=True, kw_only=True):
    version: str
    channel: str
    filename: str
    signature_base64: str | None
    declared_size: int | None


class FirmwareService:
    def __init__(self, store: ReleaseStore, artifacts: Artifacts, audit: AuditService) -> None:
        self._store = store
        self._artifacts = artifacts
        self._audit = audit

    async def upload(
        self, by: Principal, new: NewRelease, chunks: AsyncIterator[bytes]
    ) -> ReleaseRow:
        """Raises `Conflict`, `TooLarge` or `Invalid`; then nothing was kept."""
        _check_signature(new.signature_base64)
        if await self._store.is_taken(by.org, new.channel, new.version):
            raise taken(new.channel, new.version)
        stored = await self._artifacts.keep(chunks, declared=new.declared_size)
        release = ReleaseRow(
            org=by.org,
            release_id=uuid7(),
            version=new.version,
            channel=new.channel,
            filename=display_name(new.filename),
            size=stored.size,
            sha256=stored.sha256,
            signature_base64=new.signature_base64,
            created_by=by.actor,
            created_at=datetime.now(UTC),
        )
        async with self._store.database.transaction() as connection:
            release = await self._store.add(connection, release)
            deed = deed_of(
                by,
                "release.create",
                release.release_id,
                version=new.version,
                channel=new.channel,
                sha256=stored.sha256,
            )
            await self._audit.record(connection, deed)
        return release

    async def get(self, org: OrgId, release_id: str) -> ReleaseRow:
        release = await self._store.get(org, release_id)
        if release is None:
            raise NotFound("no such release")
        return release

    async def list(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[ReleaseRow]:
        rows = await self._store.list(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.release_id), item=lambda row: row
        )

    def path(self, release: ReleaseRow) -> Path:
        """Where its artifact lies. Raises `NotFound` when the disk has lost it."""
        path = self._artifacts.path(release.sha256)
        if not path.is_file():
            raise NotFound("the artifact of this release is not on this replica's disk")
        return path


def _check_signature(signature: str | None) -> None:
    if signature is None:
        return
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != ED25519_SIGNATURE_BYTES:
        raise invalid("X-Signature", "not a base64 Ed25519 signature")
