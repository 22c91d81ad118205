"""`/notification-channels` and `/silences`."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.audit.entries import HIDDEN
from hub.base.paging import Items
from hub.channels.records import (
    GROUP_SECONDS,
    MOST_RECIPIENTS,
    REPEAT_MINUTES,
    ChannelKind,
    NotificationChannel,
    Silence,
)
from hub.channels.sending import is_taken
from hub.channels.service import ChannelService, GivenChannel
from hub.channels.silencing import GivenSilence, Silencing
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Text
from hub.web.route import Call
from protocol.codec import at, rfc3339


class ChannelSettings(Body, frozen=True, kw_only=True):
    """Of a webhook `url`, and if wanted `secret` and `headers`; of an e-mail `to`. `hidden` stands
    for the secret, or the value of a header, that there is."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    secret: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    headers: dict[str, Annotated[str, Meta(max_length=4096)]] | None = None
    to: Annotated[list[Text], Meta(min_length=1, max_length=MOST_RECIPIENTS)] | None = None
    group_seconds: Annotated[int, Meta(ge=10, le=86_400)] = GROUP_SECONDS
    """Between two messages."""
    repeat_minutes: Annotated[int, Meta(ge=1, le=10_080)] = REPEAT_MINUTES
    """Between two messages of what is critical and nobody has acknowledged."""


class ChannelBody(Body, frozen=True):
    name: Text
    kind: ChannelKind
    settings: ChannelSettings


class ShownSettings(Struct, frozen=True, rename="camel", kw_only=True):
    """The secret is shown once, where the hub has made it."""

    url: str | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType = UNSET
    to: list[str] | UnsetType = UNSET
    group_seconds: int
    repeat_minutes: int


class ChannelItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    kind: ChannelKind
    settings: ShownSettings
    version: int
    sent_at: str | None
    created_at: str
    created_by: str
    updated_at: str


class ChannelTest(Struct, frozen=True, kw_only=True):
    """`status` is that of the answer, or of the mail server; null where there was none."""

    taken: bool
    status: int | None
    error: str | None
    ms: int


class SilenceBody(Body, frozen=True):
    query: Annotated[str, Meta(min_length=1)]
    until: Moment
    comment: Annotated[str, Meta(min_length=1, max_length=1024)]
    rule: Text | None = None
    """The name of one; null: whatever raises an alert."""


class SilenceItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    query: str
    rule: str | None
    until: str
    active: bool
    comment: str
    created_at: str
    created_by: str


class ChannelEndpoints:
    def __init__(self, service: ChannelService, silencing: Silencing) -> None:
        self._service = service
        self._silencing = silencing

    async def list(self, call: Call[ListQuery, None]) -> Items[ChannelItem]:
        page = await self._service.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_item(row) for row in page.items], page.next)

    async def create(self, call: Call[None, ChannelBody]) -> Answer:
        made, secret = await self._service.create(call.principal, _given(call.body))
        location = f"/api/v1/notification-channels/{made.channel_id}"
        return Answer(_item(made, secret or HIDDEN), status=201, location=location)

    async def get(self, call: Call[None, None]) -> ChannelItem:
        return _item(await self._service.get(call.principal, call.path("id")))

    async def replace(self, call: Call[None, ChannelBody]) -> ChannelItem:
        given = _given(call.body)
        return _item(await self._service.replace(call.principal, call.path("id"), given))

    async def delete(self, call: Call[None, None]) -> None:
        await self._service.delete(call.principal, call.path("id"))

    async def test(self, call: Call[None, None]) -> ChannelTest:
        outcome = await self._service.test(call.principal, call.path("id"))
        return ChannelTest(
            taken=is_taken(outcome), status=outcome.status, error=outcome.error, ms=outcome.ms
        )

    async def silences(self, call: Call[ListQuery, None]) -> Items[SilenceItem]:
        page = await self._silencing.list(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_silence(row) for row in page.items], page.next)

    async def silence(self, call: Call[None, SilenceBody]) -> Answer:
        body = call.body
        given = GivenSilence(
            query=body.query, rule=body.rule, until=body.until, comment=body.comment
        )
        made = await self._silencing.create(call.principal, given)
        location = f"/api/v1/silences/{made.silence_id}"
        return Answer(_silence(made), status=201, location=location)

    async def get_silence(self, call: Call[None, None]) -> SilenceItem:
        return _silence(await self._silencing.get(call.principal, call.path("id")))

    async def delete_silence(self, call: Call[None, None]) -> None:
        await self._silencing.delete(call.principal, call.path("id"))


def _given(body: ChannelBody) -> GivenChannel:
    settings = body.settings
    return GivenChannel(
        name=body.name,
        kind=body.kind,
        url=settings.url,
        secret=settings.secret,
        headers=settings.headers,
        recipients=settings.to,
        group_seconds=settings.group_seconds,
        repeat_minutes=settings.repeat_minutes,
    )


def _item(row: NotificationChannel, secret: str = HIDDEN) -> ChannelItem:
    is_webhook = row.kind == "webhook"
    shown = ShownSettings(
        url=row.url or UNSET,
        secret=secret if is_webhook else UNSET,
        headers=dict.fromkeys(row.header_names, HIDDEN) if is_webhook else UNSET,
        to=UNSET if row.recipients is None else row.recipients,
        group_seconds=row.group_seconds,
        repeat_minutes=row.repeat_minutes,
    )
    return ChannelItem(
        id=row.channel_id,
        name=row.name,
        kind=row.kind,
        settings=shown,
        version=row.version,
        sent_at=at(row.sent_at),
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
        updated_at=rfc3339(row.updated_at),
    )


def _silence(row: Silence) -> SilenceItem:
    return SilenceItem(
        id=row.silence_id,
        query=row.query,
        rule=row.rule,
        until=rfc3339(row.until),
        active=row.is_active,
        comment=row.comment,
        created_at=rfc3339(row.created_at),
        created_by=row.created_by,
    )
