"""Releases: an artifact on disk and a row that names it; and the keys that sign them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.errors import Conflict, NotFound, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.campaigns.service import CampaignService
from hub.commands.service import CommandFilter, CommandService
from hub.firmware.artifact import display_name
from hub.firmware.files import Artifacts
from hub.firmware.signing import check_public_key, check_signature, key_that_fits
from hub.firmware.store import FirmwareKeyRow, ReleaseRow, ReleaseStore, taken
from protocol.ids import DeviceId, OrgId, uuid7

__all__ = ["FirmwareService", "FirmwareKeyRow", "NewRelease", "ReleaseRow"]


class NewRelease(Struct, frozen=True, kw_only=True):
    type: str
    version: str
    channel: str
    filename: str
    signature_base64: str | None
    declared_size: int | None


class FirmwareService:
    def __init__(
        self,
        store: ReleaseStore,
        artifacts: Artifacts,
        commands: CommandService,
        campaigns: CampaignService,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._commands = commands
        self._campaigns = campaigns
        self._audit = audit

    # Releases

    async def upload(
        self, by: Principal, new: NewRelease, chunks: AsyncIterator[bytes]
    ) -> ReleaseRow:
        """Raises `Conflict`, `TooLarge` or `Invalid`; then nothing was kept."""
        if new.signature_base64 is not None:
            check_signature("X-Signature", new.signature_base64)
        if await self._store.is_taken(by.org, new.type, new.channel, new.version):
            raise taken(new.type, new.channel, new.version)
        async with self._artifacts.taken(chunks, declared=new.declared_size) as stored:
            signed_by = await self._signer(
                by.org, stored.path, new.signature_base64, field="X-Signature"
            )
            release = ReleaseRow(
                org=by.org,
                release_id=uuid7(),
                type=new.type,
                version=new.version,
                channel=new.channel,
                filename=display_name(new.filename),
                size=stored.size,
                sha256=stored.sha256,
                signature_base64=new.signature_base64,
                signed_by=signed_by,
                created_by=by.actor,
                created_at=datetime.now(UTC),
            )
            async with self._store.database.tenant(by.org).transaction() as connection:
                await self._store.lock_artifact(connection, stored.sha256)
                release = await self._store.add(connection, release)
                entry = audit_entry(
                    by,
                    "release.create",
                    release.release_id,
                    type=new.type,
                    version=new.version,
                    channel=new.channel,
                    sha256=stored.sha256,
                )
                await self._audit.record(connection, entry)
                await asyncio.to_thread(self._artifacts.put_in_place, stored)
        return release

    async def sign(self, by: Principal, release_id: str, signature: str) -> ReleaseRow:
        """Attach a signature, or another one. Raises `NotFound`, `Invalid`."""
        check_signature("signatureBase64", signature)
        release = await self.get(by.org, release_id)
        signed_by = await self._signer(
            by.org, self.path(release), signature, field="signatureBase64"
        )
        async with self._store.database.tenant(by.org).transaction() as connection:
            signed = await self._store.sign(
                connection, by.org, release_id, signature=signature, signed_by=signed_by
            )
            if signed is None:
                raise NotFound("no such release")
            entry = audit_entry(by, "release.sign", release_id, signedBy=signed_by)
            await self._audit.record(connection, entry)
        return signed

    async def _signer(
        self, org: OrgId, artifact: Path, signature: str | None, *, field: str
    ) -> str | None:
        """The key of ours that made the signature; None when there are no keys to try. Raises
        `Invalid` when none of them fits."""
        keys = await self._store.keys(org)
        if signature is None or not keys:
            return None
        pairs = [(key.key_id, key.public_key) for key in keys]
        raw = check_signature(field, signature)
        found = await asyncio.to_thread(key_that_fits, artifact, raw, pairs)
        if found is None:
            raise invalid(field, "the signature matches none of the signing keys")
        return found

    async def delete(self, by: Principal, release_id: str) -> None:
        """Raises `NotFound`, or `Conflict` while a deployment of it is under way."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            release = await self._store.lock(connection, by.org, release_id)
            if release is None:
                raise NotFound("no such release")
            if await self._campaigns.is_under_way(connection, by.org, release_id):
                raise Conflict("a deployment of this release is under way")
            await self._store.delete(connection, by.org, release_id)
            entry = audit_entry(by, "release.delete", release_id, version=release.version)
            await self._audit.record(connection, entry)
        await self._remove_unnamed(release.sha256)

    async def end_releases(self) -> None:
        """Of organisations that have ended, with their artifacts."""
        for sha256 in await self._store.end_releases():
            await self._remove_unnamed(sha256)

    async def _remove_unnamed(self, sha256: str) -> None:
        """An artifact goes with the last release that has it."""
        async with self._store.database.transaction() as connection:
            await self._store.lock_artifact(connection, sha256)
            if not await self._store.names_artifact(connection, sha256):
                await asyncio.to_thread(self._artifacts.remove, sha256)

    async def get(self, org: OrgId, release_id: str) -> ReleaseRow:
        release = await self._store.get(org, release_id)
        if release is None:
            raise NotFound("no such release")
        return release

    async def get_for(self, by: Principal, release_id: str) -> ReleaseRow:
        """A release whose artifact the caller may have: a device only what it was told to fetch,
        or what is pinned for it. Raises `NotFound`."""
        release = await self.get(by.org, release_id)
        if by.kind != "device":
            return release
        told = await self._commands.list(
            by.org,
            CommandFilter(device_id=DeviceId(by.subject), type=["update_firmware"]),
            cursor=None,
            limit=100,
        )
        if any(command.params.get("releaseId") == release_id for command in told.items):
            return release
        if await self._store.is_pinned(by.org, DeviceId(by.subject), release_id):
            return release
        raise NotFound("no such release")

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

    async def clean_up(self) -> None:
        """On the disk of this replica."""
        await asyncio.to_thread(self._artifacts.clean_up)

    # Keys

    async def keys(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[FirmwareKeyRow]:
        rows = await self._store.keys(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.key_id), item=lambda row: row
        )

    async def add_key(self, by: Principal, name: str, public_key: str) -> FirmwareKeyRow:
        """Raises `Invalid`, or `Conflict` when the key is there."""
        require_visible(name, "name")
        kept = check_public_key("publicKey", public_key)
        async with self._store.database.tenant(by.org).transaction() as connection:
            key = await self._store.add_key(
                connection, by.org, uuid7(), name=name, public_key=kept, by=by.actor
            )
            entry = audit_entry(by, "firmware_key.create", key.key_id, name=name, publicKey=kept)
            await self._audit.record(connection, entry)
        return key

    async def delete_key(self, by: Principal, key_id: str) -> None:
        """Raises `NotFound`, or `Conflict` while a release is signed with it."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete_key(connection, by.org, key_id):
                raise NotFound("no such key")
            await self._audit.record(connection, audit_entry(by, "firmware_key.delete", key_id))
