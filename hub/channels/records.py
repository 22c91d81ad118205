"""A channel, a silence, and what waits to be told, as their rows say it. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from hub.alerts.records import Alert
from hub.base.errors import invalid
from protocol.ids import OrgId

JOB: Final = "notification"
"""The kind of job that sends by a channel."""
ChannelKind = Literal["webhook", "email"]
MOST_CHANNELS: Final = 50
MOST_SILENCES: Final = 100
MOST_SILENT_DAYS: Final = 30
MOST_RECIPIENTS: Final = 20
GROUP_SECONDS: Final = 60
REPEAT_MINUTES: Final = 60
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"\\()\[\]\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,253}")


class SealedChannel(Struct, frozen=True, kw_only=True):
    """What of a channel nobody reads back."""

    secret: str
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "SealedChannel()"


class NotificationChannel(Struct, frozen=True, kw_only=True):
    """A webhook has a `url`, a channel by e-mail `recipients`."""

    org: OrgId
    channel_id: str
    version: int
    name: str
    kind: ChannelKind
    url: str | None
    recipients: list[str] | None
    header_names: list[str]
    group_seconds: int
    repeat_minutes: int
    sent_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime


class SilenceOwner(Struct, frozen=True):
    kind: str
    id: str
    key: str | None


class Silence(Struct, frozen=True, kw_only=True):
    """`rule_id` None: of each rule, and of none."""

    org: OrgId
    silence_id: str
    query: str
    words: Mapping[str, str]
    rule_id: str | None
    rule: str | None
    until: datetime
    is_active: bool
    comment: str
    owner: SilenceOwner
    created_at: datetime
    created_by: str


class WaitingAlert(Struct, frozen=True):
    """An alert of which a channel is to tell. `age`: for how many seconds it has waited."""

    number: int
    alert: Alert
    age: float
    held: bool
    is_inhibited: bool


class Message(Struct, frozen=True, kw_only=True):
    """`age`: seconds since it was made."""

    message_id: str
    subject: str
    body: str
    attempts: int
    age: float


def require_recipients(recipients: list[str]) -> None:
    """Raises `Invalid`."""
    for at, each in enumerate(recipients):
        if not each.isascii() or not _ADDRESS.fullmatch(each):
            raise invalid(f"settings.to[{at}]", "is no address")
