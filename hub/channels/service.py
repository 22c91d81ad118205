"""Channels as people and programs keep them."""

import builtins
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct, structs

from hub.audit.entries import HIDDEN, audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.destinations import Destinations
from hub.base.errors import Conflict, NotFound, Overloaded, TooMany, invalid
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.base.visible import require_visible
from hub.channels.records import (
    MOST_CHANNELS,
    ChannelKind,
    NotificationChannel,
    SealedChannel,
    require_recipients,
)
from hub.channels.sending import ChannelSender
from hub.channels.store import ChannelContent, ChannelStore
from hub.webhooks.deciding import AttemptOutcome
from hub.webhooks.records import is_same_place, require_headers, with_headers
from hub.webhooks.signing import SECRET_BYTES, is_secret, secret_of

NO_CHANNEL: Final = "no such channel"
AT_ONCE: Final = 10
"""Tests that people wait for, of one replica."""


class GivenChannel(Struct, frozen=True, kw_only=True):
    """What somebody gives of a channel. `secret` None: the one there is, or a new one; `headers`
    None: those that there are."""

    name: str
    kind: ChannelKind
    url: str | None
    secret: str | None
    headers: Mapping[str, str] | None
    recipients: list[str] | None
    group_seconds: int
    repeat_minutes: int


class ChannelService:
    def __init__(
        self,
        store: ChannelStore,
        audit: AuditService,
        sender: ChannelSender,
        allowed: Destinations,
        *,
        has_mail: bool,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._sender = sender
        self._allowed = allowed
        self._has_mail = has_mail
        self._wake_jobs = wake_jobs
        self._testing = 0

    async def list(
        self, by: Principal, *, cursor: str | None, limit: int
    ) -> Items[NotificationChannel]:
        rows = await self._store.list(by.org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.channel_id), item=lambda row: row
        )

    async def get(self, by: Principal, channel_id: str) -> NotificationChannel:
        """Raises `NotFound`."""
        found = await self._store.get(by.org, channel_id)
        if found is None:
            raise NotFound(NO_CHANNEL)
        return found

    async def create(
        self, by: Principal, given: GivenChannel
    ) -> tuple[NotificationChannel, str | None]:
        """With its secret, where one was made. Raises `Invalid`, `Conflict`, `TooMany`,
        `MasterKeyMissing`."""
        made = None if given.kind == "email" or given.secret else _new_secret()
        content = self._content(given, None, made)
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            if await self._store.count(connection, by.org) >= MOST_CHANNELS:
                raise TooMany(f"an organisation has {MOST_CHANNELS} channels at most")
            await self._require_free(connection, by, given.name, "")
            channel = await self._store.add(connection, by.org, content, by.actor)
            entry = audit_entry(
                by, "notification_channel.create", channel.channel_id, name=given.name
            )
            await self._audit.record(connection, entry)
        return channel, made

    async def replace(
        self, by: Principal, channel_id: str, given: GivenChannel
    ) -> NotificationChannel:
        """Raises `NotFound`, `Invalid`, `Conflict`, `MasterKeyMissing`."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            found = await self._store.lock(connection, by.org, channel_id)
            if found is None:
                raise NotFound(NO_CHANNEL)
            was, sealed = found
            if was.kind != given.kind:
                raise invalid("kind", "cannot be changed")
            await self._require_free(connection, by, given.name, channel_id)
            content = self._content(given, (was, sealed), None)
            now = await self._store.put(connection, was, content)
            entry = audit_entry(
                by,
                "notification_channel.update",
                channel_id,
                changes=changes_of(_shown(was), _shown(now)),
            )
            await self._audit.record(connection, entry)
        self._wake_jobs()
        return now

    async def delete(self, by: Principal, channel_id: str) -> None:
        """Raises `NotFound`, and `Conflict` while a rule names it."""
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.change_alone(connection, by.org)
            found = await self._store.lock(connection, by.org, channel_id)
            if found is None:
                raise NotFound(NO_CHANNEL)
            rule = await self._store.named_by(connection, by.org, channel_id)
            if rule is not None:
                raise Conflict(f"the rule {rule} names the channel")
            await self._store.delete(connection, by.org, channel_id)
            name = found[0].name
            await self._audit.record(
                connection, audit_entry(by, "notification_channel.delete", channel_id, name=name)
            )

    async def test(self, by: Principal, channel_id: str) -> AttemptOutcome:
        """Sends something of no meaning, once, and waits for the answer. Raises `NotFound`,
        `Overloaded`."""
        await self.get(by, channel_id)
        due = await self._store.due(by.org, channel_id)
        if due is None:
            raise NotFound(NO_CHANNEL)
        if self._testing >= AT_ONCE:
            raise Overloaded("too many wait for the answers of channels")
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._audit.record(
                connection, audit_entry(by, "notification_channel.test", channel_id)
            )
        self._testing += 1
        try:
            return await self._sender.test(due)
        finally:
            self._testing -= 1

    async def _require_free(
        self, connection: Connection, by: Principal, name: str, but: str
    ) -> None:
        if await self._store.is_taken(connection, by.org, name, but):
            raise Conflict(f"there is a channel {name}")

    def _content(
        self,
        given: GivenChannel,
        former: tuple[NotificationChannel, SealedChannel | None] | None,
        made: str | None,
    ) -> ChannelContent:
        """Raises `Invalid`."""
        require_visible(given.name, "name")
        content = ChannelContent(
            name=given.name,
            kind=given.kind,
            url=None,
            recipients=None,
            sealed=None,
            group_seconds=given.group_seconds,
            repeat_minutes=given.repeat_minutes,
        )
        if given.kind == "email":
            return structs.replace(content, recipients=self._recipients(given))
        return structs.replace(content, url=self._url(given), sealed=_sealed(given, former, made))

    def _recipients(self, given: GivenChannel) -> "builtins.list[str]":
        if not self._has_mail:
            raise invalid("kind", "this hub has no mail server: LONGLINE_SMTP_URL")
        if given.url is not None or given.secret is not None or given.headers is not None:
            raise invalid("settings", "an e-mail has to alone")
        if not given.recipients:
            raise invalid("settings.to", "names nobody")
        require_recipients(given.recipients)
        return given.recipients

    def _url(self, given: GivenChannel) -> str:
        url = given.url or ""
        if given.recipients is not None:
            raise invalid("settings.to", "belongs to email")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise invalid("settings.url", "must be ASCII without spaces")
        if (problem := self._allowed.problem_of(url)) is not None:
            raise invalid("settings.url", problem)
        return url


def _sealed(
    given: GivenChannel,
    former: tuple[NotificationChannel, SealedChannel | None] | None,
    made: str | None,
) -> SealedChannel:
    was = SealedChannel(secret="") if former is None else former[1] or SealedChannel(secret="")
    same = former is not None and is_same_place(former[0].url or "", given.url or "")
    headers = with_headers(given.headers, was.headers, HIDDEN, same_place=same)
    require_headers(headers)
    secret = made or was.secret
    if given.secret is not None and given.secret != HIDDEN:
        if not is_secret(given.secret):
            raise invalid("settings.secret", "is whsec_ and 24 to 64 bytes in base64")
        secret = given.secret
    if not secret:
        raise invalid("settings.secret", "is not known: give it")
    return SealedChannel(secret=secret, headers=headers)


def _new_secret() -> str:
    return secret_of(secrets.token_bytes(SECRET_BYTES))


def _shown(channel: NotificationChannel) -> dict[str, object]:
    """For the audit."""
    return {
        "name": channel.name,
        "url": channel.url,
        "to": channel.recipients,
        "headers": channel.header_names,
        "groupSeconds": channel.group_seconds,
        "repeatMinutes": channel.repeat_minutes,
    }
